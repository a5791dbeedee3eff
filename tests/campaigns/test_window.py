from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stillwatch
from stillwatch.campaigns.window import MIN_QUERIES, WindowTest, extraction_test
from stillwatch.errors import UsageError

WORDS = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in "rstvz"]


def people(rng: np.random.Generator, customers: int) -> list[list[str]]:
    """Customers who each write about a few things of their own, in words of their own."""
    found = []
    for _ in range(customers):
        mine = rng.choice(len(WORDS), 30, replace=False)
        asks = rng.integers(4, 9, rng.integers(2, 8))
        found.append([" ".join(WORDS[i] for i in rng.choice(mine, n)) for n in asks])
    return found


def corpus(rng: np.random.Generator, size: int) -> list[str]:
    """Items of a queue, in one of three templates."""
    heads = ("solve this with all steps shown", "think first and then answer", "grade the reply")
    return [
        f"{heads[rng.integers(3)]} {' '.join(WORDS[i] for i in rng.choice(len(WORDS), 5))}"
        for _ in range(size)
    ]


@pytest.fixture(scope="module")
def known() -> WindowTest:
    return WindowTest.of(people(np.random.default_rng(0), 400), seed=1)


def test_windows_of_other_customers_are_no_extraction(known: WindowTest) -> None:
    p = []
    for seed in range(40):
        window = [q for one in people(np.random.default_rng(100 + seed), 60) for q in one]
        p.append(known.test(window).p_value)
    # P(more than 5 of 40 at .03) for a valid test is below .003
    assert sum(value <= 0.03 for value in p) <= 5


def test_a_tenth_of_a_corpus_is_seen(known: WindowTest) -> None:
    rng = np.random.default_rng(3)
    window = [q for one in people(rng, 100) for q in one][:360] + corpus(rng, 40)
    found = known.test(window)
    assert found.p_value < 0.003
    assert all(i >= 360 for i in found.most_alike)


def test_the_same_input_and_seed_give_the_same_outcome() -> None:
    reference = people(np.random.default_rng(5), 120)
    window = corpus(np.random.default_rng(6), 50)
    assert extraction_test(window, reference) == stillwatch.extraction_test(window, reference)


def test_a_flat_reference_is_taken_too() -> None:
    texts = [query for one in people(np.random.default_rng(7), 120) for query in one]
    assert extraction_test(corpus(np.random.default_rng(8), 60), texts).p_value < 0.01


@pytest.mark.parametrize(
    ("queries", "reference"),
    [(["one"] * (MIN_QUERIES - 1), ["text"] * 300), (["one"] * 50, ["text"] * 30)],
)
def test_too_little_is_refused(queries: list[str], reference: list[str]) -> None:
    with pytest.raises(UsageError, match="needs"):
        extraction_test(queries, reference)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=MIN_QUERIES, max_size=40))
def test_any_texts_give_a_p_value(known: WindowTest, queries: list[str]) -> None:
    assert 0 <= known.test(queries).p_value <= 1
