"""The benign-group null: are these people?

Honest groups (users of one application, a class, a hackathon, freelancers with one glossary) differ
in almost everything, but not in this: their members are people, and people are individuals. How
individual, is read off the log's own population; a group that has lost most of that is not people.

    floor = exp(KEPT * log R of the population)

so where a log shows no individuality at all in a habit, that habit can speak against nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.campaigns.candidates import CORE_SHARE, MIN_ACCOUNTS
from stillwatch.campaigns.customers import by_customer, customers_among
from stillwatch.campaigns.evalues import any_false, partial_conjunction
from stillwatch.campaigns.exchangeability import MIN_INFORMED, individuality
from stillwatch.campaigns.habits import KEPT, Habits, compare_content, measure
from stillwatch.campaigns.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.stream import Stream

Ints = NDArray[np.int64]

MIN_POPULATION = np.log(1.5)
"""Log individuality of the population below which a habit is not used."""

MIN_REPEATS = 0.05
"""Share of the population's openings that repeat one, up to which the habit is not used."""

VOLUME_FLOOR = 0.3
"""Log-sd of use within the most even honest groups; published groups of people show .4 to 1.1."""

SHARED_ITEMS = 0.5
"""Share of items in common from which on a group may be one exercise or benchmark."""

_DRAWS = 4000

_MOST_SIMULATED = 400
"""Accounts that the null of use is drawn with, where a group has more: more change little."""

_EXACT_BITS = 4
"""Leading binary digits of a number of accounts that are kept: the variance of a mean over accounts
falls with their number, so that of a few more is known from that of a few less."""


@dataclass(frozen=True, slots=True)
class Floors:
    """What the least individual honest group keeps, from the population's habits.

    Attributes:
        content, rhythm: log R; None where the population shows too little of it. That of content
            is the population's own: a group's depends on the words it uses (`Habits`).
        conversation: share of openings that repeat one; None where people hardly do.
        volume: log-sd.
        telling: what agreements in words are worth; None where nothing was learned.
    """

    content: float | None
    rhythm: float | None
    conversation: float | None
    volume: float = VOLUME_FLOOR
    telling: Telling | None = None

    @classmethod
    def of_population(cls, population: Stream) -> Floors:
        """Floors from the habits of whole customers, drawn from the log itself."""
        telling = Telling.of(population)
        habits = measure(population, telling=telling)
        # a family is told by how prompts open or end, and later turns hardly ever have it
        opened = measure(population.take(population.turns <= 1)).conversation.value
        return cls(
            _floor(habits.content.log_ratio),
            _floor(habits.rhythm.log_ratio),
            KEPT * opened if opened > MIN_REPEATS else None,
            telling=telling,
        )

    def content_of(self, floor: float) -> float | None:
        """The floor of a group's content, from that of its words; None where this log has none."""
        if self.content is None or not np.isfinite(floor):
            return self.content
        return floor


def _floor(population: float) -> float | None:
    return KEPT * population if population >= MIN_POPULATION else None


@dataclass(frozen=True, slots=True)
class PeopleTest:
    """P-values of "these are people" by habit, and the one that counts.

    Attributes:
        content, rhythm, volume, conversation: small where the group lacks that habit.
        sharing: p-value of "they all do one exercise"; small where items are not shared.
        customers: that of content where each customer is taken for one account; 0 where there is
            nothing to tell customers and accounts apart.
        p: of the null that content is individual, or all other habits are, or items are shared.
    """

    content: float
    rhythm: float
    volume: float
    conversation: float
    sharing: float
    customers: float = 0.0

    @property
    def p(self) -> float:
        """Intersection-union over the explanations; the other habits by partial conjunction.

        An honest group may lack one habit. It takes the loss of what people write about and of
        at least one habit more to rule people out.
        """
        return max(self.content, self.customers, self.others, self.sharing)

    @property
    def others(self) -> float:
        """P-value of the null that all habits but content are those of people."""
        # the null of hours takes the accounts' volumes as they are, that of conversations takes
        # both, so each holds whatever the ones before it came to
        return any_false([self.volume, self.rhythm, self.conversation])

    @property
    def p_by_one(self) -> float:
        """Like `p`, where one of the other habits must be lost for sure.

        Mining goes by it: in a mixed group several habits are always lost a little, and it would
        stop dividing it too early.
        """
        alone = partial_conjunction([self.rhythm, self.volume, self.conversation], 1)
        return max(self.content, alone, self.sharing)


