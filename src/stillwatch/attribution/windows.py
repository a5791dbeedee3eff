"""Which predictions of a suspect may be counted, so that an innocent one cannot look guilty.

A window is a context of `context` tokens and the token that the suspect put after it. Two things
would make windows of an innocent model agree with a key. Text repeats itself, and a repeated window
repeats its colour, so that counts scatter more than any exact test believes. And a suspect that is
shown marked text may copy from it. So windows are counted once, and none is counted whose context
was shown to the suspect before (Sander et al. 2024, arXiv 2402.14904, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

Tokens = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows that count.

    Attributes:
        contexts: token ids, (n, context).
        tokens: the suspect's token after each, (n,).
        seen: windows there were before any was left out.
        repeated: left out because they had been counted.
        prompted: left out because their context was in what the suspect was shown.
    """

    contexts: Tokens
    tokens: Tokens
    seen: int
    repeated: int
    prompted: int

    def __len__(self) -> int:
        return len(self.tokens)


def from_reading(texts: Sequence[Tokens], predicted: Sequence[Tokens], context: int) -> Windows:
    """Windows of a model whose weights are at hand and that was made to read texts.

    A context counts at its first place in all the texts, in their order. What the suspect had read
    there depends on other contexts alone, so the colour of its prediction is a fresh draw, and the
    number of green ones is exactly binomial for a suspect that never saw the key's text.

    Args:
        texts: token ids of each text.
        predicted: for each place of each text, the suspect's most likely next token.
        context: tokens of a context.

    Raises:
        UsageError: a text and its predictions differ in length.
    """
    if any(len(a) != len(b) for a, b in zip(texts, predicted, strict=True)):
        raise UsageError("a text and its predictions differ in length")
    contexts = _joined([_grams(text, context) for text in texts], context)
    tokens = _joined([p[context - 1 :] for p in predicted])
    first = _first(contexts)
    kept = np.sort(first)
    return Windows(
        contexts=contexts[kept],
        tokens=tokens[kept],
        seen=len(tokens),
        repeated=len(tokens) - len(kept),
        prompted=0,
    )


def from_samples(prompts: Sequence[Tokens], answers: Sequence[Tokens], context: int) -> Windows:
    """Windows of what a suspect answered.

    Contexts that occur in any prompt are left out. The answers of an innocent suspect then depend
    on none of the counted contexts' colours, so each different window is a fresh draw.

    Args:
        prompts: token ids of what was asked.
        answers: token ids of what came back, one for each prompt.
        context: tokens of a context.
    """
    grams = [_grams(answer, context + 1) for answer in answers]
    windows = _joined(grams, context + 1)
    # the context of an answer's first tokens reaches into the prompt; those are not counted
    shown = _joined([_grams(prompt, context) for prompt in prompts], context)
    fresh = ~_among(windows[:, :context], shown)
    kept = np.flatnonzero(fresh)[np.sort(_first(windows[fresh]))]
    return Windows(
        contexts=windows[kept, :context],
        tokens=windows[kept, context],
        seen=len(windows),
        repeated=int(fresh.sum()) - len(kept),
        prompted=int((~fresh).sum()),
    )


def _grams(tokens: Tokens, length: int) -> Tokens:
    if len(tokens) < length:
        return np.empty((0, length), dtype=np.int64)
    return sliding_window_view(tokens, length)


def _joined(parts: Sequence[Tokens], width: int | None = None) -> Tokens:
    shape = (0,) if width is None else (0, width)
    return np.concatenate([np.empty(shape, dtype=np.int64), *parts])


def _rows(grams: Tokens) -> NDArray[np.void]:
    """Each row as one value that can be compared."""
    solid = np.ascontiguousarray(grams)
    return solid.view(np.dtype((np.void, solid.dtype.itemsize * solid.shape[1]))).ravel()


def _first(grams: Tokens) -> NDArray[np.intp]:
    return np.unique(_rows(grams), return_index=True)[1]


def _among(grams: Tokens, others: Tokens) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.isin(_rows(grams), _rows(others))
    return found
