"""How long a bundle about a very large campaign takes to make and to verify.

    python -m bench.evidence --accounts 25000 --out bench-results/evidence

Simulates a provider with one campaign of so many accounts, scans its log, makes the bundle, and
verifies it in a fresh process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from stillwatch.evidence.bundle.build import build_bundle
from stillwatch.evidence.commitments import Vault
from stillwatch.evidence.ledger import Ledger
from stillwatch.evidence.registrar import Registrar
from stillwatch.evidence.signing import SigningKey
from stillwatch.lab import Scenario, simulate
from stillwatch.scanning import scan
from stillwatch.sketch import SketchKey


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=25_000)
    parser.add_argument("--days", type=int, default=8)
    parser.add_argument("--per-day", type=float, default=3.0)
    parser.add_argument("--out", type=Path, default=Path("bench-results/evidence"))
    given = parser.parse_args()
    world = Scenario(
        days=given.days,
        groups={
            "individuals": {"accounts": 600, "per_day": 3.0},
            "popular_app": {"accounts": 100},
            "cover_traffic": {"accounts": given.accounts, "per_day": given.per_day},
        },
    )
    key = SketchKey(b"\x5c" * 32)
    took: dict[str, float] = {}
    begun = time.perf_counter()
    made = simulate(world, given.out / "provider", seed=0)
    took["simulate"] = time.perf_counter() - begun
    begun = time.perf_counter()
    found = scan([made.log], accounts=made.accounts, out=given.out / "scan", key=key)
    took["scan"] = time.perf_counter() - begun
    campaign = max(found.findings.campaigns, key=lambda c: len(c.members))
    signing = SigningKey("bench.example.com", b"\x11" * 32)
    registrar = Registrar(
        Ledger(given.out / "ledger", signing), signing, Vault(given.out / "vault.db")
    )
    begun = time.perf_counter()
    data = build_bundle(given.out / "scan", campaign.campaign_id, registrar)
    took["bundle"] = time.perf_counter() - begun
    path = given.out / "campaign.evidence.zip"
    path.write_bytes(data)
    begun = time.perf_counter()
    done = subprocess.run(
        [Path(sys.executable).with_name("stillwatch"), "verify", path, "--json"],
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    took["verify"] = time.perf_counter() - begun
    print(
        json.dumps(
            {
                "requests": made.requests,
                "verdict": str(campaign.verdict),
                "members": len(campaign.members),
                "bundle_bytes": len(data),
                "sound": json.loads(done.stdout)["sound"],
                "seconds": {name: round(value, 1) for name, value in took.items()},
                "verify_memory_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10,
                "cores": os.cpu_count(),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