def test_people(habits: Habits, floors: Floors) -> PeopleTest:
    """Test a group's habits, measured on data that did not choose the group."""
    return PeopleTest(
        content=_individual(habits.content.p_at_least, floors.content_of(habits.content_floor)),
        rhythm=_individual(habits.rhythm.p_at_least, floors.rhythm),
        volume=_volume_p(habits, floors.volume),
        conversation=_individual(habits.conversation.p_at_least, floors.conversation),
        sharing=habits.sharing.p_at_least(SHARED_ITEMS),
    )


def test_customers(stream: Stream, accounts: Ints, traits: Traits, floors: Floors) -> float:
    """P-value of "each customer has topics of its own", whatever its accounts have.

    Args:
        stream: sampled requests of a group.
        accounts: of the group, sorted.
        traits: of all accounts.
        floors: of the benign-group null.

    Returns:
        The p-value; 0 where all accounts are one customer or each is one of its own, so that there
        is nothing to compare; 1 where customers are too few for it.
    """
    customer = customers_among(accounts, traits, stream)
    several = len(np.unique(customer))
    if several in {1, len(accounts)}:
        return 0.0
    if several < MIN_ACCOUNTS:
        return 1.0
    return test_content(by_customer(stream, accounts, customer), floors)


def test_content(stream: Stream, floors: Floors) -> float:
    """`test_people`'s p-value of content alone, which bounds that of the whole from below."""
    compared = compare_content(stream, floors.telling)
    found = individuality(compared.pairs)
    return _individual(found.p_at_least, floors.content_of(compared.floor()))


def _individual(p_at_least: Callable[[float], float], floor: float | None) -> float:
    if floor is None:
        return 1.0
    return p_at_least(floor)


def _volume_p(habits: Habits, floor: float) -> float:
    """P-value of "use is at least as uneven as a log-sd of `floor` makes it".

    The null draws accounts with log-normal rates and Poisson counts, keeps those that the core
    rule would keep, and compares the dispersion. A gamma distribution with the null's moments (a
    scaled chi-square, which a dispersion is) reaches the tail.
    """
    volume = habits.volume
    if volume.accounts < MIN_INFORMED or not np.isfinite(volume.dispersion) or volume.mean < 1:
        return 1.0
    # rounded, so that near-equal groups share one simulation
    mean = round(float(np.exp(round(np.log(volume.mean), 1))), 3)
    accounts = min(volume.accounts, _MOST_SIMULATED)
    simulated = _rounded(accounts)
    centre, variance = _null_dispersion(simulated, mean, floor)
    variance *= simulated / accounts
    return float(stats.gamma.cdf(volume.dispersion, centre**2 / variance, scale=variance / centre))


def _rounded(accounts: int) -> int:
    """A number of accounts at most as large, of which there are few."""
    dropped = max(0, accounts.bit_length() - _EXACT_BITS)
    return accounts >> dropped << dropped


@lru_cache(maxsize=4096)
def _null_dispersion(accounts: int, mean: float, log_sd: float) -> tuple[float, float]:
    """Mean and variance of the dispersion under the null."""
    rng = np.random.default_rng(0)
    draws = max(200, min(_DRAWS, 400_000 // accounts))
    rates = mean * np.exp(rng.normal(0, log_sd, (draws, accounts)) - log_sd**2 / 2)
    counts = rng.poisson(rates).astype(float)
    typical = np.median(counts, axis=1, keepdims=True)
    kept = counts >= np.maximum(CORE_SHARE * typical, 1)
    size = np.maximum(kept.sum(axis=1), 2)
    means = np.where(kept, counts, 0).sum(axis=1) / size
    squares = np.where(kept, (counts - means[:, None]) ** 2, 0).sum(axis=1)
    dispersion = squares / (size - 1) / np.maximum(means, 1e-3)
    return float(dispersion.mean()), float(dispersion.var() + 1e-12)
