from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.campaigns.streams import make_stream, people, queue, volumes, words_about

from stillwatch.campaigns.habits import compare_content
from stillwatch.campaigns.split import impersonal
from stillwatch.campaigns.telling import MOST_TOLD, Telling

if TYPE_CHECKING:
    from stillwatch.campaigns.individuals import Floors
    from stillwatch.campaigns.stream import Stream

RATIO = 8.0
CHATTER = 5
"""Words that everybody uses, whatever it is about."""


def chatty(account: np.ndarray, topic: np.ndarray, rng: np.random.Generator) -> Stream:
    said = 1_000_000 + rng.integers(0, CHATTER, (len(topic), 2))
    return make_stream(account, tokens=np.hstack([words_about(rng, topic), said]))


@pytest.fixture(scope="module")
def population() -> Stream:
    rng = np.random.default_rng(0)
    account, topic = people(rng, volumes(rng, 300, 25, 0.5), ratio=RATIO, topics=300)
    return chatty(account, topic, rng)


def test_words_that_everybody_uses_tell_nothing_and_rare_ones_much(population: Stream) -> None:
    telling = Telling.of(population)
    topical, chatter = telling.worth(np.array([1 + 18 * 7, 1_000_000]))
    assert topical == pytest.approx(np.log(RATIO), abs=0.3)
    assert chatter < 0.1
    unknown = telling.worth(np.array([-5]))[0]
    assert topical <= unknown <= MOST_TOLD  # a word that nobody used is rarer than any


def test_rarer_words_tell_at_least_as_much(population: Stream) -> None:
    assert (np.diff(Telling.of(population).log_ratios) <= 0).all()


def test_nothing_is_told_where_customers_are_exchangeable() -> None:
    rng = np.random.default_rng(1)
    account, topic = queue(rng, volumes(rng, 300, 25, 0.5), topics=300)
    # about 100 agreements in the rarest class that has any: two and a half standard errors
    assert Telling.of(chatty(account, topic, rng)).log_ratios.max() < 0.25


def test_repeating_a_prompt_makes_nobody_an_individual(population: Stream) -> None:
    rng = np.random.default_rng(2)
    telling = Telling.of(population)
    account, topic = queue(rng, volumes(rng, 20, 40, 0.1), topics=300)
    stream = chatty(account, topic, rng)
    again = stream.take(
        np.sort(np.append(np.arange(len(stream)), rng.integers(0, len(stream), 300)))
    )
    once, twice = (compare_content(s, telling).pairs for s in (stream, again))
    assert (once.within == twice.within).all()


def test_the_floor_follows_the_words_that_a_group_uses(population: Stream) -> None:
    rng = np.random.default_rng(3)
    telling = Telling.of(population)
    account, topic = queue(rng, volumes(rng, 20, 40, 0.1), topics=300)
    rare = compare_content(make_stream(account, tokens=words_about(rng, topic)), telling).floor(1.0)
    assert rare == pytest.approx(np.log(RATIO), abs=0.3)
    less = compare_content(chatty(account, topic, rng), telling).floor(0.5)
    assert 0 < less < rare


def test_a_share_of_a_queue_is_told_from_a_person(population: Stream) -> None:
    from stillwatch.campaigns.individuals import Floors

    rng = np.random.default_rng(4)
    floors: Floors = Floors.of_population(population)
    workers, work = queue(rng, volumes(rng, 30, 60, 0.2), topics=300)
    persons, about = people(rng, volumes(rng, 30, 60, 0.2), ratio=RATIO, topics=300)
    stream = chatty(np.append(workers, persons + 100), np.append(work, about), rng)
    found = impersonal(stream, floors, 0.01)
    assert (found < 100).sum() >= 28
    # people differ: the level holds for the average customer, and some have more topics than that
    assert (found >= 100).sum() <= 15
