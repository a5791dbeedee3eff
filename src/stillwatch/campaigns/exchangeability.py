"""Does it matter which account sent a request?

People are individuals: two requests of one person are more alike, in what they are about and in
when they come, than requests of two people, even when all use one application. Accounts that drain
one work queue are exchangeable: knowing the account tells nothing about the request. The
*individuality* of a group in an attribute is

    R = P(two requests of one account agree) / P(two requests of different accounts agree)

which is 1 for a sharded queue whatever hours, topics and quotas its operator chose, and above 1 for
people. Everything is linear in the number of requests: pairs are counted from marginal counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_WEIGHT = 50
"""Requests of an account beyond this many add no weight: no account speaks for the group alone."""


@dataclass(frozen=True, slots=True)
class Individuality:
    """Estimate of log R with its standard error by the jackknife over accounts.

    Attributes:
        log_ratio: natural log of R; nan where no pair of requests could be compared.
        error: standard error; inf where fewer than three accounts inform it.
        accounts: accounts with at least two requests.
    """

    log_ratio: float
    error: float
    accounts: int

    def p_at_least(self, log_floor: float) -> float:
        """P-value of the null that the group's individuality is at least `log_floor`.

        One-sided t test over accounts: small when the group is less individual than that.
        """
        if not np.isfinite(self.log_ratio) or not np.isfinite(self.error):
            return 1.0
        if self.error == 0:
            return 0.0 if self.log_ratio < log_floor else 1.0
        return float(stats.t.cdf((self.log_ratio - log_floor) / self.error, self.accounts - 1))


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Agreement of pairs by account, float64[accounts] each.

    Attributes:
        within: agreeing pairs inside the account.
        within_pairs: all pairs inside the account.
        between: agreeing pairs with other accounts' requests.
        between_pairs: all pairs with other accounts' requests.
    """

    within: Floats
    within_pairs: Floats
    between: Floats
    between_pairs: Floats


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
    accounts = len(sizes)
    values = int(value.max()) + 1 if len(value) else 0
    weight = np.ones(values) if weight is None else weight
    cells, counts = np.unique(account * values + value, return_counts=True)
    cell_account, cell_value = cells // max(values, 1), cells % max(values, 1)
    total = np.bincount(value, minlength=values).astype(float)
    counts = counts.astype(float)
    within = weight[cell_value] * counts * (counts - 1) / 2
    between = weight[cell_value] * counts * (total[cell_value] - counts)
    n = sizes.astype(float)
    return PairCounts(
        np.bincount(cell_account, within, accounts),
        n * (n - 1) / 2,
        np.bincount(cell_account, between, accounts),
        n * (n.sum() - n),
    )


def individuality(pairs: PairCounts, prior: float = 0.5) -> Individuality:
    """Estimate log R from pair counts.

    An account weighs by its requests less one, at most `MAX_WEIGHT`. `prior` agreeing pairs are
    added on both sides, so that a group without a single agreement is nan rather than certain.
    """
    usable = pairs.within_pairs > 0
    accounts = int(usable.sum())
    if accounts < 3:
        return Individuality(float("nan"), float("inf"), accounts)
    within_pairs = pairs.within_pairs[usable]
    n = (1 + np.sqrt(1 + 8 * within_pairs)) / 2
    v = np.minimum(n - 1, MAX_WEIGHT)
    base = pairs.between[usable].sum() / pairs.between_pairs[usable].sum()
    if base <= 0:
        return Individuality(float("nan"), float("inf"), accounts)
    w = v * pairs.within[usable] / within_pairs
    b = v * pairs.between[usable] / pairs.between_pairs[usable]
    slack = prior * base * v.sum() / max(within_pairs.sum() * base, prior)
    log_ratio = np.log((w.sum() + slack) / (b.sum() + slack))
    left_out = np.log((w.sum() - w + slack) / (b.sum() - b + slack))
    spread = (accounts - 1) / accounts * ((left_out - left_out.mean()) ** 2).sum()
    return Individuality(float(log_ratio), float(np.sqrt(spread)), accounts)
