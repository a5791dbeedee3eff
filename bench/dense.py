"""Is an honest kind of customer accused where there are very many of it, and no campaign?

A rare mistake shows where the customers that it is made about are dense: each honest kind of the
lab in turn, some hundreds of accounts of it among two thousand individuals.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from bench.scan import KEY, machine

from stillwatch.lab.scenario import Scenario
from stillwatch.lab.sketched import simulate_sketches
from stillwatch.scanning import scan
from stillwatch.schema import Verdict
from stillwatch.sketch import SketchKey

RESULTS = Path("bench-results/dense.json")
DAYS = 12
AROUND: dict[str, Any] = {
    "individuals": {"accounts": 2_000},
    "benchmark_labs": {"accounts": 30},
    "batch_labelling": {"accounts": 30, "per_day": 50.0},
}
DENSE: dict[str, Any] = {
    "popular_app": {"accounts": 300, "per_day": 2.5, "copies": 4},
    "pinned_app": {"accounts": 300, "per_day": 2.5, "copies": 4},
    "byo_key_product": {"accounts": 200, "per_day": 3.0, "copies": 4},
    "viral_prompt": {"accounts": 300, "copies": 4},
    "freelancers": {"accounts": 40, "copies": 20},
    "carrier_nat": {"accounts": 300, "copies": 3},
    "university_class": {"accounts": 60, "copies": 12},
    "hackathon": {"accounts": 60, "copies": 14},
    "platform": {"accounts": 150, "users": 60},
    "enterprise": {"accounts": 60, "per_day": 5.0, "copies": 12},
    "agency": {"accounts": 12, "copies": 50},
    "sharded_company": {"accounts": 16, "copies": 30},
    "resale_pool": {"accounts": 30, "copies": 20},
    "batch_labelling": {"accounts": 600, "per_day": 50.0},
    "batch_long": {"accounts": 500, "per_day": 50.0},
    "benchmark_labs": {"accounts": 400},
}
"""Honest kinds, and how many of each."""


def main() -> None:
    """Scan each world, print the verdicts, and write them to `RESULTS`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--kinds", nargs="+", default=list(DENSE), choices=DENSE)
    given = parser.parse_args()
    os.environ["STILLWATCH_KEY"] = KEY
    figures: dict[str, Any] = {"machine": machine(), "days": DAYS, "runs": []}
    for seed in given.seeds:
        for kind in given.kinds:
            with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as name:
                found = {"kind": kind, "seed": seed} | verdicts(kind, seed, Path(name))
            figures["runs"].append(found)
            print(line(found), flush=True)
    every = [run for run in figures["runs"] if run["accused"]]
    print(f"{len(every)} of {len(figures['runs'])} worlds with anybody accused")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def verdicts(kind: str, seed: int, folder: Path) -> dict[str, Any]:
    """Verdicts other than clear in a world that is dense in one kind."""
    scenario = Scenario(days=DAYS, sketches=True, groups=AROUND | {kind: DENSE[kind]})
    made = simulate_sketches(scenario, folder, seed=seed, key=SketchKey.load())
    found = scan([], out=folder / "scan", sketches=made.sketches, accounts=made.accounts)
    truth = pq.read_table(folder / "truth.parquet").to_pylist()
    group = {row["account_id"]: row["group"].split("/")[0] for row in truth}
    said = [(row["verdict"], group[row["account_id"]]) for row in found.accounts.to_pylist()]
    counts = Counter(said)
    return {
        "accounts": len(truth),
        "requests": made.requests,
        "accused": sum(n for (verdict, _), n in counts.items() if verdict == Verdict.DISTILLATION),
        "others": {
            f"{verdict} {who}": n
            for (verdict, who), n in sorted(counts.items())
            if verdict not in {Verdict.CLEAR, Verdict.DISTILLATION}
        },
    }


def line(found: dict[str, Any]) -> str:
    """A world, for people."""
    others = ", ".join(f"{n:,} {what}" for what, n in found["others"].items()) or "all others clear"
    return (
        f"{found['kind']:<18} seed {found['seed']}  {found['accounts']:>6,} accounts "
        f"{found['requests']:>9,} requests  {found['accused']:>3} accused; {others}"
    )


if __name__ == "__main__":
    main()
