"""Exact p-values, and what many of them together allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LARGEST_TABLE = 4_000_000
"""Cells of the table that counts rank sums: 32 MB, a second."""


def upper_tail(hits: int, trials: int, chance: float) -> float:
    """P(X >= hits) for X binomial."""
    return float(stats.binom.sf(hits - 1, trials, chance))


def randomised(hits: int, trials: int, chance: float, u: float) -> float:
    """The p-value made exactly uniform under the null by `u`, uniform on (0, 1).

    For checking a null; a finding never rests on a coin.
    """
    return float(stats.binom.sf(hits, trials, chance) + u * stats.binom.pmf(hits, trials, chance))


def interval(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share."""
    if trials == 0:
        return 0.0, 1.0
    found = stats.binomtest(hits, trials).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """P-values adjusted by Holm (1979).

    Those at or below a level are rejected, and the chance of one false rejection among them all is
    at most that level, whatever their dependence.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted


def rank_sum(chosen: ArrayLike, others: ArrayLike) -> float:
    """P-value of "the chosen ones are no higher than chance", exact, with ties.

    All subsets of that many among all of them are equally likely under the null, which holds by
    design where the chosen ones were drawn by lot. The number of subsets whose ranks sum to no less
    is counted, not sampled.

    Raises:
        UsageError: there are none, or too many to count.
    """
    a, b = np.asarray(chosen, dtype=float), np.asarray(others, dtype=float)
    if not len(a) or not len(b):
        raise UsageError("the test needs both chosen and other values")
    twice = np.rint(2 * stats.rankdata(np.concatenate([a, b]))).astype(np.int64)
    observed, m = int(twice[: len(a)].sum()), len(a)
    most = int(np.sort(twice)[-m:].sum())
    if (m + 1) * (most + 1) > LARGEST_TABLE:
        raise UsageError(f"{m} among {len(twice)} are too many to count; choose fewer canaries")
    # ways[k, s]: share of the subsets of size k whose doubled ranks sum to s, built item by item
    ways = np.zeros((m + 1, most + 1))
    ways[0, 0] = 1.0
    for taken, rank in enumerate(twice):
        top = min(taken, m - 1)
        grown = ways[: top + 1, : most + 1 - rank].copy()
        ways[1 : top + 2, rank:] += grown
    return float(min(1.0, ways[m, observed:].sum() / ways[m].sum()))
