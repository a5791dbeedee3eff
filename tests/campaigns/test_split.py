from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tests.campaigns.streams import (
    FLOORS,
    NOBODY,
    TOPICS,
    make_stream,
    people,
    queue,
    queue_among_people,
    volumes,
    words_about,
)

from stillwatch.campaigns.individuals import Floors
from stillwatch.campaigns.split import blending, queues, split

if TYPE_CHECKING:
    from stillwatch.campaigns.stream import Stream


def test_individuals_do_not_blend_in() -> None:
    kept = np.unique(
        blending(queue_among_people(np.random.default_rng(0), 15, 15), FLOORS, rhythm=False).account
    )
    assert (kept < 100).sum() >= 13
    assert (kept >= 100).sum() <= 3


def test_a_queue_stays_whole() -> None:
    stream = queue_among_people(np.random.default_rng(1), 15, 0)
    assert len(np.unique(blending(stream, FLOORS, rhythm=True).account)) >= 14


def test_a_campaign_is_cut_out_of_the_people_around_it() -> None:
    parts = split(queue_among_people(np.random.default_rng(2), 30, 15), FLOORS, NOBODY, 0.01)
    assert len(parts) == 1
    assert (parts[0] < 100).sum() >= 27
    assert (parts[0] >= 100).sum() <= 2


def test_people_leave_no_part() -> None:
    assert split(queue_among_people(np.random.default_rng(3), 0, 30), FLOORS, NOBODY, 0.01) == []


def test_parts_do_not_overlap() -> None:
    for seed in range(5):
        parts = split(queue_among_people(np.random.default_rng(seed), 20, 10), FLOORS, NOBODY, 0.05)
        accounts = np.concatenate([*parts, np.zeros(0, dtype=np.int64)])
        assert len(accounts) == len(np.unique(accounts))


def test_without_a_floor_nothing_is_taken_for_a_queue() -> None:
    stream = queue_among_people(np.random.default_rng(0), 15, 0)
    assert split(stream, Floors(content=None, rhythm=None, conversation=None), NOBODY, 0.01) == []


def crowd(rng: np.random.Generator, workers: int, persons: int) -> Stream:
    """As `queue_among_people`, of fewer requests, and people ask about more than the queue does."""
    account, topic = queue(rng, volumes(rng, workers, 30, 0.1), TOPICS // 3)
    owner, about = people(rng, volumes(rng, persons, 30, 0.3), ratio=40.0, topics=TOPICS)
    return make_stream(
        np.append(account, owner + 100),
        tokens=words_about(rng, np.append(topic, about)),
        slot=rng.integers(0, 240, len(account) + len(owner)),
    )


def test_a_queue_is_found_in_a_crowd_and_grows_by_its_own() -> None:
    workers, strangers = 0, 0
    for seed in range(6):
        stream = crowd(np.random.default_rng(seed), 40, 60)
        (one,) = queues(stream, stream, FLOORS, NOBODY, 0.01)
        assert (one.core < 100).mean() >= 0.9
        assert (one.grown < 100).sum() >= (one.core < 100).sum()
        workers += (one.grown < 100).sum()
        strangers += (one.grown >= 100).sum()
    # a core that is too small to grow is lost to people now and then
    assert workers >= 0.8 * 6 * 40
    assert strangers <= 0.05 * 6 * 60


def test_a_crowd_of_people_has_no_queue() -> None:
    for seed in range(5):
        stream = crowd(np.random.default_rng(seed), 0, 80)
        assert queues(stream, stream, FLOORS, NOBODY, 0.01) == []


def test_queues_of_one_crowd_have_no_accounts_in_common() -> None:
    rng = np.random.default_rng(7)
    one, two = crowd(rng, 30, 30), crowd(rng, 30, 0)
    other = make_stream(two.account + 1000, tokens=two.tokens + 100_000, slot=two.slot)
    both = one.followed_by(other)
    found = queues(both, both, FLOORS, NOBODY, 0.01)
    accounts = np.concatenate([np.union1d(q.core, q.grown) for q in found])
    assert len(accounts) == len(np.unique(accounts))
    assert (accounts < 100).sum() >= 20
    assert (accounts >= 1000).sum() >= 20
