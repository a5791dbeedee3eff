from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.lab.evaluate.statistics import clopper_pearson, clustered_rate, rate_of_runs

COUNTS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12).map(
    lambda pairs: ([min(a, b) for a, b in pairs], [max(a, b) for a, b in pairs])
)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(0, 100, 0, 0.0362), (10, 10, 0.6915, 1), (5, 10, 0.1871, 0.8129), (1, 20, 0.0013, 0.2487)],
)
def test_clopper_pearson_agrees_with_published_tables(
    hits: int, total: int, low: float, high: float
) -> None:
    assert clopper_pearson(hits, total) == pytest.approx((low, high), abs=1e-4)


def test_of_nothing_everything_is_possible() -> None:
    assert clopper_pearson(0, 0) == (0, 1)
    empty = clustered_rate([], [])
    assert math.isnan(empty.value)
    assert (empty.low, empty.high) == (0, 1)


@given(COUNTS)
def test_the_interval_holds_the_share(counts: tuple[list[int], list[int]]) -> None:
    rate = clustered_rate(*counts)
    if rate.total:
        assert 0 <= rate.low <= rate.value <= rate.high <= 1


@given(st.integers(1, 40), st.integers(1, 80))
def test_campaigns_that_agree_count_once_each(clusters: int, size: int) -> None:
    whole = clustered_rate([size] * clusters, [size] * clusters)
    assert (whole.low, whole.high) == clopper_pearson(clusters, clusters)
    missed = clustered_rate([0] * clusters, [size] * clusters)
    assert (missed.low, missed.high) == clopper_pearson(0, clusters)


def test_campaigns_found_whole_or_not_at_all_are_nearly_their_number_of_observations() -> None:
    rate = clustered_rate([40] * 7 + [0] * 3, [40] * 10)
    low, high = clopper_pearson(7, 10)
    assert (rate.low, rate.high) == pytest.approx((low, high), abs=0.08)
    assert rate.low < low


def test_two_campaigns_that_nearly_agree_say_little() -> None:
    rate = clustered_rate([60, 59], [60, 60])
    assert rate.high - rate.low > 0.5


def test_coverage_where_accounts_of_a_campaign_go_together() -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(400):
        shares = rng.beta(2, 1, 10)  # mean 2/3, strongly clustered
        rate = clustered_rate(rng.binomial(60, shares).tolist(), [60] * 10)
        inside += rate.low <= 2 / 3 <= rate.high
    assert inside / 400 > 0.9


def test_runs_are_independent() -> None:
    rate = rate_of_runs(0, 100)
    assert rate.high == pytest.approx(0.0362, abs=1e-4)
