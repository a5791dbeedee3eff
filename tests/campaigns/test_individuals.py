from __future__ import annotations

from dataclasses import fields, replace

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

from stillwatch.campaigns import individuals
from stillwatch.campaigns.evalues import any_false
from stillwatch.campaigns.habits import KEPT, measure
from stillwatch.campaigns.individuals import Floors, PeopleTest

NAMES = [field.name for field in fields(PeopleTest)]
OTHERS = ("rhythm", "volume", "conversation")
tests = st.fixed_dictionaries({name: st.floats(0, 1) for name in NAMES}).map(
    lambda p: PeopleTest(**p)
)


@given(tests)
def test_it_takes_content_sharing_and_another_habit(test: PeopleTest) -> None:
    others = [getattr(test, name) for name in OTHERS]
    held = max(test.content, test.customers, test.sharing)
    assert test.p == pytest.approx(max(held, any_false(others)))
    alone = min(1.0, 3 * min(others))
    assert test.p_by_one == pytest.approx(max(test.content, test.sharing, alone))


@given(tests, st.sampled_from(NAMES))
def test_missing_evidence_never_accuses(test: PeopleTest, name: str) -> None:
    assert replace(test, **{name: 1.0}).p >= test.p


@pytest.mark.parametrize("kept", ["content", "customers", "sharing"])
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


def test_the_least_individual_people_are_ruled_out_no_more_often_than_the_level() -> None:
    """At the floors of volume, hours and conversations at once, where all nulls just hold."""
    rng, draws, ratio, talk = np.random.default_rng(2), 400, 1.5, 0.15
    floors = Floors(content=None, rhythm=float(np.log(ratio)), conversation=talk)
    found = []
    for _ in range(draws):
        account, hour = people(
            rng, volumes(rng, 20, 25, individuals.VOLUME_FLOOR), ratio, topics=24
        )
        follows = rng.random(len(account)) < talk
        slot = hour + 24 * rng.integers(0, 7, len(account))
        stream = make_stream(account, slot=slot % 24, turns=np.where(follows, 2, 1))
        found.append(individuals.test_people(measure(stream), floors))
    for level in (0.05, 0.01):
        for name in (*OTHERS, "others"):
            p = np.array([getattr(test, name) for test in found])
            assert np.mean(p <= level) <= size_bound(level, draws), (name, level)
    # and they are not ruled out because nothing was seen: each null is nearly used up somewhere
    assert np.mean([test.volume <= 0.2 for test in found]) > 0.05


@pytest.mark.parametrize("accounts", [17, 70, 379])
def test_the_null_of_use_is_that_of_as_many_accounts(accounts: int) -> None:
    """Its p-value comes from a few less accounts; the error of a simulation is about as large."""
    floor, mean = individuals.VOLUME_FLOOR, 20.0
    centre, variance = individuals._null_dispersion(accounts, mean, floor)
    fewer = individuals._rounded(accounts)
    assert 0.85 * accounts < fewer <= accounts
    near, spread = individuals._null_dispersion(fewer, mean, floor)
    assert near == pytest.approx(centre, rel=0.03)
    # of 1,000 draws or more a variance is known to 5 %, and these are two
    assert spread * fewer / accounts == pytest.approx(variance, rel=3 * 0.05 * 2**0.5)
