"""How do time and memory of a scan grow with the provider, beside two plain queries of DuckDB?

The queries are what any linker has to ask at least: features of every account, and pairs of
accounts that share something rare, through an inverted index with capped document frequency. They
read the same files in the same run, since figures of different machines do not compare.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from bench.scan import KEY, SEED, machine

from stillwatch.lab.score import score

PRESET = "alibaba-2026"
RESULTS = Path("bench-results/scale.json")
MOST_ACCOUNTS = 100
"""Document frequency from which on a thing links nobody: pairs grow with its square."""

FEATURES = """
    CREATE TABLE features AS
    SELECT account, count(*), min(timestamp), max(timestamp), count(DISTINCT body_key),
           avg(elicitation), avg(output_tokens), count(DISTINCT epoch(timestamp) // 3600)
    FROM sketches GROUP BY account
"""
PAIRS = f"""
    CREATE TABLE pairs AS
    WITH things AS (
        SELECT DISTINCT account, head8_key AS thing FROM sketches WHERE head8_key IS NOT NULL
    ), rare AS (
        SELECT thing FROM things GROUP BY thing HAVING count(*) BETWEEN 2 AND {MOST_ACCOUNTS}
    ), kept AS (SELECT * FROM things SEMI JOIN rare USING (thing))
    SELECT a.account AS one, b.account AS other, count(*) AS shared
    FROM kept a JOIN kept b ON a.thing = b.thing AND a.account < b.account
    GROUP BY ALL
"""


def main() -> None:
    """Measure at each scale, print, and write the figures to `RESULTS`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scales", type=float, nargs="+", default=[0.001, 0.01])
    parser.add_argument("--memory", default="4GB")
    given = parser.parse_args()
    os.environ["STILLWATCH_KEY"] = KEY
    figures: dict[str, Any] = {"machine": machine(), "seed": SEED, "memory": given.memory}
    rows = []
    for scale in given.scales:
        with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as name:
            rows.append({"scale": scale} | measure(Path(name), scale, given.memory))
            show(rows[-1])
    figures["runs"] = rows
    if len(rows) > 1:
        first, last = rows[0], rows[-1]
        growth = math.log(last["requests"] / first["requests"])
        figures["exponent"] = round(math.log(last["scan"] / first["scan"]) / growth, 2)
        print(f"growth of the scan from first to last: exponent {figures['exponent']}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measure(folder: Path, scale: float, memory: str) -> dict[str, Any]:
    """Simulate one provider, query it plainly, scan it, and compare with the truth."""
    world = folder / "world"
    simulate = ["lab", "simulate", "--preset", PRESET, "--seed", SEED, "--scale", scale]
    simulated, _ = run(*simulate, "--out", world)
    plain = plain_seconds(world / "sketches", folder / "spill", memory)
    given = ["--sketches", world / "sketches", "--accounts", world / "accounts.jsonl"]
    seconds, peak = run("scan", *given, "--out", folder / "scan", "--memory", memory)
    found = score(world, folder / "scan")
    members = sum(one.accounts for one in found.campaigns)
    days = list((world / "sketches" / "days").iterdir())
    requests = sum(pq.read_metadata(day).num_rows for day in days)
    return {
        "requests": requests,
        "accounts": sum(group.accounts for group in found.groups),
        "bytes_a_request": round(sum(day.stat().st_size for day in days) / requests),
        "simulate": round(simulated, 1),
        "plain_queries": round(plain, 1),
        "scan": round(seconds, 1),
        "ratio": round(seconds / plain, 1),
        "peak_gib": round(peak / 2**30, 2),
        "found": round(sum(one.recall * one.accounts for one in found.campaigns) / members, 4),
        "honest_accused": found.accused,
    }


def plain_seconds(sketches: Path, spill: Path, memory: str) -> float:
    """Seconds of the two plain queries over the same files."""
    connection = duckdb.connect(config={"memory_limit": memory, "temp_directory": str(spill)})
    connection.execute(f"CREATE VIEW sketches AS FROM read_parquet('{sketches}/days/*.parquet')")
    started = time.perf_counter()
    connection.execute(FEATURES)
    connection.execute(PAIRS)
    seconds = time.perf_counter() - started
    connection.close()
    shutil.rmtree(spill, ignore_errors=True)
    return seconds


def run(*arguments: object) -> tuple[float, int]:
    """Seconds and peak resident bytes of a command in a process of its own."""
    script = str(Path(sys.executable).with_name("stillwatch"))
    command = [script, *map(str, arguments), "--quiet"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[1]} failed with exit code {process.returncode}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def show(row: dict[str, Any]) -> None:
    """Print one scale for people."""
    print(
        f"{row['requests']:>12,} requests of {row['accounts']:,} accounts: simulate "
        f"{row['simulate']} s, plain queries {row['plain_queries']} s, scan {row['scan']} s "
        f"(ratio {row['ratio']}), peak {row['peak_gib']} GiB, found {row['found']:.2%}, "
        f"honest accused {row['honest_accused']}",
        flush=True,
    )


if __name__ == "__main__":
    main()
