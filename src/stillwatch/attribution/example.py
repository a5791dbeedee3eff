"""A small language, a teacher and students of it, to see the tests work and fail.

People speak a made-up language of `VOCABULARY` tokens. A model counts which token follows which two
and smooths with shorter contexts (Dirichlet). It is trained in milliseconds, so that a thousand
innocent students are no trouble. Like larger models it takes in a mark as slightly more frequent
continuations; unlike them it does so by counting alone, so its curves show how the tests behave,
not how much marked text a large model needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.attribution import redgreen
from stillwatch.attribution.keys import RED_GREEN
from stillwatch.attribution.observed import write_lines
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from stillwatch.attribution.keys import MarkKey
    from stillwatch.attribution.windows import Tokens

VOCABULARY = 128
CONTEXT = 2
"""Tokens that the language and its models look back."""

WARMTH = 1.6
"""Spread of the language's log-odds: with 1.6 a token has about 30 plausible followers."""

_TOKENS = np.arange(VOCABULARY, dtype=np.int64)[None, :]

SMOOTHING = 4.0
"""Weight of the shorter context, as a number of observations."""

TEXT = 60
"""Tokens of a text."""

EXAMPLE_PROMPTS, EXAMPLE_TEXTS = 2_000, 20_000
"""Texts that the example's students read, and texts that each was trained on."""

_PUBLIC = 2 * EXAMPLE_TEXTS


@dataclass(frozen=True)
class Model:
    """Chances of the next token after each two, (VOCABULARY, VOCABULARY, VOCABULARY)."""

    chances: NDArray[np.float32]

    @cached_property
    def _steps(self) -> NDArray[np.float32]:
        """Chances added up along the vocabulary, a row for each context."""
        return self.chances.reshape(-1, VOCABULARY).cumsum(axis=1)

    def write(
        self, rng: np.random.Generator, texts: int, key: MarkKey | None = None, length: int = TEXT
    ) -> Tokens:
        """Sample texts, marked where there is a key (red-green), as (texts, length)."""
        start = rng.integers(VOCABULARY, size=(texts, CONTEXT))
        return np.concatenate([start, self.answer(rng, start, length - CONTEXT, key)], axis=1)

    def answer(
        self, rng: np.random.Generator, prompts: Tokens, length: int, key: MarkKey | None = None
    ) -> Tokens:
        """Sample what follows each prompt, as (prompts, length)."""
        asked = prompts.shape[1]
        made = np.empty((len(prompts), asked + length), dtype=np.int64)
        made[:, :asked] = prompts
        for i in range(asked, asked + length):
            made[:, i] = self.next(rng, made[:, :i], key)
        return made[:, asked:]

    def next(self, rng: np.random.Generator, texts: Tokens, key: MarkKey | None = None) -> Tokens:
        """Sample one more token of each text, (texts,)."""
        rows = texts[:, -2] * VOCABULARY + texts[:, -1]
        u = rng.random(len(texts), dtype=np.float32)
        if key is None:
            return _search(self._steps, rows, u)
        seed = redgreen.seeds(texts[:, -key.mark.context :], key)
        raised = redgreen.green(seed[:, None], _TOKENS, key.mark.green)
        chances = self.chances.reshape(-1, VOCABULARY)[rows]
        steps = np.where(raised, chances * np.exp(np.float32(key.mark.bias)), chances).cumsum(
            axis=1
        )
        above: Tokens = (steps <= (u * steps[:, -1])[:, None]).sum(axis=1)
        return np.minimum(above, VOCABULARY - 1)

    def read(self, texts: Tokens) -> Tokens:
        """The most likely next token at each place; at the first, where there is no context, 0."""
        predicted = np.zeros_like(texts)
        predicted[:, 1:] = self.chances[texts[:, :-1], texts[:, 1:]].argmax(axis=2)
        return predicted

    def loss(self, texts: Tokens) -> float:
        """Mean negative log-likelihood of texts, in nats a token."""
        p = self.chances[texts[:, :-2], texts[:, 1:-1], texts[:, 2:]]
        return float(-np.log(p).mean())


def _search(steps: NDArray[np.float32], rows: Tokens, u: NDArray[np.float32]) -> Tokens:
    """The first place of each row whose step is above `u` of the row's total, by bisection."""
    wanted, flat = u * steps[rows, -1], steps.ravel()
    low, start = np.zeros_like(rows), rows * steps.shape[1]
    stride = VOCABULARY // 2
    while stride:
        low = np.where(flat[start + low + stride - 1] <= wanted, low + stride, low)
        stride //= 2
    return low


