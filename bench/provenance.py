"""How many rows a second does provenance read, and how much memory does it take?

The rows are the lab's own text: half of them are copies of registered answers, the others are new.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from bench.scale import run
from bench.scan import machine

from stillwatch.lab.rng import Dice
from stillwatch.lab.text.corpus import OwnText

SEED = 0
KEY = "5c" * 32
DISTINCT = 20_000
REGISTERED = 10_000
RESULTS = Path("bench-results/provenance.json")


def main() -> None:
    """Measure, print, and write the figures to `RESULTS`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    rows: int = parser.parse_args().rows
    os.environ["STILLWATCH_KEY"] = KEY
    with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as name:
        folder = Path(name)
        answers, dataset, register = (folder / n for n in ("a.jsonl", "d.jsonl", "register"))
        write(answers, dataset, rows)
        run("provenance", "register", answers, "--name", "teacher", "--out", register)
        seconds, peak = run("provenance", "check", dataset, "--answers", register)
        size = dataset.stat().st_size
    figures = {
        "machine": machine(),
        "seed": SEED,
        "rows": rows,
        "megabytes": round(size / 1e6),
        "rows_per_second": round(rows / seconds),
        "seconds": round(seconds, 1),
        "peak_gib": round(peak / 2**30, 2),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(
        f"{rows:,} rows, {figures['megabytes']} MB, {REGISTERED:,} registered answers\n"
        f"provenance            {figures['rows_per_second']:>9,} rows/s, {figures['seconds']} s, "
        f"peak {figures['peak_gib']} GiB"
    )


def write(answers: Path, dataset: Path, rows: int) -> None:
    """Write registered answers, and a training set in which every second row is one of them."""
    dice = Dice(SEED)
    corpus, rnd = OwnText(dice.child("text")), dice.py
    interests = [corpus.interest(rnd) for _ in range(200)]
    made = [
        json.dumps({"output": " ".join(corpus.record(rnd, rnd.choice(interests)) for _ in "123")})
        for _ in range(DISTINCT)
    ]
    answers.write_text("\n".join(made[:REGISTERED]) + "\n", encoding="utf-8")
    with dataset.open("w", encoding="utf-8") as file:
        file.writelines(made[number % DISTINCT] + "\n" for number in range(rows))


if __name__ == "__main__":
    main()
