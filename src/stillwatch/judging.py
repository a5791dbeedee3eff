"""Which code and which thresholds a verdict was reached with."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from functools import cache
from importlib import resources
from typing import Any

PACKAGES = ("stillwatch.campaigns",)
"""The packages that verdicts are reached by."""

READERS = frozenset(
    (
        "block", "columns", "feeding", "forward", "grown", "ranged", "reading", "record", "segment",
        "spread",
    )
)  # fmt: skip
"""Modules of these that only read: whichever of them reads a log, its requests are the same."""


@cache
def code_digest() -> str:
    """SHA-256 over the source of the modules that judge, in order of their names."""
    total = hashlib.sha256()
    for package in PACKAGES:
        for file in sorted(resources.files(package).iterdir(), key=lambda f: f.name):
            module, _, kind = file.name.rpartition(".")
            if kind in {"py", "toml"} and module not in READERS:
                total.update(f"{package}/{file.name}\n".encode())
                total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


@cache
def thresholds() -> dict[str, Any]:
    """Every constant of the packages that judge, by module and name, as far as JSON can hold it."""
    found: dict[str, Any] = {}
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        for module in pkgutil.iter_modules(path):
            loaded = importlib.import_module(f"{package}.{module.name}")
            for name, value in vars(loaded).items():
                if name.isupper() and not name.startswith("_") and isinstance(value, (int, float)):
                    found[f"{module.name}.{name}"] = float(value)
    return dict(sorted(found.items()))
