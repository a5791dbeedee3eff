from __future__ import annotations

import numpy as np
import pytest
from tests.campaigns.streams import make_stream, people, queue, volumes, words_about

from stillwatch.campaigns.dividing import by_activity, by_content, resembling

TOPICS = 200


def two_queues(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Accounts 0.. ask about the first topics and accounts 100.. about the rest."""
    rng = np.random.default_rng(seed)
    account, topic = queue(rng, volumes(rng, 30, 30, 0.1), TOPICS)
    return account + 100 * (account >= 15), topic + TOPICS * (account >= 15)


@pytest.mark.parametrize("seed", range(3))
def test_queues_are_told_apart_by_what_they_ask(seed: int) -> None:
    account, topic = two_queues(seed)
    stream = make_stream(account, tokens=words_about(np.random.default_rng(seed), topic))
    sides = [np.unique(side.account) for side in by_content(stream, None)]
    assert sorted(side.tolist() for side in sides) == [list(range(15)), list(range(115, 130))]


@pytest.mark.parametrize("seed", range(3))
def test_queues_are_told_apart_by_when_they_ask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    account, topic = two_queues(seed)
    slot = 24 * rng.integers(0, 10, len(account)) + 12 * (account >= 100)
    stream = make_stream(account, tokens=words_about(rng, topic % TOPICS), slot=slot)
    sides = [np.unique(side.account) for side in by_activity(stream)]
    assert sorted(side.tolist() for side in sides) == [list(range(15)), list(range(115, 130))]


def test_a_few_accounts_are_not_divided() -> None:
    rng = np.random.default_rng(0)
    account, topic = queue(rng, volumes(rng, 5, 30, 0.1), TOPICS)
    stream = make_stream(account, tokens=words_about(rng, topic), slot=account)
    assert by_activity(stream) == []
    assert by_content(stream, None) == []


@pytest.mark.parametrize("seed", range(3))
def test_those_who_ask_as_a_group_does_resemble_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    account, topic = queue(rng, volumes(rng, 40, 30, 0.1), TOPICS)
    owner, about = people(rng, volumes(rng, 60, 30, 0.3), 30.0, 3 * TOPICS)
    stream = make_stream(
        np.append(account, owner + 100), tokens=words_about(rng, np.append(topic, about + TOPICS))
    )
    found = resembling(stream, np.arange(20), None)
    assert (found < 100).sum() >= 38
    assert (found >= 100).sum() <= 3


def test_what_an_account_says_itself_is_no_reason_to_be_in_a_group() -> None:
    rng = np.random.default_rng(5)
    account, topic = people(rng, volumes(rng, 60, 30, 0.2), 30.0, 3 * TOPICS)
    stream = make_stream(account, tokens=words_about(rng, topic))
    # people who were put together by nothing resemble their group no more than others do
    group = np.arange(30)
    found = resembling(stream, group, None)
    assert np.isin(found, group).sum() <= 24
