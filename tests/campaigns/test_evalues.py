from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from tests.campaigns.streams import size_bound

from stillwatch.campaigns.evalues import SMALLEST_P, e_bh, e_value, partial_conjunction

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


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("false", [0, 5])
def test_false_discoveries_stay_below_the_level_under_dependence(
    correlation: float, false: int
) -> None:
    level, candidates, draws = 0.2, 20, 4000
    rng = np.random.default_rng(0)
    from scipy.stats import norm

    share = []
    for _ in range(draws):
        common = rng.normal()
        z = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * rng.normal(size=candidates)
        z[:false] += 5
        rejected = e_bh(e_value(norm.sf(z)), level)
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
