from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.candidates import Candidate, Family
from stillwatch.campaigns.describe import (
    BRANCHES,
    MAX_LINKS,
    Deeds,
    campaign_id,
    deeds,
    hour_shares,
    links,
    rfc3339,
    timeline,
)
from stillwatch.campaigns.prices import list_price
from stillwatch.campaigns.spread import Spread
from stillwatch.schema import Member
from stillwatch.signals.families import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = KINDS.index("head4_key")


def family(key: int, accounts: list[int]) -> Family:
    return Family(HEAD, key, np.array(accounts), 1, 1)


@pytest.fixture
def two(table: Callable[..., Any]) -> list[Deeds]:
    """Campaign 0 of accounts 1 and 2 over three days, 1 of account 3; the rest is cover."""
    rows = [
        {"account": 1, "hour": 2, "head4_key": 7, "model": "big", "input_tokens": 10**6,
         "output_tokens": 10**6, "capability": 1, "network_key": 5},
        {"account": 2, "hour": 50, "head4_key": 7, "model": "x-mini", "input_tokens": 10**6,
         "capability": 1, "network_key": 5},
        {"account": 2, "hour": 51, "head4_key": 7, "model": "big", "capability": 2},
        {"account": 2, "hour": 51, "head4_key": 8, "model": "big", "output_tokens": 10**9},
        {"account": 3, "hour": 0, "head4_key": 7, "model": "big"},
    ]  # fmt: skip
    requests = table([{"mining": True} | row for row in rows]).mutate(
        slot=lambda t: t.timestamp.epoch_seconds().cast("int64") // 3600
    )
    streams = [
        Candidate(np.array([1, 2]), (family(7, [1, 2]),)),
        Candidate(np.array([3]), (family(7, [3]),)),
    ]
    return deeds(Spread.of(requests), streams, examples=2)


def test_a_campaign_is_its_stream_and_no_cover_traffic(two: list[Deeds]) -> None:
    first, second = two
    assert (first.requests, first.input_tokens, first.output_tokens) == (3, 2 * 10**6, 10**6)
    assert (second.requests, second.input_tokens, second.output_tokens) == (1, 0, 0)
    assert {account: count for account, (count, *_) in first.members.items()} == {1: 1, 2: 2}
    assert (first.first_seen, first.last_seen) == ("2026-03-02T02:00:00Z", "2026-03-04T03:00:00Z")


def test_cost_is_what_each_model_costs(two: list[Deeds]) -> None:
    expected = list_price("big", 10**6, 10**6) + list_price("x-mini", 10**6, 0)
    assert two[0].cost_usd == pytest.approx(expected)
    assert two[1].cost_usd == 0


def test_shares_are_largest_first(two: list[Deeds]) -> None:
    assert list(two[0].capabilities.items()) == [("code", 0.6667), ("mathematics", 0.3333)]
    assert list(two[0].models.items()) == [("big", 0.6667), ("x-mini", 0.3333)]


def test_the_timeline_has_no_gap(two: list[Deeds]) -> None:
    days = [(day.day, day.requests, day.accounts) for day in two[0].timeline]
    assert days == [("2026-03-02", 1, 1), ("2026-03-03", 0, 0), ("2026-03-04", 2, 1)]


def test_networks_that_members_share_are_named(two: list[Deeds]) -> None:
    assert two[0].networks == ((1, 2),)
    assert two[1].networks == ()


def test_examples_are_as_many_as_were_asked_for(two: list[Deeds]) -> None:
    assert [len(found.examples) for found in two] == [2, 1]


def test_no_campaign_is_nothing_to_describe(table: Callable[..., Any]) -> None:
    assert deeds(Spread.of(table([{"mining": True}]).mutate(slot=0)), []) == []


@given(st.lists(st.text(), min_size=1, unique=True), st.randoms(use_true_random=False))
def test_a_campaign_has_one_name_whatever_the_order(ids: list[str], shuffle: Any) -> None:
    shuffled = list(ids)
    shuffle.shuffle(shuffled)
    assert campaign_id(ids) == campaign_id(shuffled)
    assert campaign_id([*ids, "another-account-id"]) != campaign_id(ids)


@given(st.dictionaries(st.integers(0, 40_000), st.integers(1, 99), min_size=1, max_size=6))
def test_a_timeline_counts_every_day_between(days: dict[int, int]) -> None:
    if max(days) - min(days) > 4000:
        days = {day % 4000: count for day, count in days.items()}
    found = timeline({"day": d, "requests": n, "accounts": 1} for d, n in days.items())
    assert len(found) == max(days) - min(days) + 1
    assert sum(day.requests for day in found) == sum(days.values())
    assert [day.day for day in found] == sorted(day.day for day in found)


def test_an_empty_timeline_is_empty() -> None:
    assert timeline([]) == ()


def test_moments_are_written_in_utc() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert rfc3339(datetime(2026, 3, 2, 5, 30, tzinfo=east)) == "2026-03-02T00:00:00Z"
    assert rfc3339(datetime(2026, 3, 2, 5, 30, tzinfo=UTC).replace(tzinfo=None)) == (
        "2026-03-02T05:30:00Z"
    )


@given(st.lists(st.integers(0, 1000), min_size=24, max_size=24))
def test_hours_are_shares(counts: list[int]) -> None:
    shares = hour_shares(np.array(counts, dtype=float))
    assert sum(shares) == pytest.approx(1 if any(counts) else 0, abs=24 * 1e-5)


def test_the_name_of_a_family_is_no_price() -> None:
    assert list_price("gemini-3-pro", 10**6, 0) == list_price("some-model", 10**6, 0)
    assert list_price("o9-mini", 10**6, 0) < list_price("o9", 10**6, 0)


def _members(count: int) -> list[Member]:
    return [
        Member(account_id=f"a{i}", requests=1, stream_requests=1, first_seen="", last_seen="",
               reasons=())
        for i in range(count)
    ]  # fmt: skip


def test_links_join_members_by_what_they_share(two: list[Deeds]) -> None:
    found = links(_members(2), [2, 1], two[0], {1: 4, 2: 4}, population=64)
    assert [(link.kind, link.source, link.target, link.weight) for link in found] == [
        ("network", 0, 1, 5.0),
        ("payment", 0, 1, 5.0),
        ("prompt family", 0, 1, 5.0),
    ]


def test_the_stream_that_all_share_puts_nobody_in_the_middle(two: list[Deeds]) -> None:
    found = [
        x for x in links(_members(200), list(range(200)), two[0], {}, 9999) if x.kind != "network"
    ]
    joins = np.bincount([end for link in found for end in (link.source, link.target)])
    assert len(found) == 199
    assert joins.min() >= 1
    assert joins.max() <= BRANCHES + 1


def test_links_are_bounded_and_name_members_only(two: list[Deeds]) -> None:
    keys = list(range(2000))
    found = links(_members(2000), keys, two[0], dict.fromkeys(keys, 3), population=10_000)
    assert len(found) == MAX_LINKS
    assert all(0 <= link.source < link.target < 2000 for link in found)
