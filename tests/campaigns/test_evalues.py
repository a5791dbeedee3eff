from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from tests.campaigns.streams import size_bound

from stillwatch.campaigns.evalues import (
    KAPPA,
    SMALLEST_P,
    any_false,
    boost,
    boosted_e_bh,
    e_bh,
    e_value,
    partial_conjunction,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

levels = st.floats(0.001, 0.5)
evidence = st.lists(st.floats(0, 1e6), max_size=25)


def test_an_e_value_is_one_at_most_in_expectation() -> None:
    # near 0 the calibrator is steep: integrate over the logarithm of p
    total, error = quad(lambda x: float(e_value(np.exp(x))) * np.exp(x), np.log(SMALLEST_P), 0)
    clipped = float(e_value(0.0)) * SMALLEST_P
    assert total + clipped <= 1 + error
    assert total > 0.9  # and not much is given away


@given(st.floats(0, 1), st.floats(0, 1))
def test_less_probable_is_more_evidence(p: float, q: float) -> None:
    smaller, larger = sorted((p, q))
    assert e_value(smaller) >= e_value(larger)
    assert np.isfinite(e_value(smaller))


@given(evidence, levels)
def test_e_bh_follows_its_definition(e: list[float], level: float) -> None:
    n = len(e)
    largest = max((k for k in range(1, n + 1) if sorted(e)[-k] * k * level >= n), default=0)
    expected = sorted(range(n), key=lambda i: -e[i])[:largest]
    found = e_bh(e, level)
    assert found.sum() == largest
    assert sorted(e[i] for i in np.flatnonzero(found)) == sorted(e[i] for i in expected)


@given(evidence, levels, st.data())
def test_more_evidence_never_loses_a_discovery(
    e: list[float], level: float, data: st.DataObject
) -> None:
    more = [value + data.draw(st.floats(0, 1e6)) for value in e]
    assert not (e_bh(e, level) & ~e_bh(more, level)).any()


@given(evidence, levels)
def test_the_order_of_hypotheses_does_not_matter(e: list[float], level: float) -> None:
    assert (e_bh(e[::-1], level) == e_bh(e, level)[::-1]).all()


@given(st.integers(1, 200), levels)
def test_a_boosted_e_value_is_what_e_bh_sees_of_it_one_in_expectation(
    hypotheses: int, level: float
) -> None:
    factor = boost(hypotheses, level)
    bounds = hypotheses / (np.arange(1, hypotheses + 1) * level)
    # e-BH sees the largest bound that an e-value reaches, and the chance of it is that of its p
    reached = [(KAPPA * factor / bound) ** (1 / (1 - KAPPA)) for bound in bounds]
    seen = sum(
        bound * (p - before)
        for bound, p, before in zip(bounds, reached, [0.0, *reached[:-1]], strict=True)
    )
    assert seen == pytest.approx(1)
    assert all(p <= 1 for p in reached)


@given(levels, st.floats(0, 1))
def test_one_hypothesis_is_rejected_up_to_the_level_itself(level: float, p: float) -> None:
    if abs(p - level) > 1e-9:
        assert boosted_e_bh(e_value([p]), level).tolist() == [p < level]


def test_nothing_is_rejected_of_no_hypotheses() -> None:
    assert boosted_e_bh([], 0.1).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=25), levels)
def test_boosting_loses_no_discovery(p: list[float], level: float) -> None:
    e = e_value(p)
    assert not (e_bh(e, level) & ~boosted_e_bh(e, level)).any()


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("false", [0, 5])
@pytest.mark.parametrize("decide", [e_bh, boosted_e_bh])
def test_false_discoveries_stay_below_the_level_under_dependence(
    correlation: float, false: int, decide: Callable[[ArrayLike, float], NDArray[np.bool_]]
) -> None:
    level, candidates, draws = 0.2, 20, 4000
    rng = np.random.default_rng(0)
    from scipy.stats import norm

    share = []
    for _ in range(draws):
        common = rng.normal()
        z = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * rng.normal(size=candidates)
        z[:false] += 5
        rejected = decide(e_value(norm.sf(z)), level)
        share.append(rejected[false:].sum() / max(rejected.sum(), 1))
    assert np.mean(share) <= level + 3 * np.std(share) / np.sqrt(draws)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.integers(1, 7))
def test_partial_conjunction_follows_its_definition(p: list[float], needed: int) -> None:
    found = partial_conjunction(p, needed)
    if needed > len(p):
        assert found == 1.0
    else:
        bonferroni = (len(p) - needed + 1) * sorted(p)[needed - 1]
        assert found == pytest.approx(min(1.0, bonferroni))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.integers(1, 4))
def test_a_habit_that_cannot_be_judged_is_no_evidence(p: list[float], needed: int) -> None:
    assert partial_conjunction([*p, 1.0], needed) >= partial_conjunction(p, needed)


@pytest.mark.parametrize("dependent", [False, True])
@pytest.mark.parametrize("needed", [1, 2])
def test_partial_conjunction_is_valid(needed: int, *, dependent: bool) -> None:
    draws = 4000
    rng = np.random.default_rng(1)
    found = []
    for _ in range(draws):
        p = np.full(3, rng.uniform()) if dependent else rng.uniform(size=3)
        p[: needed - 1] = 0.0  # one fewer than needed are false for sure
        found.append(partial_conjunction(p, needed))
    for level in (0.05, 0.01):
        assert np.mean(np.array(found) <= level) <= size_bound(level, draws)


habits = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@given(habits)
def test_evidence_adds_up_or_stands_alone(p: list[float]) -> None:
    found = any_false(p)
    alone = 2 * len(p) * min(p)
    # of uniform p-values, P(product <= x) = x * sum of (-log x)^i / i!
    product = max(float(np.prod(p)), 1e-300)
    together = 2 * product * sum((-np.log(product)) ** i / factorial(i) for i in range(len(p)))
    assert found == pytest.approx(min(1.0, alone, together), rel=1e-9, abs=1e-250)


def test_without_hypotheses_nothing_is_false() -> None:
    assert any_false([]) == 1.0


@given(habits, st.integers(1, 3))
def test_what_is_missing_adds_nothing(p: list[float], missing: int) -> None:
    assert any_false([*p, *[1.0] * missing]) >= any_false(p) * (1 - 1e-9)


def test_any_false_is_valid_where_each_holds_whatever_the_others_came_to() -> None:
    draws = 20_000
    rng = np.random.default_rng(1)
    found = []
    for _ in range(draws):
        first = rng.uniform()
        # the second is uniform given the first, and larger than that half of the time
        second = max(rng.uniform(), first * rng.integers(2))
        found.append(any_false([first, second, rng.uniform()]))
    for level in (0.05, 0.01, 0.001):
        assert np.mean(np.array(found) <= level) <= size_bound(level, draws)
