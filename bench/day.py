"""What does one more day cost, when a scan goes on from an earlier one, and what does it find?

A world is scanned without its last days, with an index kept; then these are put back and the scan
goes on from there. Beside it stands the scan of everything, unless it is left out. With `--demos`
the worlds are demos with one seed after another, which hold every adversary of the lab.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from bench.scale import PRESET, run
from bench.scan import KEY, SEED, machine

from stillwatch.lab.score import score

RESULTS = Path("bench-results/day.json")


def main() -> None:
    """Measure at each scale, print, and write the figures to `RESULTS`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scales", type=float, nargs="+", default=[0.01])
    parser.add_argument("--days", type=int, default=1, help="days that come later")
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--world", type=Path, help="a world that was simulated already")
    parser.add_argument("--demos", type=int, default=0, help="demo worlds in place of scales")
    parser.add_argument("--without-whole", action="store_true", help="no scan of everything")
    given = parser.parse_args()
    os.environ["STILLWATCH_KEY"] = KEY
    rows = []
    for number in range(given.demos) if given.demos else given.scales:
        with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as name:
            folder = Path(name)
            world = given.world or folder / "world"
            if given.demos:
                demo(world, number)
            elif given.world is None:
                simulate = ["lab", "simulate", "--preset", PRESET, "--seed", SEED]
                run(*simulate, "--scale", number, "--out", world)
            rows.append(
                measure(folder, world, given.days, given.memory, whole=not given.without_whole)
            )
            print(show(rows[-1]), flush=True)
    figures = {"machine": machine(), "seed": SEED, "memory": given.memory, "runs": rows}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def demo(world: Path, seed: int) -> None:
    """Simulate a demo world, and sketch it."""
    run("lab", "simulate", "--preset", "demo", "--seed", seed, "--out", world)
    run("scan", world / "requests.jsonl", "--out", world / "scan")
    (world / "scan" / "sketches").replace(world / "sketches")


def measure(folder: Path, world: Path, late: int, memory: str, *, whole: bool) -> dict[str, Any]:
    """Scan without the last days, go on with them, and compare with a scan of everything."""
    days = sorted((world / "sketches" / "days").iterdir())
    requests = [pq.read_metadata(day).num_rows for day in days]
    given = ["--sketches", world / "sketches", "--accounts", world / "accounts.jsonl"]
    given += ["--memory", memory]
    held_back = world / "later"
    held_back.mkdir(exist_ok=True)
    for day in days[-late:]:
        day.replace(held_back / day.name)
    try:
        before, peak_before = run("scan", *given, "--out", folder / "before", "--keep-index")
    finally:
        for day in days[-late:]:
            (held_back / day.name).replace(day)
    index = sum(f.stat().st_size for f in (folder / "before/index").rglob("*") if f.is_file())
    seconds, peak = run("scan", *given, "--out", folder / "after", "--since", folder / "before")
    row: dict[str, Any] = {
        "requests": sum(requests),
        "later": sum(requests[-late:]),
        "days": late,
        "before": round(before, 1),
        "before_peak_gib": round(peak_before / 2**30, 2),
        "index_gb": round((index - sum(d.stat().st_size for d in days[:-late])) / 1e9, 2),
        "after": round(seconds, 1),
        "after_peak_gib": round(peak / 2**30, 2),
        "one_in": round(before / seconds, 1),
    }
    row |= _quality(world, folder / "after")
    row |= {f"before_{name}": value for name, value in _quality(world, folder / "before").items()}
    if whole:
        took, top = run("scan", *given, "--out", folder / "whole")
        row |= {"whole": round(took, 1), "whole_peak_gib": round(top / 2**30, 2)}
        row |= {f"whole_{name}": value for name, value in _quality(world, folder / "whole").items()}
        row["one_in"] = round(took / seconds, 1)
    return row


def _quality(world: Path, out: Path) -> dict[str, Any]:
    found = score(world, out)
    members = sum(one.accounts for one in found.campaigns)
    share = sum(one.recall * one.accounts for one in found.campaigns) / members
    return {"found": round(share, 4), "honest_accused": found.accused}


def show(row: dict[str, Any]) -> str:
    """One scale for people."""
    whole = f", of everything {row['whole']} s" if "whole" in row else ""
    return (
        f"{row['requests']:>12,} requests: scan without the last {row['days']} days "
        f"{row['before']} s (index {row['index_gb']} GB), with them since then {row['after']} s"
        f"{whole}: one in {row['one_in']}; peak {row['after_peak_gib']} GiB, found "
        f"{row['found']:.2%} (before {row['before_found']:.2%}, of everything "
        f"{row.get('whole_found', math.nan):.2%}), honest accused {row['honest_accused']} "
        f"({row['before_honest_accused']}, {row.get('whole_honest_accused', math.nan)})"
    )


if __name__ == "__main__":
    main()
