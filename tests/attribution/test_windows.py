from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.attribution.windows import from_reading, from_samples
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    import random

tokens = st.lists(st.integers(0, 3), max_size=12).map(lambda ids: np.array(ids, dtype=np.int64))
pairs = st.lists(st.tuples(tokens, tokens), min_size=1, max_size=5)


@settings(deadline=None)
@given(st.lists(tokens, min_size=1, max_size=5), st.integers(1, 3), st.randoms())
def test_reading_counts_each_context_at_its_first_place(
    texts: list[np.ndarray], context: int, rnd: random.Random
) -> None:
    predicted = [np.array([rnd.randint(0, 3) for _ in text], dtype=np.int64) for text in texts]
    seen: dict[tuple[int, ...], int] = {}
    places = 0
    for text, guesses in zip(texts, predicted, strict=True):
        for i in range(context - 1, len(text)):
            places += 1
            seen.setdefault(tuple(text[i - context + 1 : i + 1].tolist()), int(guesses[i]))
    windows = from_reading(texts, predicted, context)
    assert [tuple(row) for row in windows.contexts.tolist()] == list(seen)
    assert windows.tokens.tolist() == list(seen.values())
    assert (windows.seen, windows.repeated) == (places, places - len(seen))


@settings(deadline=None)
@given(pairs, st.integers(1, 3))
def test_samples_count_each_window_once_and_none_that_was_shown(
    conversations: list[tuple[np.ndarray, np.ndarray]], context: int
) -> None:
    shown = {
        tuple(prompt[i : i + context].tolist())
        for prompt, _ in conversations
        for i in range(len(prompt) - context + 1)
    }
    written = [
        tuple(answer[i : i + context + 1].tolist())
        for _, answer in conversations
        for i in range(len(answer) - context)
    ]
    fresh = [window for window in written if window[:-1] not in shown]
    prompts, answers = zip(*conversations, strict=True)
    windows = from_samples(prompts, answers, context)
    rows = np.column_stack([windows.contexts, windows.tokens]).tolist()
    assert [tuple(row) for row in rows] == list(dict.fromkeys(fresh))
    assert windows.seen == len(written)
    assert windows.prompted == len(written) - len(fresh)
    assert windows.repeated == len(fresh) - len(windows)


def test_a_prediction_for_each_token_is_needed() -> None:
    with pytest.raises(UsageError, match="length"):
        from_reading([np.arange(3)], [np.arange(2)], 2)
