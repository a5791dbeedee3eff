"""How well the window test sees a corpus among honest queries, on real prompts.

The file is a Parquet table with `prompt` and `kind`, where kind `benign` was written by people, and
`distill` and `cot_style` were used to make training data. Half of the benign prompts are the
reference; windows are drawn from the other half, with a share of the rest mixed in.
"""

from __future__ import annotations

import argparse
import platform

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.campaigns.window import WindowTest

LEVEL = 0.003
ATTACKS = ("distill", "cot_style")


def main() -> None:
    """Print the share of windows that are called an extraction, by the share of a corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", required=True)
    parser.add_argument("--windows", type=int, default=200)
    parser.add_argument("--size", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    table = pq.read_table(chosen.prompts, columns=["kind", "prompt"])
    benign = table.filter(pc.equal(table["kind"], "benign"))["prompt"].to_pylist()
    corpus = table.filter(pc.is_in(table["kind"], pa.array(ATTACKS)))
    attacks = corpus["prompt"].to_pylist()
    print(f"{platform.machine()}, windows of {chosen.size}, level {LEVEL}, {chosen.seeds} seeds")
    found: dict[float, list[bool]] = {}
    for seed in range(chosen.seeds):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(benign))
        reference = [benign[i] for i in order[::2]]
        others = [benign[i] for i in order[1::2]]
        test = WindowTest.of(reference, seed=seed)
        for share in (0.0, 0.05, 0.1, 0.25):
            mixed = round(share * chosen.size)
            for _ in range(chosen.windows if share == 0 else chosen.windows // 4):
                window = [others[i] for i in rng.choice(len(others), chosen.size - mixed, False)]
                window += [attacks[i] for i in rng.choice(len(attacks), mixed, False)]
                found.setdefault(share, []).append(test.test(window).p_value <= LEVEL)
    for share, hits in found.items():
        print(f"{share:5.0%} of a corpus: {np.mean(hits):.3f} of {len(hits)} windows")


if __name__ == "__main__":
    main()
