"""Marks while a model writes: logits processors for Hugging Face transformers.

    model.generate(**inputs, do_sample=True, logits_processor=[processor(key, model.device)])
    model.generate(**inputs, logits_processor=[RedGreen([key, None, other_key])])

A row without a key is left as it is, to the bit: honest customers' answers go out unmarked from
the same batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import LogitsProcessor

from stillwatch.attribution import redgreen
from stillwatch.attribution.keys import RED_GREEN, MarkKey
from stillwatch.attribution.models import synthid
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def processor(key: MarkKey, device: Any = "cpu") -> Any:
    """A fresh processor for one call of `generate`, whatever the key's scheme."""
    if key.mark.scheme == RED_GREEN:
        return RedGreen(key)
    return synthid.processor(key, device)


class RedGreen(LogitsProcessor):  # type: ignore[misc]
    """Raises the logits of green tokens; see `redgreen` for which these are.

    Args:
        keys: one for all rows, or one (or None, to leave it alone) for each row of the batch.
    """

    def __init__(self, keys: MarkKey | Sequence[MarkKey | None]) -> None:
        self._keys = keys

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """See transformers: `input_ids` (rows, tokens so far), `scores` (rows, vocabulary)."""
        rows = len(input_ids)
        keys = [self._keys] * rows if isinstance(self._keys, MarkKey) else list(self._keys)
        if len(keys) != rows:
            raise UsageError(f"{len(keys)} keys for {rows} rows")
        marked = scores.clone()
        for row, key in enumerate(keys):
            if key is not None:
                tail = input_ids[row, -key.mark.context :].tolist()
                raise_green(marked[row], tail, key)
        return marked


def raise_green(scores: torch.Tensor, tail: Sequence[int], key: MarkKey) -> None:
    """Mark one row in place.

    Args:
        scores: logits, (vocabulary,).
        tail: the last tokens; nothing happens where there are fewer than the key's context.
        key: of the mark.
    """
    if len(tail) < key.mark.context:
        return
    context = np.array([tail[-key.mark.context :]], dtype=np.int64)
    seed = int(redgreen.seeds(context, key).view(np.int64)[0])
    raised = green(seed, len(scores), key.mark.green, scores.device)
    scores += raised.to(scores.dtype) * key.mark.bias


def green(seed: int, vocabulary: int, share: float, device: Any = "cpu") -> torch.Tensor:
    """Which tokens of a vocabulary are green; `redgreen.green` in PyTorch's signed integers."""
    tokens = torch.arange(vocabulary, dtype=torch.int64, device=device)
    x = tokens * _signed(redgreen.PHI) + seed
    first, second, last = redgreen.SHIFTS
    x = (x ^ _right(x, first)) * _signed(redgreen.FIRST)
    x = (x ^ _right(x, second)) * _signed(redgreen.SECOND)
    x = x ^ _right(x, last)
    return _right(x, 64 - redgreen.BITS) < redgreen.below(share)


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


def _right(x: torch.Tensor, bits: int) -> torch.Tensor:
    """Shift right without the sign."""
    return (x >> bits) & (2 ** (64 - bits) - 1)