def people(rng: np.random.Generator) -> Model:
    """The language itself: log-odds of a token hang on both tokens before it, smoothly."""
    rank = 16
    first, second = rng.normal(size=(2, VOCABULARY, rank))
    ahead = rng.normal(size=(2, rank, VOCABULARY))
    frequency = -np.log(np.arange(1, VOCABULARY + 1))[rng.permutation(VOCABULARY)]
    scale = WARMTH / np.sqrt(2 * rank)
    odds = scale * ((first @ ahead[0])[:, None, :] + (second @ ahead[1])[None, :, :]) + frequency
    chances = np.exp(odds - odds.max(axis=2, keepdims=True))
    return Model((chances / chances.sum(axis=2, keepdims=True)).astype(np.float32))


def train(texts: Tokens) -> Model:
    """A model of texts, by counting."""
    flat = (texts[:, :-2] * VOCABULARY + texts[:, 1:-1]) * VOCABULARY + texts[:, 2:]
    shape = (VOCABULARY,) * 3
    three = np.bincount(flat.ravel(), minlength=VOCABULARY**3).reshape(shape).astype(np.float32)
    two = three.sum(axis=0)
    one = two.sum(axis=0) + 1
    shorter = (two + SMOOTHING * one / one.sum()) / (two.sum(axis=1, keepdims=True) + SMOOTHING)
    total = three.sum(axis=2, keepdims=True) + SMOOTHING
    return Model(((three + SMOOTHING * shorter[None, :, :]) / total).astype(np.float32))


def paraphrase(rng: np.random.Generator, texts: Tokens, share: float, by: Model) -> Tokens:
    """Put another model's choice of words in place of that share of the tokens."""
    changed = texts.copy()
    for i in range(CONTEXT, texts.shape[1]):
        word = by.next(rng, changed[:, :i])
        changed[:, i] = np.where(rng.random(len(texts)) < share, word, texts[:, i])
    return changed


def copying(predicted: Tokens, texts: Tokens) -> Tokens:
    """What a model would predict that repeats, where a context comes again, what followed before.

    Large language models do so in any long prompt (induction heads, Olsson et al. 2022), innocent
    ones too.
    """
    repeated = predicted.copy()
    for row, text in enumerate(texts.tolist()):
        followed: dict[tuple[int, int], int] = {}
        for i in range(1, len(text)):
            here = (text[i - 1], text[i])
            if here in followed:
                repeated[row, i] = followed[here]
            if i + 1 < len(text):
                followed[here] = text[i + 1]
    return repeated


@dataclass(frozen=True, slots=True)
class World:
    """A language and the models that know it.

    Attributes:
        language: how people write.
        text: what people wrote, (2 * EXAMPLE_TEXTS, TEXT); students are trained on parts of it.
        teacher: trained on other text of theirs.
        key: that the teacher's answers are marked with.
    """

    language: Model
    text: Tokens
    teacher: Model
    key: MarkKey

    @classmethod
    def of(cls, rng: np.random.Generator, key: MarkKey) -> World:
        """Make up a language and train its teacher.

        Raises:
            UsageError: the key is not one that the small models can mark with.
        """
        if key.mark.scheme != RED_GREEN or key.mark.context > CONTEXT:
            raise UsageError("the example marks by red-green with a context of 1 or 2")
        language = people(rng)
        text = language.write(rng, _PUBLIC)
        return cls(language, text, train(language.write(rng, EXAMPLE_TEXTS // 2)), key)

    def student(
        self, rng: np.random.Generator, texts: int, share: float, changed: float = 0.0
    ) -> Model:
        """A model trained on people's texts and a share of the teacher's marked ones.

        Args:
            rng: of the texts.
            texts: all of them, at most twice `EXAMPLE_TEXTS`; each has `TEXT` tokens.
            share: of them that is the teacher's.
            changed: share of the marked tokens that a paraphrase by another model replaced.
        """
        taught = round(texts * share)
        marked = self.teacher.write(rng, taught, self.key)
        if changed:
            marked = paraphrase(rng, marked, changed, self.language)
        own = rng.permutation(len(self.text))[: texts - taught]
        return train(np.concatenate([self.text[own], marked]))


def write_example(folder: Path, key: MarkKey, share: float, seed: int) -> None:
    """Write the prompts of a test, and what four students predict when they read them.

    Args:
        folder: made if it is new.
        key: to mark with.
        share: of marked text in what the student `taught` was trained on.
        seed: of everything.

    Raises:
        UsageError: the key is not one that the small models can mark with.
    """
    rng = np.random.default_rng(seed)
    world = World.of(rng, key)
    prompts = world.teacher.write(rng, EXAMPLE_PROMPTS, key)
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "prompts.jsonl", [{"text": text.tolist()} for text in prompts])
    for name in ("taught", "innocent", "control-1", "control-2"):
        student = world.student(rng, EXAMPLE_TEXTS, share if name == "taught" else 0.0)
        lines = [
            {"text": text.tolist(), "predicted": predicted.tolist()}
            for text, predicted in zip(prompts, student.read(prompts), strict=True)
        ]
        write_lines(folder / f"{name}.jsonl", lines)
