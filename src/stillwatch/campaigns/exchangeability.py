"""Does it matter which account sent a request?

People are individuals: two requests of one person are more alike, in what they are about and in
when they come, than requests of two people, even when all use one application. Accounts that drain
one work queue are exchangeable: knowing the account tells nothing about the request. The
*individuality* of a group in an attribute is

    R = P(two requests of one account agree) / P(two requests of different accounts agree)

which is 1 for a sharded queue whatever hours, topics and quotas its operator chose, and well above
1 for people. It is estimated in time linear in the number of requests: pairs are counted from
marginal counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.campaigns.words import Uses

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_WEIGHT = 50
"""Requests of an account beyond this many add no weight: no account speaks for the group alone."""

MIN_INFORMED = 3
"""Accounts with at least two requests that an estimate needs."""


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Agreement of pairs by account, float64[accounts] each.

    Attributes:
        within, within_pairs: agreeing pairs and all pairs inside the account.
        between, between_pairs: the same with other accounts' requests.
        unit: weight of one independent agreement, to turn weighted sums back into counts.
    """

    within: Floats
    within_pairs: Floats
    between: Floats
    between_pairs: Floats
    unit: float = 1.0

    def in_units_of(self, weight: float) -> PairCounts:
        """The same with a heavier unit, where agreements come in clumps of that weight."""
        return replace(self, unit=max(self.unit, weight))

    @classmethod
    def joined(cls, parts: Sequence[PairCounts]) -> PairCounts:
        """Counts of several sets of accounts, each compared within itself."""
        return cls(
            np.concatenate([part.within for part in parts]),
            np.concatenate([part.within_pairs for part in parts]),
            np.concatenate([part.between for part in parts]),
            np.concatenate([part.between_pairs for part in parts]),
        )

    def of(self, chosen: NDArray[np.bool_]) -> PairCounts:
        """The counts of some accounts, still against all others."""
        return PairCounts(
            self.within[chosen],
            self.within_pairs[chosen],
            self.between[chosen],
            self.between_pairs[chosen],
            self.unit,
        )


@dataclass(frozen=True, slots=True)
class Individuality:
    """Estimate of log R.

    Attributes:
        log_ratio: natural log of R; nan where nothing could be compared.
        error: standard error by the jackknife over accounts; inf where it has no estimate.
        accounts: accounts that inform it.
        agreeing: agreeing pairs seen inside accounts.
        expected: agreeing pairs there would be if accounts did not matter (R = 1).
    """

    log_ratio: float
    error: float
    accounts: int
    agreeing: float
    expected: float

    @property
    def ratio(self) -> float:
        """R itself."""
        return float(np.exp(self.log_ratio))

    def p_at_least(self, log_floor: float) -> float:
        """P-value of the null that R is at least `exp(log_floor)`: small for exchangeable accounts.

        The larger of a t test over accounts (which knows how much accounts differ) and a Poisson
        test of the pair counts (which knows when there were too few pairs to see anything).
        """
        if not np.isfinite(self.error):
            return 1.0
        counted = stats.poisson.cdf(np.ceil(self.agreeing), self.expected * np.exp(log_floor))
        if self.error == 0:
            return float(counted)
        spread = stats.t.cdf((self.log_ratio - log_floor) / self.error, self.accounts - 1)
        return float(max(counted, spread))


NOTHING = Individuality(float("nan"), float("inf"), 0, 0.0, 0.0)


def count_pairs(
    account: Ints, value: Ints, sizes: Ints, weight: Floats | None = None
) -> PairCounts:
    """Count agreeing pairs from (account, value) incidences.

    Args:
        account: int64[m] in 0..accounts, one entry an incidence.
        value: int64[m] in 0..values: the attribute's value. A request may have several values
            (words) but each at most once.
        sizes: int64[accounts]: requests of each account.
        weight: float64[values] of an agreement in that value; 1 each by default.
    """
    values = int(value.max()) + 1 if len(value) else 1
    cells, counts = np.unique(account * values + value, return_counts=True)
    return pairs_of_uses(Uses(cells // values, cells % values, counts), sizes, weight)


def pairs_of_uses(uses: Uses, sizes: Ints, weight: Floats | None = None) -> PairCounts:
    """Count agreeing pairs from how often accounts use values.

    Args:
        uses: of values by accounts, codes from 0.
        sizes: as in `count_pairs`.
        weight: as in `count_pairs`.
    """
    accounts = len(sizes)
    n = sizes.astype(float)
    pairs = (n * (n - 1) / 2, n * (n.sum() - n))
    if not len(uses.word):
        return PairCounts(np.zeros(accounts), pairs[0], np.zeros(accounts), pairs[1])
    counts = uses.times.astype(float)
    total = np.bincount(uses.word, counts)
    within = counts * (counts - 1) / 2
    between = counts * (total[uses.word] - counts)
    agreements = (within + between / 2).sum()
    worth = np.ones(len(counts)) if weight is None else weight[uses.word]
    weighted = (worth * (within + between / 2)).sum()
    return PairCounts(
        sums(uses.owner, worth * within, accounts),
        pairs[0],
        sums(uses.owner, worth * between, accounts),
        pairs[1],
        float(weighted / agreements) if agreements else 1.0,
    )


def sums(index: Ints, values: Floats, size: int) -> Floats:
    """Sums of values by an index from 0."""
    return np.bincount(index, values, size).astype(np.float64)


def account_ratios(pairs: PairCounts) -> tuple[Floats, Floats]:
    """Agreeing pairs inside each account, and how many there were if accounts did not matter."""
    base = pairs.between.sum() / max(pairs.between_pairs.sum(), 1.0)
    unit = pairs.unit or 1.0
    return pairs.within / unit, pairs.within_pairs * base / unit


def individuality(pairs: PairCounts) -> Individuality:
    """Estimate log R; an account weighs by its requests less one, at most `MAX_WEIGHT`."""
    usable = (pairs.within_pairs > 0) & (pairs.between_pairs > 0)
    accounts = int(usable.sum())
    if accounts < MIN_INFORMED:
        return NOTHING
    used = pairs.of(usable)
    agreeing, expected = account_ratios(used)
    if expected.sum() <= 0:
        return NOTHING
    n = (1 + np.sqrt(1 + 8 * used.within_pairs)) / 2
    v = np.minimum(n - 1, MAX_WEIGHT)
    w = v * used.within / used.within_pairs
    b = v * used.between / used.between_pairs
    # half an agreeing pair on both sides keeps the logarithm finite
    slack = 0.5 * b.sum() / expected.sum()
    log_ratio = np.log((w.sum() + slack) / (b.sum() + slack))
    # an account that is left out also leaves its part of the others' pairs
    share, rate = n / n.sum(), used.between / used.between_pairs
    others = (b.sum() - b - (v.sum() - v) * share * rate) / (1 - share)
    left_out = np.log((w.sum() - w + slack) / np.maximum(others + slack, slack))
    spread = (accounts - 1) / accounts * ((left_out - left_out.mean()) ** 2).sum()
    return Individuality(
        float(log_ratio),
        float(np.sqrt(spread)),
        accounts,
        float(agreeing.sum()),
        float(expected.sum()),
    )
