from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stillwatch.attribution.exact import holm, interval, randomised, rank_sum, upper_tail
from stillwatch.errors import UsageError

values = st.lists(st.integers(0, 4), min_size=1, max_size=5)


@settings(deadline=None)
@given(values, values)
def test_rank_sum_counts_all_lots(chosen: list[int], others: list[int]) -> None:
    ranks = stats.rankdata([*chosen, *others])
    observed = ranks[: len(chosen)].sum()
    sums = [sum(lot) for lot in combinations(ranks, len(chosen))]
    assert rank_sum(chosen, others) == pytest.approx(np.mean(np.array(sums) >= observed - 1e-9))


def test_rank_sum_agrees_with_scipy_without_ties() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.5, 1, 8), rng.normal(size=40)
    expected = stats.mannwhitneyu(a, b, alternative="greater", method="exact").pvalue
    assert rank_sum(a, b) == pytest.approx(expected)


def test_rank_sum_reaches_far_into_the_tail() -> None:
    p = rank_sum(np.arange(300, 312), np.arange(300))
    assert p == pytest.approx(1 / math.comb(312, 12))


def test_rank_sum_refuses_what_it_cannot_count() -> None:
    with pytest.raises(UsageError, match="too many"):
        rank_sum(np.arange(500), np.arange(5_000))
    with pytest.raises(UsageError, match="both"):
        rank_sum([], [1.0])


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_step_down_rule(p: list[float]) -> None:
    adjusted = holm(p)
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for step, i in enumerate(np.argsort(p, kind="stable")):
            if p[i] * (len(p) - step) > level:
                break
            rejected.add(int(i))
        assert rejected == set(np.flatnonzero(adjusted <= level).tolist())


def test_the_randomised_p_value_is_uniform() -> None:
    rng = np.random.default_rng(0)
    hits = rng.binomial(20, 0.25, size=1_000)
    p = [randomised(int(h), 20, 0.25, u) for h, u in zip(hits, rng.random(1_000), strict=True)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert all(
        randomised(h, 20, 0.25, 1.0) == pytest.approx(upper_tail(h, 20, 0.25)) for h in hits[:20]
    )


def test_the_interval_holds_the_share() -> None:
    low, high = interval(30, 100)
    assert 0.21 < low < 0.3 < high < 0.41
    assert interval(0, 0) == (0.0, 1.0)
