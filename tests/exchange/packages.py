"""A package made up for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.exchange.importing import as_package
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from stillwatch.exchange.package import Package

PARTNERS = SketchKey(b"\x77" * 32)


def values(**changes: Any) -> dict[str, Any]:
    """A valid package as plain values."""
    made: dict[str, Any] = {
        "format": "stillwatch/share/1",
        "source": "first.example",
        "created": "2026-06-06T10:00:00Z",
        "modified": "2026-06-06T10:00:00Z",
        "tlp": "TLP:AMBER",
        "key": PARTNERS.fingerprint,
        "campaign": {
            "name": "k-0123456789ab",
            "verdict": "distillation",
            "first_seen": "2026-04-22T00:00:00Z",
            "last_seen": "2026-06-05T23:59:59Z",
            "accounts": 25000,
            "requests": 29000000,
            "capabilities": {"code": 0.7, "reasoning": 0.3},
            "coordination_p": 1e-9,
            "extraction_p": 0.01,
            "e_value": 1e7,
            "level": 0.01,
            "null": "independent accounts; people with something in common; one exercise",
            "limits": ["Who the operator is, is not known."],
        },
        "indicators": [indicator(i) for i in range(3)],
        "revoked": False,
        "reason": "",
        "disputes": 0,
    }
    return made | changes


def indicator(number: int, **changes: Any) -> dict[str, Any]:
    """A valid indicator as plain values."""
    return {
        "kind": ("system_key", "head8_key", "tail8_key")[number % 3],
        "token": f"{number:016x}",
        "accounts": 100,
        "confidence": 85,
        "valid_from": "2026-04-22T00:00:00Z",
        "valid_until": "2026-07-06T00:00:00Z",
        "revoked": False,
    } | changes


def package(**changes: Any) -> Package:
    """A valid package."""
    return as_package(values(**changes))


def plain(made: Package) -> Any:
    """A package as plain values."""
    return msgspec.to_builtins(made)
