from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.campaigns.streams import make_stream, people, queue, volumes, words_about

from stillwatch.campaigns import individuals
from stillwatch.campaigns.habits import KEPT, measure
from stillwatch.campaigns.individuals import Floors, PeopleTest

NAMES = [field.name for field in fields(PeopleTest)]
OTHERS = ("rhythm", "volume", "conversation")
tests = st.fixed_dictionaries({name: st.floats(0, 1) for name in NAMES}).map(
    lambda p: PeopleTest(**p)
)


@given(tests)
def test_it_takes_content_sharing_and_another_habit(test: PeopleTest) -> None:
    others = min(1.0, 3 * min(getattr(test, name) for name in OTHERS))
    assert test.p == pytest.approx(max(test.content, test.sharing, others))


@given(tests, st.sampled_from(NAMES))
def test_missing_evidence_never_accuses(test: PeopleTest, name: str) -> None:
    assert replace(test, **{name: 1.0}).p >= test.p


@pytest.mark.parametrize("kept", ["content", "sharing"])
def test_one_innocent_explanation_is_enough(kept: str) -> None:
    guilty = PeopleTest(**dict.fromkeys(NAMES, 1e-9))
    assert replace(guilty, **{kept: 0.7}).p == 0.7


def test_a_habit_that_the_population_lacks_speaks_against_nobody() -> None:
    rng = np.random.default_rng(0)
    account, topic = queue(rng, volumes(rng, 15, 30, 0.1))
    habits = measure(make_stream(account, tokens=words_about(rng, topic)))
    none = Floors(content=None, rhythm=None, conversation=None)
    tested = individuals.test_people(habits, none)
    assert (tested.content, tested.rhythm, tested.conversation) == (1.0, 1.0, 1.0)
    assert tested.p == 1.0


def test_floors_are_a_part_of_the_populations_individuality() -> None:
    rng = np.random.default_rng(0)
    account, topic = people(rng, volumes(rng, 300, 15, 0.5), ratio=6.0, topics=400)
    slot = account % 24 + 24 * rng.integers(0, 3, len(account))
    stream = make_stream(account, tokens=words_about(rng, topic), slot=slot)
    floors = Floors.of_population(stream)
    habits = measure(stream, telling=floors.telling)
    assert floors.content == pytest.approx(KEPT * habits.content.log_ratio)
    assert floors.rhythm == pytest.approx(KEPT * habits.rhythm.log_ratio)
    # all words are about as rare, so the group of all customers keeps the same floor
    assert floors.content_of(habits.content_floor) == pytest.approx(floors.content, rel=0.2)
    assert floors.conversation is None  # nobody follows up in this population


def test_a_population_without_individuality_gives_no_floor() -> None:
    rng = np.random.default_rng(0)
    account, topic = queue(rng, volumes(rng, 300, 15, 0.5))
    stream = make_stream(
        account, tokens=words_about(rng, topic), slot=rng.integers(0, 240, len(account))
    )
    floors = Floors.of_population(stream)
    assert (floors.content, floors.rhythm) == (None, None)


def test_people_with_topics_of_their_own_are_people_and_a_queue_is_not() -> None:
    rng = np.random.default_rng(1)
    sizes = volumes(rng, 15, 30, 0.1)
    floors = Floors(content=np.log(2), rhythm=None, conversation=None)
    p = {}
    for name, (account, topic) in {
        "people": people(rng, sizes, ratio=4.0, topics=100),
        "queue": queue(rng, sizes, topics=100),
    }.items():
        stream = make_stream(account, tokens=words_about(rng, topic))
        p[name] = individuals.test_people(measure(stream), floors).content
    assert p["people"] > 0.5
    assert p["queue"] < 1e-3
