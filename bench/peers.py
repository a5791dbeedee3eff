"""How large may a log be for what others do, and what do they make of it?

Each method gets a process of its own, on worlds that double, until it takes longer or more memory
than it is given. Seconds are the method's own, reading the log left out for the others; a scan of
Stillwatch is timed whole, with reading and sketching.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from bench.scan import KEY, SEED, machine

from stillwatch.lab import preset, simulate
from stillwatch.lab.baselines import BASELINES
from stillwatch.lab.score import ACCOUNTS_FILE
from stillwatch.readers import open_log, read_accounts
from stillwatch.scanning import scan
from stillwatch.schema import REQUESTS, Verdict

OURS = "Stillwatch"
RESULTS = Path("bench-results/peers.json")
_GIB = 2**30


def main() -> None:
    """Measure each method on each world, print, and write the figures to `RESULTS`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scales", type=float, nargs="+", default=[0.5, 1.0, 2.0, 4.0])
    parser.add_argument("--seconds", type=float, default=300.0, help="most that a method may take")
    parser.add_argument("--gib", type=float, default=12.0, help="most memory that it may take")
    parser.add_argument("--method", help="run this one on --world, and print what it made of it")
    parser.add_argument("--world", type=Path)
    given = parser.parse_args()
    os.environ["STILLWATCH_KEY"] = KEY
    if given.method:
        print(json.dumps(one(given.method, given.world, given.seconds, given.gib)))
        return
    figures: dict[str, Any] = {"machine": machine(), "seed": SEED, "runs": []}
    stopped: set[str] = set()
    for scale in sorted(given.scales):
        with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as name:
            made = simulate(preset("demo").resized(scale), Path(name), seed=SEED)
            accounts = sum(made.accounts_by_group.values())
            print(f"\n{made.requests:,} requests of {accounts:,} accounts", flush=True)
            for method in [OURS, *BASELINES]:
                if method in stopped:
                    continue
                found = {"requests": made.requests, "method": method}
                found |= limited(method, Path(name), given.seconds, given.gib)
                figures["runs"].append(found)
                print(line(found), flush=True)
                if "stopped" in found:
                    stopped.add(method)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def limited(method: str, world: Path, seconds: float, gib: float) -> dict[str, Any]:
    """Run a method in a process of its own, up to the limits."""
    command = [sys.executable, "-m", "bench.peers", "--method", method, "--world", str(world)]
    limits = ["--seconds", str(seconds), "--gib", str(gib)]
    done = subprocess.run([*command, *limits], capture_output=True, text=True, check=False)
    if done.returncode == -signal.SIGALRM:
        return {"stopped": f"more than {seconds:g} s"}
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        return {"stopped": f"more than {gib:g} GiB ({', '.join(last)})"}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def one(method: str, world: Path, seconds: float, gib: float) -> dict[str, Any]:
    """What one method makes of one world, and what it takes; the process dies over the limits."""
    resource.setrlimit(resource.RLIMIT_DATA, (round(gib * _GIB),) * 2)
    log, declared = next(world.glob("requests.json*")), world / "accounts.jsonl"
    if method == OURS:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        started = time.perf_counter()
        scan([log], out=world / "scan", accounts=declared)
        taken = time.perf_counter() - started
        table = pq.read_table(world / "scan" / ACCOUNTS_FILE)
        guilty = pc.equal(table.column("verdict"), Verdict.DISTILLATION)
    else:
        batches = [batch.requests for batch in open_log([str(log)])]
        requests = pa.Table.from_batches(batches, schema=REQUESTS).combine_chunks()
        accounts = read_accounts(declared).table
        signal.setitimer(signal.ITIMER_REAL, seconds)
        started = time.perf_counter()
        table = BASELINES[method](requests, accounts)
        taken = time.perf_counter() - started
        guilty = table.column("accused")
    accused = set(table.filter(guilty).column("account_id").to_pylist())
    truth = pq.read_table(world / "truth.parquet").to_pylist()
    members = [row["account_id"] for row in truth if row["kind"] == "campaign"]
    return {
        "seconds": round(taken, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _GIB, 2),
        "found": round(len(accused.intersection(members)) / len(members), 3),
        "others_accused": len(accused.difference(members)),
        "others": len(truth) - len(members),
    }


def line(found: dict[str, Any]) -> str:
    """A run, for people."""
    if "stopped" in found:
        return f"{found['method']:14s} stopped: {found['stopped']}"
    accused = f"{found['others_accused']:,} of {found['others']:,}"
    return (
        f"{found['method']:14s} {found['seconds']:7.1f} s {found['peak_gib']:6.2f} GiB   "
        f"{found['found']:6.1%} of members, {accused} others"
    )


if __name__ == "__main__":
    main()
