"""Providers to simulate that several tests look at."""

from __future__ import annotations

from typing import Any

HYDRA: dict[str, dict[str, Any]] = {
    "individuals": {"accounts": 110, "per_day": 5.0, "rare": 0.0},
    "popular_app": {"accounts": 30},
    "hydra": {
        "kind": "loud_hydra", "accounts": 20, "life_days": 0.0, "network": "proxies",
        "email": "invented", "payment": "several",
    },
}  # fmt: skip
"""People, an application of theirs, and a campaign of twenty accounts that hides who pays."""

COVERED: dict[str, dict[str, Any]] = {
    "individuals": {"accounts": 120, "per_day": 2.0},
    "popular_app": {"accounts": 40},
    "cover_traffic": {"accounts": 30, "per_day": 10.0},
}
"""People, an application of theirs, and a campaign of thirty accounts behind cover traffic."""
