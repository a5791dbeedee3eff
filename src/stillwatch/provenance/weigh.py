"""From evidence to a verdict, and how sure it is.

What a kind of evidence is worth is its likelihood ratio: how much more often texts of models show
it than texts of people. Both shares were counted on real texts (rates.toml); the lower bound of the
one over the upper bound of the other is what is believed (Clopper and Pearson 1934), so evidence
that was counted too little convinces nobody.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.campaigns.evalues import e_value

Floats = NDArray[np.float64]

SURE = 0.9
"""Confidence from which evidence makes a verdict; below it the answer is unknown."""

PRIOR = 0.5
"""Share of generated texts among those in question, before looking at them."""

MARKED = 0.001
"""Share of rows that bear a watermark, before looking: most rows of most sets do not, and of very
many that are looked at some look marked by chance. A verdict then takes p < 3e-6."""

LEVEL = 0.95
"""Of each one-sided bound on a counted share."""

COPY = "copy"
"""The kind of evidence that a near-duplicate of a registered text is; the others are markers."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a kind of evidence was found.

    Attributes:
        people, models: found, and of how many texts.
    """

    people: tuple[int, int]
    models: tuple[int, int]

    @property
    def ratio(self) -> float:
        """Likelihood ratio of models over people that is believed: a lower bound."""
        return lower(*self.models) / upper(*self.people)

    @property
    def confidence(self) -> float:
        """Probability that a text with this evidence is a model's, 0 to 1."""
        return float(posterior(np.asarray(self.ratio)))


def lower(found: int, of: int) -> float:
    """Lower bound of a share (Clopper-Pearson)."""
    return float(stats.beta.ppf(1 - LEVEL, found, of - found + 1)) if found else 0.0


def upper(found: int, of: int) -> float:
    """Upper bound of a share (Clopper-Pearson)."""
    return float(stats.beta.ppf(LEVEL, found + 1, of - found)) if found < of else 1.0


def posterior(ratio: Floats, prior: float = PRIOR) -> Floats:
    """Probability of a model that follows from likelihood ratios and a prior."""
    odds = ratio * prior / (1 - prior)
    return np.asarray(odds / (1 + odds))


def watermark_confidence(p: Floats) -> Floats:
    """Probability of the marked model that follows from p-values of texts without the mark.

    A p-value becomes an e-value, which is a likelihood ratio that nobody has to tune.
    """
    return posterior(e_value(p), MARKED)


@cache
def rates() -> dict[str, Rate]:
    """What was counted, by kind of evidence."""
    text = (resources.files(__package__) / "rates.toml").read_text("utf-8")
    return {
        kind: Rate(tuple(counted["people"]), tuple(counted["models"]))
        for kind, counted in tomllib.loads(text).items()
    }
