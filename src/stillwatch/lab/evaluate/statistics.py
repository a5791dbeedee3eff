"""Intervals that know that accounts of one campaign are found or missed together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its interval.

    Attributes:
        hits, total: the counts.
        clusters: independent campaigns or runs that they come from.
        low, high: the interval.
    """

    hits: int
    total: int
    clusters: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share; NaN of nothing."""
        return self.hits / self.total if self.total else float("nan")


def clopper_pearson(
    hits: float, total: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Exact binomial interval (Clopper and Pearson 1934); counts may be effective ones."""
    if total <= 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = stats.beta.ppf(tail, hits, total - hits + 1) if hits > 0 else 0.0
    high = stats.beta.isf(tail, hits + 1, total - hits) if hits < total else 1.0
    return float(low), float(high)


def clustered_rate(hits: Sequence[int], totals: Sequence[int]) -> Rate:
    """A share over clusters (Korn and Graubard 1998: Clopper-Pearson on the effective sample size).

    The effective size is the number of accounts divided by the design effect that the spread
    between clusters shows, made smaller where that spread rests on few clusters. Where all or none
    were hit there is no spread to measure, and each cluster counts once: ten campaigns found whole
    say no more than ten campaigns.
    """
    k, n = np.asarray(hits, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    total, clusters = float(n.sum()), len(n)
    if not total:
        return Rate(0, 0, clusters, 0.0, 1.0)
    p = float(k.sum()) / total
    effective = float(clusters)
    if clusters > 1 and 0 < p < 1:
        between = clusters / (clusters - 1) * float(((k - p * n) ** 2).sum()) / total**2
        single = p * (1 - p) / total
        tail = (1 - CONFIDENCE) / 2
        few = float(stats.t.isf(tail, total - 1) / stats.t.isf(tail, clusters - 1)) ** 2
        effective = max(total * min(single / between, 1.0) if between > 0 else total, 1.0) * few
    low, high = clopper_pearson(p * effective, effective)
    return Rate(int(k.sum()), int(total), clusters, low, high)


def rate_of_runs(events: int, runs: int) -> Rate:
    """A share of independent runs."""
    low, high = clopper_pearson(events, runs)
    return Rate(events, runs, runs, low, high)
