"""A small simulated provider, scanned, with a ledger: what bundles and reports are made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stillwatch.evidence.commitments import Vault
from stillwatch.evidence.ledger import Ledger
from stillwatch.evidence.registrar import Registrar
from stillwatch.evidence.signing import SigningKey
from stillwatch.lab import Scenario, simulate
from stillwatch.scanning import scan
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.schema import Campaign, Findings

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = SketchKey.from_hex("5c" * 32, source="the tests")
SIGNING = SigningKey("evidence.example.com", b"\x11" * 32)


WORLD = Scenario(
    days=10,
    groups={
        "individuals": {"accounts": 240, "per_day": 2.0},
        "popular_app": {"accounts": 30},
        "cover_traffic": {"accounts": 30, "per_day": 10.0},
        "careful": {"accounts": 25},
        "lone_extractor": {"per_day": 150.0},
        "agency": {},
    },
)
"""Honest accounts, two campaigns, a lone extractor and an agency."""


@dataclass(frozen=True)
class Scanned:
    """A scan's folder, its findings, and one campaign that was found."""

    folder: Path
    findings: Findings
    campaign: Campaign


def scanned(folder: Path, scenario: Scenario) -> Scanned:
    made = simulate(scenario, folder / "provider", seed=0)
    found = scan([made.log], accounts=made.accounts, out=folder / "scan", key=KEY)
    return Scanned(folder / "scan", found.findings, found.findings.campaigns[0])


def registrar(folder: Path, key: SigningKey = SIGNING) -> Registrar:
    ledger = Ledger(folder / "ledger", key, clock=lambda: AT)
    return Registrar(ledger, key, Vault(folder / "vault.db"), clock=lambda: AT)
