"""How well the window test sees a corpus among honest queries, on real prompts.

Half of what people wrote is the reference; windows are drawn from the other half, with a share of
prompts that were used to make training data mixed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.campaigns.window import WindowTest
from stillwatch.lab.text.real import HARVEST_KINDS, read_prompts

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE_KIND = "benign"

SHARES = (0.0, 0.05, 0.1, 0.25)
"""Of a corpus in a window."""

LEVEL = 0.003
"""P-value up to which a window is called an extraction."""

SIZE = 1500
"""Queries of a window."""


def window_calls(
    prompts: Path, *, seed: int, windows: int, size: int = SIZE
) -> dict[float, list[bool]]:
    """Which windows are called an extraction.

    Args:
        prompts: a Parquet file of real prompts, as the lab takes it.
        seed: of the halves and of what is drawn.
        windows: without any of a corpus; a quarter as many with each share.
        size: queries of a window.

    Returns:
        By share of a corpus, a value for each window; nothing where the file has too few prompts.

    Raises:
        InputError: the file cannot be read.
    """
    kinds, texts = (pa.array(column) for column in read_prompts(prompts)[1:])
    people = texts.filter(pc.equal(kinds, PEOPLE_KIND)).to_pylist()
    corpus = texts.filter(pc.is_in(kinds, pa.array(HARVEST_KINDS))).to_pylist()
    if len(people) < 2 * size or len(corpus) < max(SHARES) * size:
        return {}
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(people))
    others = [people[i] for i in order[1::2]]
    test = WindowTest.of([people[i] for i in order[::2]], seed=seed)
    found: dict[float, list[bool]] = {}
    for share in SHARES:
        mixed = round(share * size)
        for _ in range(windows if share == 0 else windows // 4):
            window = [others[i] for i in rng.choice(len(others), size - mixed, replace=False)]
            window += [corpus[i] for i in rng.choice(len(corpus), mixed, replace=False)]
            found.setdefault(share, []).append(test.test(window).p_value <= LEVEL)
    return found
