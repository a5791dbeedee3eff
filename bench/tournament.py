"""A small teacher that marks with SynthID-Text, for `bench.attribution`.

The tournament is transformers' own, in the form that takes contexts one by one: this teacher looks
back two tokens and so does the mark, so what becomes of a context's chances is worked out once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from stillwatch.attribution.example import VOCABULARY, Model
from stillwatch.attribution.models import synthid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.attribution.keys import MarkKey
    from stillwatch.attribution.windows import Tokens

_AT_ONCE = 1_000


@dataclass(frozen=True)
class Tournament(Model):
    """Writes by a model's chances, marked; in a context that a text repeats, unmarked.

    Attributes:
        key: of the scheme `synthid`, with a context of two tokens.
    """

    key: MarkKey

    def next(self, rng: np.random.Generator, texts: Tokens, key: MarkKey | None = None) -> Tokens:
        """Sample one more token of each text, (texts,), marked where there is a key: this one."""
        if key is None:
            return super().next(rng, texts)
        contexts = texts[:, :-1] * VOCABULARY + texts[:, 1:]
        rows = contexts[:, -1]
        self._mark(np.unique(rows))
        steps = self._marked[rows].cumsum(axis=1)
        u = rng.random(len(texts), dtype=np.float32) * steps[:, -1]
        marked = np.minimum((steps <= u[:, None]).sum(axis=1), VOCABULARY - 1)
        again = (contexts[:, :-1] == rows[:, None]).any(axis=1)
        return np.where(again, super().next(rng, texts), marked)

    @cached_property
    def _processor(self) -> Any:
        return synthid.processor(self.key)

    @cached_property
    def _marked(self) -> NDArray[np.float32]:
        return np.full((VOCABULARY**2, VOCABULARY), -1.0, dtype=np.float32)

    def _mark(self, rows: Tokens) -> None:
        """Work out the marked chances of contexts that have none yet."""
        new = torch.from_numpy(rows[self._marked[rows, 0] < 0])
        log = torch.from_numpy(np.log(self.chances)).reshape(-1, VOCABULARY)
        tokens = torch.arange(VOCABULARY)
        for part in new.split(_AT_ONCE):
            first, second = part // VOCABULARY, part % VOCABULARY
            shape = (len(part), VOCABULARY)
            windows = torch.stack(
                [first[:, None].expand(shape), second[:, None].expand(shape), tokens.expand(shape)],
                dim=2,
            )
            ones = self._processor.sample_g_values(self._processor.compute_ngram_keys(windows))
            marked = torch.softmax(self._processor.update_scores(log[part], ones), dim=1)
            self._marked[part.numpy()] = marked.numpy()
