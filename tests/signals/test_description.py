from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from tests.signals.conftest import rows_of

from stillwatch.signals import description
from stillwatch.signals.streams import stream_requests

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def streams(table: Callable[..., Any]) -> Any:
    """Two campaigns: 0 of accounts 1 and 2, and 1 of account 3; request 4 is in neither."""
    rows = [
        {"account": 1, "hour": 1, "model": "a", "input_tokens": 10, "output_tokens": 100,
         "network_key": 7, "capability": 1},
        {"account": 2, "hour": 1, "model": "a", "input_tokens": 20, "network_key": 7,
         "capability": 2},
        {"account": 2, "hour": 26, "model": "b", "output_tokens": 50, "network_key": 8,
         "capability": 2},
        {"account": 3, "hour": 5, "model": "b", "network_key": 7},
        {"account": 1, "hour": 5, "model": "c", "network_key": 7},
    ]  # fmt: skip
    members = pa.table({"candidate": [0, 0, 0, 1], "request_key": [0, 1, 2, 3]})
    return stream_requests(table(rows, 0), table(members)).rename(campaign="candidate")


def test_requests_of_no_campaign_are_left_out(streams: Any) -> None:
    found = rows_of(streams, "campaign", "request_key")
    assert [(row["campaign"], row["request_key"]) for row in found] == [
        (0, 0), (0, 1), (0, 2), (1, 3),
    ]  # fmt: skip


def test_totals(streams: Any) -> None:
    first, second = rows_of(description.totals(streams), "campaign")
    assert (first["requests"], first["input_tokens"], first["output_tokens"]) == (3, 30, 150)
    assert (first["last_seen"] - first["first_seen"]).total_seconds() == 25 * 3600
    assert (second["requests"], second["input_tokens"], second["output_tokens"]) == (1, 0, 0)


def test_shares_by_column(streams: Any) -> None:
    found = rows_of(description.shares(streams, "capability"), "campaign", "value")
    assert [tuple(row.values()) for row in found] == [(0, 1, 1), (0, 2, 2), (1, 0, 1)]


def test_tokens_by_model(streams: Any) -> None:
    found = rows_of(description.model_tokens(streams), "campaign", "value")
    assert [tuple(row.values()) for row in found] == [
        (0, "a", 2, 30, 100),
        (0, "b", 1, 0, 50),
        (1, "b", 1, 0, 0),
    ]


def test_by_hour_day_and_account(streams: Any) -> None:
    hours = rows_of(description.by_hour(streams), "campaign", "value")
    assert [tuple(row.values()) for row in hours] == [(0, 1, 2), (0, 2, 1), (1, 5, 1)]
    days = rows_of(description.by_day(streams), "campaign", "day")
    assert [(r["requests"], r["accounts"]) for r in days] == [(2, 2), (1, 1), (1, 1)]
    assert days[1]["day"] - days[0]["day"] == 1
    accounts = rows_of(description.by_account(streams), "campaign", "account")
    assert [(r["account"], r["requests"]) for r in accounts] == [(1, 1), (2, 2), (3, 1)]


def test_shared_networks_are_those_of_several_members_of_one_campaign(streams: Any) -> None:
    found = rows_of(description.shared_networks(streams), "campaign", "account")
    assert [tuple(row.values()) for row in found] == [(0, 1, 7), (0, 2, 7)]


def test_some_requests_are_those_with_the_lowest_keys(streams: Any) -> None:
    found = rows_of(description.some_requests(streams, 2), "campaign", "request_key")
    assert [tuple(row.values()) for row in found] == [(0, 0), (0, 1), (1, 3)]
