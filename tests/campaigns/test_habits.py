from __future__ import annotations

import numpy as np
import pytest
from tests.campaigns.streams import make_stream, size_bound, volumes

from stillwatch.campaigns import individuals
from stillwatch.campaigns.candidates import CORE_SHARE
from stillwatch.campaigns.habits import compare_content, measure
from stillwatch.campaigns.individuals import Floors

DRAWS = 400
FLOORS = Floors(content=0.5, rhythm=0.5, conversation=0.2)


def test_what_is_measured_of_an_empty_stream_is_no_evidence() -> None:
    people = individuals.test_people(measure(make_stream([])), FLOORS)
    assert people.p == 1.0


def test_sharing_is_the_share_of_items_that_others_send_too() -> None:
    # account 0 sends items 1 to 4, of which account 1 also sends 1 and 2, once and twice
    account = [0, 0, 0, 0, 1, 1, 1, 2]
    body = [1, 2, 3, 4, 1, 2, 2, 9]
    sharing = measure(make_stream(account, body_key=body)).sharing
    # shares 2/4, 2/2 and 0/1, weighted by items
    assert sharing.value == pytest.approx((4 * 0.5 + 2 * 1.0 + 1 * 0.0) / 7)
    assert sharing.accounts == 3


def test_a_class_that_does_one_exercise_shares_its_items() -> None:
    account, body = np.repeat(np.arange(20), 10), np.tile(np.arange(10), 20)
    people = individuals.test_people(measure(make_stream(account, body_key=body)), FLOORS)
    assert people.sharing > 0.99


def test_a_divided_pile_shares_nothing() -> None:
    people = individuals.test_people(measure(make_stream(np.repeat(np.arange(20), 10))), FLOORS)
    assert people.sharing < 1e-6


def test_volume_takes_the_counting_noise_out() -> None:
    rng = np.random.default_rng(0)
    even = rng.poisson(40, 2000)
    uneven = rng.poisson(40 * np.exp(rng.normal(0, 0.6, 2000) - 0.18))
    for counts, log_sd in ((even, 0.0), (uneven, 0.6)):
        volume = measure(make_stream([0]), counts).volume
        assert volume.log_sd == pytest.approx(log_sd, abs=0.08)
        assert volume.mean == pytest.approx(40, rel=0.1)


def test_equal_quotas_are_too_equal_for_people() -> None:
    counts = np.random.default_rng(0).poisson(40, 20)
    habits = measure(make_stream([0]), counts)
    assert individuals.test_people(habits, FLOORS).volume < 0.001


@pytest.mark.parametrize("accounts", [8, 15, 60])
@pytest.mark.parametrize("mean", [10, 40])
def test_the_volume_test_is_valid_where_the_core_rule_chose_the_accounts(
    accounts: int, mean: int
) -> None:
    rng = np.random.default_rng(0)
    p = []
    for _ in range(DRAWS):
        log_sd = individuals.VOLUME_FLOOR
        rates = mean * np.exp(rng.normal(0, log_sd, accounts) - log_sd**2 / 2)
        mined, tested = rng.poisson(rates), rng.poisson(rates)
        falling = np.sort(mined)[::-1]
        typical = falling[np.searchsorted(falling.cumsum(), falling.sum() / 2)]
        core = mined >= max(2, CORE_SHARE * typical)
        habits = measure(make_stream([0]), tested[core])
        p.append(individuals.test_people(habits, FLOORS).volume)
    assert np.mean(np.array(p) <= 0.05) <= size_bound(0.05, DRAWS)


@pytest.mark.parametrize("floor", [0.1, 0.5])
@pytest.mark.parametrize("accounts", [5, 15, 60])
def test_the_share_test_is_valid_where_accounts_are_alike(floor: float, accounts: int) -> None:
    rng = np.random.default_rng(0)
    p = []
    for _ in range(DRAWS):
        account = np.repeat(np.arange(accounts), volumes(rng, accounts, 8, 0.8))
        turns = 1 + (rng.random(len(account)) < floor)
        p.append(measure(make_stream(account, turns=turns)).conversation.p_at_least(floor))
    for level in (0.05, 0.01):
        assert np.mean(np.array(p) <= level) <= size_bound(level, DRAWS)


def test_a_group_that_never_follows_up_does_not_converse() -> None:
    conversation = measure(make_stream(np.repeat(np.arange(30), 20))).conversation
    assert conversation.value == 0
    assert conversation.p_at_least(0.2) < 1e-6


def test_two_accounts_are_too_few_for_a_share() -> None:
    stream = make_stream(np.repeat(np.arange(2), 50))
    assert measure(stream).conversation.p_at_least(0.9) == 1.0


def test_templates_of_all_are_no_liking_of_the_few_whose_share_of_them_is_small() -> None:
    # eight templates, so that each account's use of one is near the share that makes a frame
    rng = np.random.default_rng(0)
    account = np.repeat(np.arange(40), 50)
    template = rng.integers(0, 8, len(account))
    items = rng.integers(1000, 3000, (len(account), 10))
    words = np.concatenate([1 + 4 * template[:, None] + np.arange(4), items], axis=1)
    content = measure(make_stream(account, tokens=words)).content
    assert abs(content.log_ratio) < 3 * content.error


def test_whoever_asks_again_in_other_wrappings_has_not_asked_about_more() -> None:
    rng = np.random.default_rng(3)
    account = np.repeat(np.arange(20), 40)
    words = rng.integers(1, 4_000, (len(account), 12))
    queue = make_stream(account, tokens=words)
    # one account has asked one thing three times more, too seldom for it to be a frame
    copies = np.tile(words[0], (3, 1))
    copies[:, 11] = 5_000 + np.arange(3)
    again = make_stream(np.zeros(3), tokens=copies, body_key=10**6 + np.arange(3))
    both = queue.followed_by(again)
    once, twice = compare_content(queue), compare_content(both)
    assert twice.sizes.tolist() == once.sizes.tolist() == [40] * 20
    np.testing.assert_allclose(twice.pairs.within, once.pairs.within, rtol=0.1)
    # where it is to be seen that somebody has topics, they count
    counted = compare_content(both, again=True)
    assert counted.sizes.tolist() == [43, *[40] * 19]
    assert counted.pairs.within[0] > 2 * once.pairs.within[0]


def test_a_template_with_few_words_filled_in_is_no_repetition() -> None:
    # of what is no frame three words are left, too few to say that two requests are the same
    account = np.repeat(np.arange(20), 15)
    filled = np.random.default_rng(3).integers(100, 400, (len(account), 3))
    template = np.broadcast_to(np.arange(1, 10), (len(account), 9))
    stream = make_stream(account, tokens=np.concatenate([template, filled], axis=1))
    assert compare_content(stream).sizes.tolist() == [15] * 20
