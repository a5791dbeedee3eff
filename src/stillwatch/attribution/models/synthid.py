"""SynthID-Text as transformers ships it, under our keys and with two settings that matter.

The processor takes its colours from a table of random bits, indexed by a linear congruential hash
modulo the table's size. With the shipped 2^16 entries only the lowest 16 bits of each round's key
count, so whoever holds marked text can search them a round at a time; a size that is prime brings
all 64 in. And the table is drawn by the generator of the device that the processor is made for;
ours is drawn on the CPU always, so that text made on one device can be tested on another.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.attribution.models import need_models

need_models("the scheme synthid")

import torch  # noqa: E402 - after the message that names the extra
from transformers import SynthIDTextWatermarkLogitsProcessor  # noqa: E402

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.attribution.keys import MarkKey

TABLE = 1_000_003
"""Entries of the table: a prime; 8 MB."""

TABLE_SEED = 0
HISTORY = 1024
"""Contexts of an answer that are remembered: in a repeated one nothing is marked."""

_PURPOSE = "synthid"
_AT_ONCE = 50_000


def processor(key: MarkKey, device: Any = "cpu", table_size: int = TABLE) -> Any:
    """A fresh processor for one call of `generate`; it keeps state, so it is used once."""
    depth = key.mark.depth
    made = SynthIDTextWatermarkLogitsProcessor(
        ngram_len=key.mark.context + 1,
        keys=[int(word >> np.uint64(1)) for word in key.words(_PURPOSE, depth)],
        sampling_table_size=table_size,
        sampling_table_seed=TABLE_SEED,
        context_history_size=HISTORY,
        device=torch.device(device),
        skip_first_ngram_calls=True,  # its first contexts would be zeros, not the prompt
    )
    made.sampling_table = table(table_size).to(device)
    return made


@cache
def table(size: int = TABLE) -> torch.Tensor:
    """The table of random bits, the same on every device."""
    generator = torch.Generator(device="cpu").manual_seed(TABLE_SEED)
    return torch.randint(0, 2, (size,), generator=generator)


def chance() -> float:
    """Share of ones in the table: the chance of a hit without the key."""
    return float(table().double().mean())


def hits(
    contexts: NDArray[np.int64],
    tokens: NDArray[np.int64],
    key: MarkKey,
    table_size: int = TABLE,
) -> NDArray[np.int64]:
    """Ones among the `depth` draws of each window."""
    made = processor(key, "cpu", table_size)
    windows = torch.from_numpy(np.column_stack([contexts, tokens]))
    counts = [
        made.sample_g_values(made.compute_ngram_keys(part[None]))[0].sum(dim=1)
        for part in windows.split(_AT_ONCE)
    ]
    return torch.cat(counts).numpy() if counts else np.empty(0, dtype=np.int64)
