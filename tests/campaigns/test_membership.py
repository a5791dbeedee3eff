"""Rules by which single accounts stay in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.campaigns.streams import make_stream, people, queue, size_bound, words_about

from stillwatch.campaigns.elsewhere import covered_alike
from stillwatch.campaigns.membership import OWN_HABIT, passing_through, personal

if TYPE_CHECKING:
    from tests.campaigns.streams import Ints

    from stillwatch.campaigns.stream import Stream

DAYS = 40


@pytest.mark.parametrize(("strays", "passes"), [(0, True), (10, True), (30, False)])
def test_stray_requests_make_no_benchmark_of_an_evening_a_member(strays: int, passes: bool) -> None:
    """Nineteen accounts with one request a day, and one with all of its but a few on one day."""
    daily = np.tile(np.arange(DAYS), 19)
    evening = np.append(np.full(DAYS - strays, DAYS // 2), np.arange(strays))
    stream = make_stream(np.repeat(np.arange(20), DAYS), slot=24 * np.concatenate([daily, evening]))
    assert passing_through(stream).tolist() == ([19] if passes else [])


def test_a_group_that_works_in_bursts_has_no_strangers_by_that() -> None:
    bursts = np.repeat(np.arange(20), DAYS)
    assert passing_through(make_stream(bursts, slot=24 * bursts)).tolist() == []


def test_a_person_who_asks_for_reasons_now_and_then_is_not_covered_as_a_queue_is() -> None:
    """Of ten accounts of a queue a quarter to a half is in the stream, of a person an eighth."""
    share = np.append(np.linspace(0.25, 0.5, 10), 0.125)
    everyone = np.ones(11, dtype=bool)
    assert covered_alike(share, everyone).tolist() == [True] * 10 + [False]
    # who is no member for another reason does not count
    batch = np.append(share, np.full(30, 1.0))
    assert covered_alike(batch, np.arange(41) < 11)[:10].all()
    assert not covered_alike(batch, np.ones(41, dtype=bool))[:10].all()
    assert covered_alike(share, ~everyone).tolist() == [False] * 11


TOPICS = 600
"""So many that no topic is so frequent in an account as to be taken for its frame."""


def _hours(rng: np.random.Generator, account: Ints, opens: Ints) -> Ints:
    """Three hours of each day, from the one at which the account opens."""
    return 24 * rng.integers(0, DAYS, len(account)) + opens + rng.integers(0, 3, len(account))


def _among_workers(rng: np.random.Generator, topic_ratio: float | None) -> Stream:
    """Eighty accounts that drain a queue around the clock, and from 100 twenty that keep hours.

    Args:
        topic_ratio: how much these keep to topics of their own; None for the queue's.
    """
    workers, about = queue(rng, np.full(80, 60), TOPICS)
    sizes = np.full(20, 60)
    owner, own = (
        people(rng, sizes, topic_ratio, TOPICS) if topic_ratio else queue(rng, sizes, TOPICS)
    )
    around = rng.integers(0, 24 * DAYS, len(workers))
    return make_stream(
        np.append(workers, 100 + owner),
        tokens=words_about(rng, np.append(about, own)),
        slot=np.append(around, _hours(rng, owner, owner)),
    )


def test_people_are_told_from_the_queue_that_they_stand_in() -> None:
    found = personal(_among_workers(np.random.default_rng(4), 12.0), None)
    assert len(found) >= 18
    assert (found >= 100).all()


def test_a_careful_operator_has_hours_but_no_topics() -> None:
    """Twenty accounts with hours of their own have topics by chance alone."""
    found = personal(_among_workers(np.random.default_rng(5), None), None)
    assert len(found) <= size_bound(OWN_HABIT, 20) * 20


def test_accounts_of_one_queue_are_seldom_taken_for_people() -> None:
    """Habits that do not depend on the account are both its own by chance alone."""
    rng, accounts = np.random.default_rng(6), 2_000
    account, topic = queue(rng, np.full(accounts, 40), TOPICS)
    slot = _hours(rng, account, np.full(len(account), 9))
    found = personal(make_stream(account, tokens=words_about(rng, topic), slot=slot), None)
    assert len(found) <= size_bound(OWN_HABIT**2, accounts) * accounts
