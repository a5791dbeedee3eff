"""Stillwatch finds distillation campaigns in the request log of a model API.

The package is cheap to import; what it needs for a scan is loaded by the first scan.
"""

from __future__ import annotations

from stillwatch._version import __version__

__all__ = ["__version__"]
