"""How well the window test sees a corpus among honest queries, on real prompts (`lab.windows`)."""

from __future__ import annotations

import argparse
import platform
from collections import Counter
from pathlib import Path

from stillwatch.lab.windows import LEVEL, SIZE, window_calls


def main() -> None:
    """Print the share of windows that are called an extraction, by the share of a corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", required=True, type=Path)
    parser.add_argument("--windows", type=int, default=120)
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    print(f"{platform.machine()}, windows of {chosen.size}, level {LEVEL}, {chosen.seeds} seeds")
    called: Counter[float] = Counter()
    drawn: Counter[float] = Counter()
    for seed in range(chosen.seeds):
        found = window_calls(chosen.prompts, seed=seed, windows=chosen.windows, size=chosen.size)
        for share, hits in found.items():
            called[share] += sum(hits)
            drawn[share] += len(hits)
    for share, windows in drawn.items():
        print(f"{share:5.0%} of a corpus: {called[share]} of {windows} windows")


if __name__ == "__main__":
    main()
