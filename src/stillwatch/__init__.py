"""Stillwatch finds distillation campaigns in the request log of a model API.

The package is cheap to import; what it needs for a scan is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from stillwatch._version import __version__

if TYPE_CHECKING:
    from stillwatch import schema
    from stillwatch.campaigns.window import extraction_test
    from stillwatch.guard import Guard
    from stillwatch.scanning import Scan, scan
    from stillwatch.schema import Campaign, Findings, Verdict

__all__ = [
    "Campaign",
    "Findings",
    "Guard",
    "Scan",
    "Verdict",
    "__version__",
    "extraction_test",
    "scan",
    "schema",
]

_HOME = {
    "Campaign": "stillwatch.schema",
    "Findings": "stillwatch.schema",
    "Guard": "stillwatch.guard",
    "Scan": "stillwatch.scanning",
    "Verdict": "stillwatch.schema",
    "extraction_test": "stillwatch.campaigns.window",
    "scan": "stillwatch.scanning",
}


def __getattr__(name: str) -> object:
    if name == "schema":
        return import_module("stillwatch.schema")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
