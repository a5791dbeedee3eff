"""Random single changes to a bundle and to a ledger: is every one found?

    python -m bench.tampering --changes 1000

Changes one byte, drops or adds one, cuts the end off, swaps two stretches; in a ledger it also
removes and swaps files. Prints what was not found, and fails if anything was not.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.evidence.tampering import tamper_folder, tampered

from stillwatch.evidence.bundle.build import build_bundle
from stillwatch.evidence.bundle.verify import verify_bundle
from stillwatch.evidence.commitments import Vault
from stillwatch.evidence.ledger import Ledger, audit
from stillwatch.evidence.registrar import Registrar
from stillwatch.evidence.signing import LEDGER, SigningKey
from stillwatch.lab import Scenario, simulate
from stillwatch.scanning import scan
from stillwatch.sketch import SketchKey

KEY = SigningKey("bench.example.com", b"\x11" * 32)
WORLD = Scenario(
    days=8,
    groups={
        "individuals": {"accounts": 120, "per_day": 2.0},
        "cover_traffic": {"accounts": 30, "per_day": 10.0},
    },
)


def main() -> None:
    """Change, verify, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle, ledger = prepared(folder)
        missed = {
            "bundle": bundles(folder, bundle, given.changes, given.seed),
            "ledger": ledgers(folder, ledger, given.changes, given.seed),
        }
    print(json.dumps({"changes": given.changes, "missed": missed}, indent=2))
    sys.exit(any(missed.values()))


def prepared(folder: Path) -> tuple[bytes, Path]:
    """A bundle, and the ledger that it is entered in with a few hundred entries more."""
    made = simulate(WORLD, folder / "provider", seed=0)
    found = scan(
        [made.log], accounts=made.accounts, out=folder / "scan", key=SketchKey(b"\x5c" * 32)
    )
    ledger = Ledger(folder / "ledger", KEY)
    registrar = Registrar(ledger, KEY, Vault(folder / "vault.db"))
    for i in range(300):
        ledger.append("decision", {"number": i})
        if i % 60 == 59:
            ledger.checkpoint()
    data = build_bundle(folder / "scan", found.findings.campaigns[0].campaign_id, registrar)
    return data, ledger.folder


def bundles(folder: Path, bundle: bytes, changes: int, seed: int) -> list[str]:
    """Seeds of changes to the bundle that were not found."""
    path = folder / "changed.zip"
    missed = []
    for number in range(changes):
        path.write_bytes(tampered(random.Random(f"{seed} bundle {number}"), bundle))
        if verify_bundle(path).sound:
            missed.append(str(number))
    return missed


def ledgers(folder: Path, ledger: Path, changes: int, seed: int) -> list[str]:
    """Changes to the ledger that were not found."""
    copy = folder / "changed"
    missed, kinds = [], Counter[str]()
    for number in range(changes):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(ledger, copy)
        done = tamper_folder(random.Random(f"{seed} ledger {number}"), copy)
        kinds[done.split()[0]] += 1
        if audit(copy, [KEY.public(LEDGER)]).sound:
            missed.append(f"{number}: {done}")
    return missed


if __name__ == "__main__":
    main()
