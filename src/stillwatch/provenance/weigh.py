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

from scipy import stats

SURE = 0.9
"""Confidence from which evidence makes a verdict; below it the answer is unknown."""

PRIOR = 0.5
"""Share of generated texts among those in question, before looking at them."""

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
        return posterior(self.ratio)


def lower(found: int, of: int) -> float:
    """Lower bound of a share (Clopper-Pearson)."""
    return float(stats.beta.ppf(1 - LEVEL, found, of - found + 1)) if found else 0.0


def upper(found: int, of: int) -> float:
    """Upper bound of a share (Clopper-Pearson)."""
    return float(stats.beta.ppf(LEVEL, found + 1, of - found)) if found < of else 1.0


def posterior(ratio: float) -> float:
    """Probability that follows from a likelihood ratio and `PRIOR`."""
    odds = ratio * PRIOR / (1 - PRIOR)
    return odds / (1 + odds)


@cache
def rates() -> dict[str, Rate]:
    """What was counted, by kind of evidence."""
    text = (resources.files(__package__) / "rates.toml").read_text("utf-8")
    return {
        kind: Rate(tuple(counted["people"]), tuple(counted["models"]))
        for kind, counted in tomllib.loads(text).items()
    }
