"""How fast is a log read and sketched, and how much memory does a whole scan take?

DuckDB reading the same file in the same run is the yardstick, since figures of different machines
do not compare.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
from bench.log import write_log

from stillwatch.ingest import ingest
from stillwatch.readers import open_log
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.store import SketchStore

SEED = 0
WARM_UP_ROWS = 2_000
KEY = "5c" * 32
RESULTS = Path("bench-results/scan.json")


def main() -> None:
    """Measure, print, and write the figures to `RESULTS`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows: int = parser.parse_args().rows
    os.environ["STILLWATCH_KEY"] = KEY
    with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as name:
        figures = {"machine": machine(), "seed": SEED, "rows": rows} | measure(Path(name), rows)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    show(figures)


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """Run every measurement on one log."""
    log, warm_up = folder / "log.jsonl", folder / "warm-up.jsonl"
    write_log(warm_up, WARM_UP_ROWS, SEED)
    write_log(log, rows, SEED)
    sketch_seconds(warm_up, folder / "warm-up")
    sketched = sketch_seconds(log, folder / "sketched")
    read = duckdb_seconds(log)
    scanned, peak = scan_seconds_and_peak(log, folder / "scan")
    return {
        "megabytes": round(log.stat().st_size / 1e6),
        "sketch_requests_per_second": round(rows / sketched),
        "duckdb_requests_per_second": round(rows / read),
        "duckdb_ratio": round(read / sketched, 3),
        "scan_requests_per_second": round(rows / scanned),
        "scan_seconds": round(scanned, 1),
        "scan_peak_gib": round(peak / 2**30, 2),
    }


def sketch_seconds(log: Path, folder: Path) -> float:
    """Seconds to read, sketch and store a log."""
    key = SketchKey.load()
    store = SketchStore.open(folder, key.fingerprint)
    started = time.perf_counter()
    ingest(open_log([log]), store, Sketcher(key), folder / "rejected.jsonl")
    return time.perf_counter() - started


def duckdb_seconds(log: Path) -> float:
    """Seconds for DuckDB to parse the same file into a table."""
    connection = duckdb.connect()
    started = time.perf_counter()
    connection.execute("CREATE TABLE log AS SELECT * FROM read_json(?)", [str(log)])
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def scan_seconds_and_peak(log: Path, out: Path) -> tuple[float, int]:
    """Seconds and peak resident bytes of `stillwatch scan` in a process of its own."""
    command = [str(Path(sys.executable).with_name("stillwatch")), "scan", str(log)]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "--out", str(out), "--quiet"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the scan failed with exit code {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB elsewhere
    return seconds, usage.ru_maxrss * unit


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    names = ("stillwatch", "duckdb", "numba", "numpy", "pyarrow")
    return {
        "processor": _processor(),
        "cpus": str(os.cpu_count()),
        "system": platform.platform(),
        "python": platform.python_version(),
    } | {name: version(name) for name in names}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def show(figures: dict[str, Any]) -> None:
    """Print the figures for people."""
    print("\n".join(f"{name}: {value}" for name, value in figures["machine"].items()))
    print(f"seed: {figures['seed']}")
    print(
        f"\n{figures['rows']:,} requests, {figures['megabytes']:,} MB of JSON Lines\n"
        f"read, sketch, store   {figures['sketch_requests_per_second']:>9,} requests/s\n"
        f"DuckDB read_json      {figures['duckdb_requests_per_second']:>9,} requests/s "
        f"(ratio {figures['duckdb_ratio']})\n"
        f"whole scan            {figures['scan_requests_per_second']:>9,} requests/s, "
        f"{figures['scan_seconds']} s, peak {figures['scan_peak_gib']} GiB"
    )


if __name__ == "__main__":
    main()
