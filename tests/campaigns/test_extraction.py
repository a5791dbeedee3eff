from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.campaigns.streams import (
    make_stream,
    people,
    queue,
    size_bound,
    volumes,
    words_about,
)

from stillwatch.campaigns.extraction import (
    FEATURES,
    MIN_CUSTOMERS,
    MIN_REQUESTS,
    Reference,
    Vocabulary,
    harvest_features,
    pooled_features,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.stream import Stream

TOPICS = 100


def customers(seed: int, accounts: int) -> Stream:
    """Whole customers: topics, frames, wishes and answers of their own."""
    rng = np.random.default_rng(seed)
    account, topic = people(rng, 12 + volumes(rng, accounts, 12, 0.5), ratio=6.0, topics=TOPICS)
    n = len(account)
    framed = rng.random(n) < rng.beta(0.6, 2, accounts)[account]
    again = rng.random(n) < rng.beta(1, 8, accounts)[account]
    return make_stream(
        account,
        tokens=words_about(rng, topic),
        head4_key=np.where(framed, account, 10_000 + np.arange(n)),
        body_key=np.where(again, account, 10_000 + np.arange(n)),
        elicitation=rng.beta(0.5, 3, accounts)[account],
        output_tokens=200 * np.exp(rng.normal(0, 0.7, accounts))[account],
    )


def harvest(rng: np.random.Generator, accounts: int = 10) -> Stream:
    """A pile of items from everywhere, in one frame, asking for reasons at length."""
    account, topic = queue(rng, volumes(rng, accounts, 30, 0.3), TOPICS)
    n = len(account)
    return make_stream(
        account,
        tokens=words_about(rng, topic),
        head4_key=np.full(n, 1),
        elicitation=np.full(n, 0.9),
        output_tokens=np.full(n, 2000.0),
    )


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference.of(customers(0, 300))


def one(stream: Stream, vocabulary: Vocabulary) -> NDArray[np.float64]:
    row: NDArray[np.float64] = harvest_features(
        stream, np.zeros(len(stream), np.int64), 1, vocabulary
    )[0]
    return row


def test_the_features_of_a_small_stream_are_what_one_counts() -> None:
    stream = make_stream(
        [1, 1, 1, 1],
        body_key=[1, 2, 3, 3],
        head4_key=[7, 7, 7, 8],
        tail4_key=[1, 2, 3, 4],
        elicitation=[0.2, 0.0, 0.4, 0.0],
        grading=[0.0, 0.6, 0.0, 0.0],
        output_tokens=[100.0, 300.0, None, None],
    )
    nothing = Vocabulary(np.zeros(0, np.int64), np.zeros(0), 1.0, 1.0)
    row = dict(zip(FEATURES, one(stream, nothing), strict=True))
    assert row["novelty"] == 3 / 4
    assert row["frame"] == 3 / 4
    assert row["elicitation"] == pytest.approx((0.2 + 0.6 + 0.4 + 0.0) / 4)
    assert row["output"] == pytest.approx(np.log1p(200))


def test_answers_of_unknown_length_are_unknown() -> None:
    stream = make_stream([1, 1], output_tokens=[None, None])
    assert np.isnan(one(stream, Vocabulary.of(stream))[FEATURES.index("output")])


def test_a_queue_is_broader_than_a_person() -> None:
    rng = np.random.default_rng(1)
    population = customers(1, 200)
    vocabulary = Vocabulary.of(population)
    sizes = np.array([60])
    account, topic = people(rng, sizes, ratio=10.0, topics=TOPICS)
    person = make_stream(account, tokens=words_about(rng, topic))
    account, topic = queue(rng, sizes, TOPICS)
    pile = make_stream(account, tokens=words_about(rng, topic))
    assert one(pile, vocabulary)[0] > one(person, vocabulary)[0] + 0.5
    assert one(pile, vocabulary)[0] == pytest.approx(0, abs=0.5)


def test_frames_of_a_group_are_the_accounts_own() -> None:
    stream = make_stream(np.repeat(np.arange(5), 8), head4_key=np.repeat(np.arange(5), 8))
    vocabulary = Vocabulary.of(stream)
    assert one(stream, vocabulary)[FEATURES.index("frame")] == 1 / 5
    assert pooled_features(stream, vocabulary)[FEATURES.index("frame")] == 1


def test_customers_with_few_requests_are_no_reference() -> None:
    few = make_stream(np.repeat(np.arange(100), MIN_REQUESTS - 1))
    assert len(Reference.of(few).features) == 0


def test_a_small_reference_proves_nothing() -> None:
    rng = np.random.default_rng(0)
    small = Reference.of(customers(0, MIN_CUSTOMERS - 1))
    assert not small.sufficient
    assert small.p_value(pooled_features(harvest(rng), small.vocabulary)) == 1.0


def test_a_harvest_is_told_from_customers(reference: Reference) -> None:
    row = pooled_features(harvest(np.random.default_rng(0)), reference.vocabulary)
    assert reference.p_value(row) < 0.01


@pytest.mark.parametrize("size", [MIN_CUSTOMERS, 200])
def test_p_is_valid_for_customers_that_are_not_in_the_reference(size: int) -> None:
    p = []
    for seed in range(6):
        known = Reference.of(customers(2 * seed, size))
        others = customers(2 * seed + 1, 80)
        _, codes, sizes = others.coded()
        rows = harvest_features(others, codes, len(sizes), known.vocabulary)
        p += [known.p_value(row) for row in rows]
    # customers of one reference share its luck: count a reference's draws as if they were half
    for level in (0.2, 0.1, 0.05):
        assert np.mean(np.array(p) <= level) <= size_bound(level, len(p) // 2)


def test_p_is_valid_for_the_references_own_customers(reference: Reference) -> None:
    p = np.array([reference.p_value(row) for row in reference.features])
    for level in (0.5, 0.2, 0.1, 0.05):
        assert np.mean(p <= level) <= level + 1e-9


def test_many_rows_at_once_have_the_ranks_that_each_has_alone(reference: Reference) -> None:
    rows = np.vstack([reference.features, reference.features[:20] + 3])
    alike = reference.alike(rows)
    p = np.array([reference.p_value(row) for row in rows])
    smallest = 1 / (1 + len(reference.features))
    inside = alike > smallest
    assert (~inside).sum() >= 5
    assert (p[inside] == alike[inside]).all()
    assert (p[~inside] <= smallest).all()
    assert np.array_equal(reference.ranks(rows)[7], reference.ranks(rows[7]))


@settings(max_examples=60)
@given(
    st.integers(0, 299),
    st.integers(0, len(FEATURES) - 1),
    st.floats(0, 5),
)
def test_more_of_a_feature_is_more_of_a_harvest(customer: int, feature: int, more: float) -> None:
    known = _KNOWN
    row = known.features[customer].copy()
    raised = row.copy()
    raised[feature] += more
    assert known.p_value(raised) <= known.p_value(row)


@settings(max_examples=60)
@given(st.integers(0, 299), st.integers(0, len(FEATURES) - 1))
def test_a_feature_that_is_not_known_accuses_nobody(customer: int, feature: int) -> None:
    row = _KNOWN.features[customer].copy()
    row[feature] = np.nan
    assert _KNOWN.p_value(row) >= _KNOWN.p_value(_KNOWN.features[customer])


_KNOWN = Reference.of(customers(0, 300))
