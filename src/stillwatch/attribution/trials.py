"""Trials on the example's small world: what the test says of the innocent, and of the taught."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stillwatch.attribution.exact import randomised
from stillwatch.attribution.example import CONTEXT, TEXT, copying
from stillwatch.attribution.keys import RED_GREEN, Mark, MarkKey
from stillwatch.attribution.radioactivity import Score, radioactivity, scheme_of
from stillwatch.attribution.windows import Windows, from_reading, from_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from stillwatch.attribution.example import Model, World
    from stillwatch.attribution.windows import Tokens

Count = Literal["reading", "samples", "every window", "every window, copied"]
"""How the windows of an innocent student are counted; the last two are how not to."""

_SECRET = b"\x5c" * 32
_TEXTS, _LENGTH = 50, 20
_PROMPTS = 100


def null_p_values(
    world: World,
    students: Sequence[Model],
    draws: int,
    count: Count,
    seed: int = 5,
    scheme: str = RED_GREEN,
    teacher: Callable[[MarkKey], Model] | None = None,
) -> NDArray[np.float64]:
    """P-values of innocent students, each under a key of its own whose marked text it is shown.

    Where the text quotes itself, as prompts with context do, the students copy what followed; only
    the way of counting "every window" has texts without quotations. Randomised within the steps of
    the binomial, so that they are exactly uniform where the count is binomial.

    Args:
        world: of the teacher; its key is not used.
        students: that never saw marked text.
        draws: how many p-values.
        count: how windows are counted.
        seed: of texts and steps.
        scheme: of the marks.
        teacher: the one that marks with a key, if the world's cannot.

    Raises:
        MissingExtraError: the scheme needs the extra `attribution`.
    """
    rng = np.random.default_rng(seed)
    found = np.empty(draws)
    for draw in range(draws):
        key = MarkKey.derive(_SECRET, Mark(epoch=f"null {draw}", scheme=scheme))
        student = students[draw % len(students)]
        writes = world.teacher if teacher is None else teacher(key)
        texts = writes.write(rng, _TEXTS, key, length=_LENGTH)
        windows = _count(rng, student, texts, count)
        of = scheme_of(key)
        hits = int(of.hits(windows.contexts, windows.tokens, key).sum())
        found[draw] = randomised(hits, len(windows) * of.rounds, of.chance, rng.random())
    return found


def _count(rng: np.random.Generator, student: Model, texts: Tokens, count: Count) -> Windows:
    if count == "samples":
        return from_samples(list(texts), list(student.answer(rng, texts, _LENGTH)), CONTEXT)
    if count == "every window":
        return _all_windows(texts, student.read(texts))
    quoting = np.concatenate([texts, texts], axis=1)
    predicted = copying(student.read(quoting), quoting)
    if count == "reading":
        return from_reading(list(quoting), list(predicted), CONTEXT)
    return _all_windows(quoting, predicted)


def _all_windows(texts: Tokens, predicted: Tokens) -> Windows:
    contexts = sliding_window_view(texts, CONTEXT, axis=1).reshape(-1, CONTEXT)
    return Windows(contexts, predicted[:, CONTEXT - 1 :].ravel(), len(contexts), 0, 0)


def read_by(world: World, student: Model, texts: int = 2_000, seed: int = 7) -> Score:
    """The score of a student that reads that many of the teacher's marked texts."""
    prompts = world.teacher.write(np.random.default_rng(seed), texts, world.key)
    windows = from_reading(list(prompts), list(student.read(prompts)), world.key.mark.context)
    return radioactivity(windows, world.key)


def answered_by(world: World, student: Model, answers: int = 2_000, seed: int = 8) -> Score:
    """The score of a student that is only asked: few prompts of people's, often, and no weights.

    Few, because every context of a prompt is lost to the test.
    """
    rng = np.random.default_rng(seed)
    prompts = np.resize(world.language.write(rng, _PROMPTS, length=8), (answers, 8))
    given = student.answer(rng, prompts, TEXT)
    windows = from_samples(list(prompts), list(given), world.key.mark.context)
    return radioactivity(windows, world.key)
