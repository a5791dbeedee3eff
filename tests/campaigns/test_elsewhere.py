from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.campaigns.streams import make_stream, people, queue, size_bound, volumes, words_about

from stillwatch.campaigns.elsewhere import JOB_ASKS, JOB_SHARE, compare_elsewhere, one_job
from stillwatch.campaigns.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from stillwatch.campaigns.stream import Stream

TOPICS = 300
RATIO = 12.0


def stream_of(account: NDArray[np.int64], topic: NDArray[np.int64], seed: int) -> Stream:
    return make_stream(account, tokens=words_about(np.random.default_rng(seed), topic))


def customers(seed: int, accounts: int, mean: float = 60) -> tuple[Stream, Stream]:
    """Accounts with topics of their own, and their requests dealt out to two streams."""
    rng = np.random.default_rng(seed)
    account, topic = people(rng, volumes(rng, accounts, mean, 0.3), RATIO, TOPICS)
    whole = stream_of(account, topic, seed)
    side = rng.random(len(account)) < 0.5
    return whole.take(side), whole.take(~side)


def a_queue(seed: int, accounts: int) -> Stream:
    rng = np.random.default_rng(seed)
    return stream_of(*queue(rng, volumes(rng, accounts, 30, 0.1), TOPICS), seed)


@pytest.fixture(scope="module")
def telling() -> Telling:
    rng = np.random.default_rng(99)
    return Telling.of(stream_of(*people(rng, volumes(rng, 300, 25, 0.5), RATIO, TOPICS), 99))


def test_customers_ask_about_the_same_things_everywhere(telling: Telling) -> None:
    told = 0
    low = 0
    for seed in range(5):
        found = compare_elsewhere(*customers(seed, 80), telling)
        assert found.of_group is not None
        assert found.of_group.p > 0.01
        told += found.telling.sum()
        low += (found.p <= 0.01).sum()
    assert told >= 200
    # customers differ in how much they keep to their topics, so the bound is for twice the level
    assert low <= size_bound(0.02, told) * told


def test_an_operators_cover_has_nothing_to_do_with_its_harvest(telling: Telling) -> None:
    cover = customers(1, 40)[0]
    found = compare_elsewhere(a_queue(2, 40), cover, telling)
    assert found.telling.mean() >= 0.8
    assert (found.p[found.telling] <= 0.001).mean() >= 0.8
    assert found.of_group is not None
    assert found.of_group.p < 1e-6


def test_nothing_is_told_of_a_platform_with_many_users(telling: Telling) -> None:
    found = compare_elsewhere(a_queue(3, 40), a_queue(4, 40), telling)
    assert found.telling.mean() <= 0.1
    assert found.of_group is None
    assert (found.p[~found.telling] == 1).all()


def test_nothing_is_told_of_who_does_nothing_else(telling: Telling) -> None:
    stream = a_queue(5, 10)
    nobody = customers(6, 5)[0]
    stranger = make_stream(nobody.account + 500, tokens=nobody.tokens)
    for elsewhere, words in ((None, telling), (stranger, telling), (nobody, None)):
        found = compare_elsewhere(stream, elsewhere, words)
        assert not found.telling.any()
        assert found.of_group is None
        assert found.accounts.tolist() == list(range(10))


def test_cover_from_one_source_looks_personal_beside_that_of_others(telling: Telling) -> None:
    rng = np.random.default_rng(7)
    # cover traffic about a tenth of all topics, the same tenth for every account
    account, topic = people(rng, volumes(rng, 40, 60, 0.2), RATIO / 2, TOPICS // 10)
    cover = stream_of(account, topic, 7)
    others = customers(8, 80)[0]
    others = make_stream(others.account + 1000, tokens=others.tokens)
    harvest = a_queue(9, 40)
    alone = compare_elsewhere(harvest, cover, telling)
    beside = compare_elsewhere(harvest, cover.followed_by(others), telling)
    assert alone.accounts.tolist() == beside.accounts.tolist()
    assert (alone.pairs.within == beside.pairs.within).all()
    assert beside.telling.mean() >= 0.6
    assert beside.telling.sum() > alone.telling.sum() + 15


def _jobs(account: list[int], head: Sequence[int | None], asks: float) -> Stream:
    """Requests by account and opening words, all of which ask for reasons alike."""
    return make_stream(account, head4_key=head, elicitation=np.full(len(account), asks))


def test_a_slice_of_a_job_has_the_template_of_the_rest() -> None:
    # of these two the one sends its template everywhere, the other in the stream only
    stream = _jobs([1] * 20 + [2] * 20, [7] * 20 + [8] * 20, 1.0)
    rest = _jobs([1] * 20 + [2] * 20, [*[7] * 20, *range(100, 120)], 1.0)
    assert one_job(stream, rest).tolist() == [1]
    assert not len(one_job(stream, None))
    assert not len(one_job(stream, _jobs([3], [7], 1.0)))


@pytest.mark.parametrize(("share", "job"), [(JOB_SHARE + 0.05, True), (JOB_SHARE - 0.05, False)])
def test_a_template_runs_through_nearly_all_of_a_job(share: float, job: bool) -> None:
    many = round(share * 100)
    mixed = [*[7] * many, *range(100, 200 - many)]
    assert (len(one_job(_jobs([1] * 100, mixed, 1.0), _jobs([1] * 100, [7] * 100, 1.0))) > 0) is job
    assert (len(one_job(_jobs([1] * 100, [7] * 100, 1.0), _jobs([1] * 100, mixed, 1.0))) > 0) is job


@pytest.mark.parametrize(("asks", "job"), [(JOB_ASKS, True), (0.9 * JOB_ASKS, False)])
def test_cover_in_the_harvests_template_is_no_job(asks: float, job: bool) -> None:
    found = one_job(_jobs([1] * 10, [7] * 10, 1.0), _jobs([1] * 10, [7] * 10, asks))
    assert (len(found) > 0) is job


def test_requests_without_a_frame_have_none_in_common() -> None:
    assert not len(one_job(_jobs([1] * 10, [None] * 10, 0.0), _jobs([1] * 10, [None] * 10, 0.0)))
