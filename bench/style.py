"""Does a classifier of style know a model's text from a person's, on sources it has not seen?

    python -m bench.style --prompts FILE

It does not, which is why provenance has none (docs/decisions/0024-no-style.md). Logistic regression
on shares of function words, punctuation and layout, each source with the same weight; one source
after the other is left out. The bounds are such that of no other source of people more than 1 % is
called generated, and of no other source of a model more than 1 % original.
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path

import numpy as np
from bench.origins import MODELS, PEOPLE, SEED, read
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]

MIN_WORDS = 30
MOST_TEXTS = 600
FEWEST_TEXTS = 50
ALLOWED = 0.01
PENALTY = 1e-3

WORDS = """the of and to a in that it is was for on with as be by at this have from or an are not
but had his they she which you one we all her would there their will when who him been has more if
no out so said what up its about into than them can only other new some could time these two may
then do first any my now such like our over me even most made after also did many before must
through""".split()  # noqa: SIM905 - prose is easier to read than a hundred strings
MARKS = (",", ";", ":", "(", '"', "'", "\n", "!", "?", "...", "**", "`", "  ")
PATTERNS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (r"^\s*(\d+\.|[-*])\s", r"n't|'re|'ll|'ve|'m\b", r"\bI\b", r"\b[A-Z]{2,}\b")
)


def main() -> None:
    """Leave out one source after the other, and print what the others say of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prompts", type=Path, required=True)
    path: Path = parser.parse_args().prompts
    sources = {
        name: np.array([features(text) for text in chosen])
        for corpus in (read(path, PEOPLE), read(path, MODELS))
        for name, texts in corpus.items()
        if len(chosen := english(texts)) >= FEWEST_TEXTS
    }
    models = {name for name, _ in MODELS} & set(sources)
    people = set(sources) - models
    print(f"{'left out':28}{'is of':>8}{'texts':>7}{'called generated':>18}{'called original':>17}")
    for held in [*sorted(people), *sorted(models)]:
        score = Style({n: x for n, x in sources.items() if n != held}, models)
        above = max(np.quantile(score(sources[n]), 1 - ALLOWED) for n in people - {held})
        below = min(np.quantile(score(sources[n]), ALLOWED) for n in models - {held})
        found = score(sources[held])
        print(
            f"{held:28}{'models' if held in models else 'people':>8}{len(found):7,}"
            f"{(found > above).mean():18.1%}{(found < below).mean():17.1%}"
        )


def english(texts: list[str]) -> list[str]:
    """Some of the texts that are long enough, and mostly of Latin letters."""
    long = [
        t for t in texts if len(t.split()) >= MIN_WORDS and sum(map(str.isascii, t)) > len(t) / 2
    ]
    return random.Random(SEED).sample(long, min(MOST_TEXTS, len(long)))


def features(text: str) -> list[float]:
    """Shares, a word each, and how long words and sentences are."""
    words = re.findall(r"[A-Za-z']+", text)
    lower = [word.lower() for word in words]
    n = max(len(words), 1)
    sentences = max(len(re.findall(r"[.!?](\s|$)", text)), 1)
    return [
        *(lower.count(word) / n for word in WORDS),
        *(text.count(mark) / n for mark in MARKS),
        *(len(pattern.findall(text)) / n for pattern in PATTERNS),
        float(np.log(n)),
        n / sentences,
        sum(map(len, words)) / n,
        len(set(lower)) / n,
        float(text.rstrip()[-1:] in ".!?"),
        float(text[:1].islower()),
    ]


class Style:
    """Logistic regression of models' sources against the others, each source weighing the same."""

    def __init__(self, sources: dict[str, Floats], models: set[str]) -> None:
        rows = np.concatenate(list(sources.values()))
        sign = np.concatenate(
            [np.full(len(x), 1.0 if n in models else -1.0) for n, x in sources.items()]
        )
        of_models = sum(name in models for name in sources)
        weight = np.concatenate(
            [
                np.full(
                    len(x), 1 / len(x) / (of_models if n in models else len(sources) - of_models)
                )
                for n, x in sources.items()
            ]
        )
        self._mean, self._scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
        design = self._design(rows)

        def loss(b: Floats) -> tuple[float, Floats]:
            margin = sign * (design @ b)
            value = (weight * np.logaddexp(0, -margin)).sum() + PENALTY * (b[:-1] ** 2).sum() / 2
            slope = design.T @ (-weight * sign / (1 + np.exp(margin)))
            slope[:-1] += PENALTY * b[:-1]
            return float(value), slope

        self._b: Floats = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x

    def _design(self, rows: Floats) -> Floats:
        return np.column_stack([(rows - self._mean) / self._scale, np.ones(len(rows))])

    def __call__(self, rows: Floats) -> Floats:
        """Log odds of a model."""
        return np.asarray(self._design(rows) @ self._b)


if __name__ == "__main__":
    main()
