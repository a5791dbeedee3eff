from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.campaigns.streams import (
    make_stream,
    people,
    queue,
    size_bound,
    volumes,
    words_about,
)

from stillwatch.campaigns.exchangeability import NOTHING, Individuality, count_pairs, individuality
from stillwatch.campaigns.habits import measure

if TYPE_CHECKING:
    import random

DRAWS = 300

requests = st.lists(
    st.tuples(st.integers(0, 4), st.frozensets(st.integers(0, 5), max_size=4)), max_size=25
)
weights = st.lists(st.floats(0, 8), min_size=6, max_size=6)


@given(requests, weights)
def test_pairs_are_counted_as_by_looking_at_each(
    rows: list[tuple[int, frozenset[int]]], worth: list[float]
) -> None:
    accounts = 5
    sizes = np.bincount([a for a, _ in rows], minlength=accounts)
    incidences = [(a, v) for a, values in rows for v in values]
    owner = np.array([a for a, _ in incidences], dtype=np.int64)
    value = np.array([v for _, v in incidences], dtype=np.int64)
    found = count_pairs(owner, value, sizes, np.array(worth))
    within, within_pairs, between, between_pairs = (
        defaultdict[int, float](float) for _ in range(4)
    )
    for (a, mine), (b, yours) in itertools.combinations(rows, 2):
        agreement = sum(worth[v] for v in mine & yours)
        if a == b:
            within_pairs[a] += 1
            within[a] += agreement
        else:
            for account in (a, b):
                between_pairs[account] += 1
                between[account] += agreement
    for name, expected in (
        ("within", within),
        ("within_pairs", within_pairs),
        ("between", between),
        ("between_pairs", between_pairs),
    ):
        counted = getattr(found, name)
        assert counted == pytest.approx([expected[a] for a in range(accounts)]), name


@given(requests, st.permutations(range(6)), st.randoms(use_true_random=False))
def test_names_and_order_do_not_matter(
    rows: list[tuple[int, frozenset[int]]], names: list[int], shuffle: random.Random
) -> None:
    def estimate(listed: list[tuple[int, frozenset[int]]], rename: list[int]) -> Individuality:
        pairs = [(a, rename[v]) for a, values in listed for v in values]
        owner, value = (np.array([p[i] for p in pairs], dtype=np.int64) for i in (0, 1))
        return individuality(count_pairs(owner, value, np.bincount([a for a, _ in listed])))

    shuffled = list(rows)
    shuffle.shuffle(shuffled)
    first, second = estimate(rows, list(range(6))), estimate(shuffled, names)
    assert first.log_ratio == pytest.approx(second.log_ratio, nan_ok=True)
    assert first.error == pytest.approx(second.error, rel=1e-6, abs=1e-9)
    assert (first.accounts, first.agreeing) == (second.accounts, second.agreeing)


@pytest.mark.parametrize(("accounts", "mean"), [(6, 20), (20, 10), (100, 8)])
@pytest.mark.parametrize("log_sd", [0.0, 1.0])
def test_a_queue_has_a_ratio_of_one(accounts: int, mean: float, log_sd: float) -> None:
    rng = np.random.default_rng(accounts)
    found = []
    for _ in range(60):
        sizes = volumes(rng, accounts, mean, log_sd)
        found.append(individuality(count_pairs(*queue(rng, sizes), sizes)))
    logs = np.array([estimate.log_ratio for estimate in found])
    # unbiased within four standard errors of the mean and the half pair of slack
    assert abs(logs.mean()) < 4 * logs.std() / np.sqrt(len(logs)) + 0.02
    # and the error it claims is that which it makes
    claimed = np.sqrt(np.mean([estimate.error**2 for estimate in found]))
    assert 0.6 < claimed / logs.std() < 1.7


@pytest.mark.parametrize("ratio", [1.5, 3.0, 8.0])
def test_people_have_the_ratio_that_they_were_made_with(ratio: float) -> None:
    rng = np.random.default_rng(0)
    sizes = volumes(rng, 400, 20, 0.5)
    found = individuality(count_pairs(*people(rng, sizes, ratio), sizes))
    assert found.log_ratio == pytest.approx(np.log(ratio), abs=4 * found.error)
    assert found.error < 0.15


@pytest.mark.parametrize("accounts", [8, 15, 60])
@pytest.mark.parametrize(("mean", "log_sd"), [(5, 0.2), (5, 1.2), (25, 1.2)])
@pytest.mark.parametrize("ratio", [1.3, 3.0])
def test_p_is_valid_at_the_boundary(
    accounts: int, mean: float, log_sd: float, ratio: float
) -> None:
    rng = np.random.default_rng(7)
    p = []
    for _ in range(DRAWS):
        sizes = volumes(rng, accounts, mean, log_sd)
        estimate = individuality(count_pairs(*people(rng, sizes, ratio), sizes))
        p.append(estimate.p_at_least(np.log(ratio)))
    for level in (0.05, 0.01):
        assert np.mean(np.array(p) <= level) <= size_bound(level, DRAWS)


@pytest.mark.parametrize(
    ("accounts", "mean", "log_sd"), [(5, 5, 0.2), (8, 5, 1.2), (15, 5, 0.2), (15, 20, 1.2)]
)
def test_p_is_valid_where_a_topic_shows_in_several_words(
    accounts: int, mean: float, log_sd: float
) -> None:
    ratio = 1.6
    rng = np.random.default_rng(3)
    p = []
    for _ in range(DRAWS):
        sizes = volumes(rng, accounts, mean, log_sd)
        # so many topics that none is often enough in an account to be taken for its frame
        account, topic = people(rng, sizes, ratio, topics=400)
        stream = make_stream(account, tokens=words_about(rng, topic))
        p.append(measure(stream).content.p_at_least(np.log(ratio)))
    for level in (0.05, 0.01, 0.001):
        assert np.mean(np.array(p) <= level) <= size_bound(level, DRAWS)


def test_a_queue_is_told_from_people() -> None:
    rng = np.random.default_rng(0)
    sizes = volumes(rng, 15, 30, 0.6)
    estimate = individuality(count_pairs(*queue(rng, sizes), sizes))
    assert estimate.p_at_least(np.log(2)) < 1e-5


def test_p_grows_as_the_floor_falls() -> None:
    rng = np.random.default_rng(0)
    sizes = volumes(rng, 10, 20, 0.5)
    estimate = individuality(count_pairs(*people(rng, sizes, 1.5), sizes))
    p = [estimate.p_at_least(floor) for floor in np.linspace(0, 2, 20)]
    assert p == sorted(p, reverse=True)


@pytest.mark.parametrize("sizes", [[], [5], [5, 5], [1, 1, 1, 1, 1], [9, 1, 1, 1]])
def test_too_little_to_compare_is_no_evidence(sizes: list[int]) -> None:
    rng = np.random.default_rng(0)
    counts = np.array(sizes, dtype=np.int64)
    estimate = individuality(count_pairs(*queue(rng, counts), counts))
    assert estimate == NOTHING or not np.isfinite(estimate.error)
    assert estimate.p_at_least(1.0) == 1.0


def test_no_agreement_at_all_is_no_evidence() -> None:
    sizes = np.full(5, 10)
    account = np.repeat(np.arange(5), 10)
    estimate = individuality(count_pairs(account, np.arange(50), sizes))
    assert estimate.p_at_least(1.0) == 1.0
