"""Each knob of a harvest does what it says, within bounds that follow from the sample's size."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.lab.test_rhythm import concentration

from stillwatch.errors import UsageError
from stillwatch.lab.registry import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.lab.conftest import World

START = datetime(2026, 3, 2, tzinfo=UTC)
CAMPAIGNS = sorted(name for name, kind in KINDS.items() if kind.guilt == "campaign")


def seconds(row: dict[str, Any]) -> float:
    at = datetime.fromisoformat(row["timestamp"])
    return (at - START) / timedelta(seconds=1)


def by_account(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        parts[row["account_id"]].append(row)
    return parts


def text(row: dict[str, Any]) -> str:
    said = row["prompt"] if "prompt" in row else row["messages"][-1]["content"]
    assert isinstance(said, str)
    return said


def within(share: float, expected: float, n: int) -> bool:
    """Five standard errors of a binomial share: exceeded once in two million."""
    return abs(share - expected) <= 5 * math.sqrt(expected * (1 - expected) / n)


@pytest.mark.parametrize("kind", CAMPAIGNS)
def test_every_adversary_harvests_with_all_its_accounts(
    run: Callable[..., World], kind: str
) -> None:
    world = run(kind, per_day=5.0, **({} if kind == "lone_extractor" else {"accounts": 8}))
    assert all(row["kind"] == "campaign" for row in world.truth)
    assert {row["account_id"] for row in world.harvest} == {r["account_id"] for r in world.truth}


def test_flat_hours_are_flat_and_human_hours_are_not(run: Callable[..., World]) -> None:
    for hours, low, high in (("flat", -0.05, 0.05), ("human", 0.25, 0.7)):
        world = run("careful", accounts=30, hours=hours)
        rho = [
            concentration(np.array([seconds(row) for row in rows]))
            for rows in by_account(world.harvest).values()
        ]
        assert low < np.mean(rho) < high


def test_one_zone_makes_the_accounts_hours_alike_and_own_zones_do_not(
    run: Callable[..., World],
) -> None:
    spread = {}
    for own in (False, True):
        world = run("careful", accounts=40, hours="human", zone=8.0, own_zones=own)
        middles = [
            np.exp(2j * np.pi * np.array([seconds(r) for r in rows]) / 86_400).sum()
            for rows in by_account(world.harvest).values()
        ]
        spread[own] = abs(np.mean([middle / abs(middle) for middle in middles]))
    assert spread[False] > 0.6 > spread[True]


def test_quotas_are_equal_or_as_unequal_as_asked(run: Callable[..., World]) -> None:
    def spread(log_sd: float) -> float:
        rows = run("careful", accounts=150, volume_log_sd=log_sd).rows
        return float(np.log([len(own) for own in by_account(rows).values()]).std())

    assert spread(0.0) < 0.01
    assert abs(spread(0.6) - 0.6) < 5 * 0.6 / np.sqrt(300)


def test_a_busy_queue_rests_in_the_other_hours(run: Callable[..., World]) -> None:
    world = run("loud_hydra", accounts=30, busy=0.5, life_days=0.0, per_day=20.0)
    active = {int(seconds(row) // 3600) for row in world.harvest}
    assert within(len(active) / (14 * 24), 0.5, 14 * 24)


def test_jitter_blurs_the_rounds_of_the_load_balancer(run: Callable[..., World]) -> None:
    def unevenness(jitter: float) -> float:
        world = run("careful", accounts=20, per_day=10.0, jitter_hours=jitter)
        order = [row["account_id"] for row in world.harvest]
        rounds = [order[n : n + 20] for n in range(0, len(order) - 20, 20)]
        return float(np.mean([len(set(one)) for one in rounds]))

    # 20 draws with replacement from 20 accounts hit 20 * (1 - (19/20)^20) = 12.8 of them.
    assert unevenness(0.0) > 16
    assert unevenness(24.0) < 14.5


def test_resampling_repeats_the_accounts_own_words(run: Callable[..., World]) -> None:
    assert not _repeats(run("careful", resampled=0.0).harvest)[0]
    repeated, all_ = _repeats(run("careful", resampled=0.25).harvest)
    # An account's first request cannot repeat one.
    assert within(repeated / all_, 0.25 * (1 - 40 / all_), all_)


def _repeats(rows: list[dict[str, Any]]) -> tuple[int, int]:
    repeated = sum(len(own) - len({text(row) for row in own}) for own in by_account(rows).values())
    shared = Counter(said for own in by_account(rows).values() for said in {text(r) for r in own})
    assert max(shared.values()) == 1
    return repeated, len(rows)


def test_short_answers_are_capped(run: Callable[..., World]) -> None:
    short, long = (run("careful", answers=answers).harvest for answers in ("short", "long"))
    assert all(row["max_tokens"] <= 256 for row in short)
    assert np.median([r["output_tokens"] for r in short]) < 70
    assert np.median([r["output_tokens"] for r in long]) > 500


def test_wording_is_shared_as_asked(run: Callable[..., World]) -> None:
    def heads(**knobs: Any) -> Counter[tuple[str, ...]]:
        rows = run("harvest", accounts=20, per_day=6.0, **knobs).harvest
        return Counter(tuple(text(row).split()[:3]) for row in rows)

    assert len(heads(wording="fixed")) == 1
    assert 1 < len(heads(wording="templates", templates=4, pool=10)) <= 10
    most = heads(wording="paraphrase").most_common(1)[0][1]
    assert most < 0.05 * 1680


def test_each_account_uses_its_share_of_the_pool(run: Callable[..., World]) -> None:
    rows = run("small_graders", accounts=20, wording="templates", templates=2, pool=6).harvest
    parts = by_account(rows).values()
    openings = [{text(row).split("\n")[0] for row in own} for own in parts]
    assert max(map(len, openings)) <= 2
    assert 2 < len(set().union(*openings)) <= 6


@pytest.mark.parametrize(
    ("payment", "cards"), [("shared", [1]), ("several", range(2, 6)), ("distinct", [40])]
)
def test_payment_is_shared_as_asked(
    run: Callable[..., World], payment: str, cards: Iterable[int]
) -> None:
    world = run("careful", payment=payment, accounts=40, per_day=1.0)
    assert len({row["payment_fingerprint"] for row in world.accounts}) in cards


def test_loud_operators_share_networks_and_stacks_and_careful_ones_do_not(
    run: Callable[..., World],
) -> None:
    def distinct(kind: str, field: str) -> int:
        rows = run(kind, accounts=32, per_day=1.0).rows
        return len({row[field].rpartition(".")[0] for row in rows if field in row})

    assert distinct("loud_hydra", "client_address") <= 4
    assert distinct("careful", "client_address") > 24
    assert distinct("loud_hydra", "user_agent") == 1
    assert distinct("careful", "user_agent") > 8


def test_sign_ups_come_in_a_burst_or_are_spread(run: Callable[..., World]) -> None:
    def span(signup: str) -> timedelta:
        rows = run("careful", signup=signup, per_day=1.0).accounts
        created = [datetime.fromisoformat(row["created_at"]) for row in rows]
        return max(created) - min(created)

    assert span("burst") < timedelta(days=1.5)
    assert span("spread") > timedelta(days=60)


def test_cover_is_the_share_asked_for_and_no_harvest(run: Callable[..., World]) -> None:
    world = run("cover_traffic", accounts=80, cover=0.8)
    share = len(world.other) / len(world.rows)
    # Cover volumes are lognormal with log-sd .4: relative error .42 / sqrt(80) of the total.
    assert abs(share - 0.8) < 5 * 0.2 * 0.8 * 0.42 / np.sqrt(80)


def test_dressed_tasks_are_later_turns_of_conversations(run: Callable[..., World]) -> None:
    world = run("conversations", dressed=1.0, accounts=10)
    tasks = [row for row in world.harvest if "messages" in row]
    assert len(tasks) > 0.6 * len(world.harvest)
    assert all(row["conversation_id"] for row in tasks)
    longest = max(len(row["messages"]) for row in tasks)
    assert 5 <= longest <= 2 * 5 + 1


def test_bought_accounts_have_an_honest_past_from_another_client(
    run: Callable[..., World],
) -> None:
    world = run("bought_accounts", accounts=20, past_days=5.0, handover_days=2.0)
    harvest, past = by_account(world.harvest), by_account(world.other)
    assert len(past) > 15
    for account, rows in past.items():
        assert max(map(seconds, rows)) <= min(map(seconds, harvest[account])) + 1
        assert min(map(seconds, harvest[account])) >= 5 * 86_400
    clients = {row["client_address"] for row in world.harvest if "client_address" in row}
    assert not clients & {row.get("client_address") for row in world.other}


def test_half_of_a_pivot_moves_within_a_day_of_the_release(run: Callable[..., World]) -> None:
    world = run("pivot", accounts=40)
    release = 7 * 86_400
    new = [row["model"] == "meridian-3" for row in world.harvest if seconds(row) > release + 86_400]
    assert not any(row["model"] == "meridian-3" for row in world.harvest if seconds(row) < release)
    assert within(float(np.mean(new)), 0.5, len(new))


def test_banned_accounts_are_replaced_at_once(run: Callable[..., World]) -> None:
    world = run("loud_hydra", accounts=40, life_days=3.5, busy=1.0, per_day=30.0)
    spans = [(seconds(rows[0]), seconds(rows[-1])) for rows in by_account(world.harvest).values()]
    assert 2 * 86_400 < np.mean([last - first for first, last in spans]) < 5 * 86_400
    # At every hour about as many accounts are at work: 40 accounts in 10 slots.
    for hour in range(24, 13 * 24, 12):
        alive = sum(first <= hour * 3600 <= last for first, last in spans)
        assert 8 <= alive <= 11


@pytest.mark.parametrize(("retries", "moved"), [("same", False), ("other", True)])
def test_a_failed_request_is_retried_where_asked(
    run: Callable[..., World], retries: str, moved: bool
) -> None:
    world = run("careful", accounts=20, retries=retries, failures=0.1)
    by_text = defaultdict(list)
    for row in world.harvest:
        by_text[text(row)].append(row)
    again = [rows for rows in by_text.values() if len(rows) > 1]
    assert len(again) > 100
    others = [len({row["account_id"] for row in rows}) > 1 for rows in again]
    # "Other" is any account on duty, so one time in twenty it is the same.
    assert np.mean(others) > 0.85 if moved else not any(others)


def test_a_relay_mixes_the_harvest_with_paying_users_in_every_account(
    run: Callable[..., World],
) -> None:
    world = run("relay_harvest", accounts=10, users=20)
    harvest, users = by_account(world.harvest), by_account(world.other)
    assert set(harvest) == set(users) == {row["account_id"] for row in world.truth}
    tasks = [text(row) for row in world.harvest]
    assert len(set(tasks)) == len(tasks)


def test_tasks_come_in_more_than_one_language(run: Callable[..., World]) -> None:
    rows = run("careful", accounts=30).harvest
    chinese = np.mean([any("\u4e00" <= letter <= "\u9fff" for letter in text(r)) for r in rows])
    assert 0.1 < chinese < 0.3


def test_a_past_longer_than_the_window_is_refused(run: Callable[..., World]) -> None:
    with pytest.raises(UsageError, match=r"groups\.group: past_days"):
        run("bought_accounts", days=5)
