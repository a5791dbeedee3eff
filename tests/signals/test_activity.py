from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.signals.conftest import START, rows_of

from stillwatch.signals.activity import account_activity
from stillwatch.signals.population import population_by_day, population_by_hour, population_totals

if TYPE_CHECKING:
    from collections.abc import Callable


def test_what_an_account_does_in_all(table: Callable[..., Any]) -> None:
    rows = [
        {"account": 1, "hour": 1.0, "body_key": 5, "turns": 1, "elicitation": 0.2,
         "output_tokens": 100},
        {"account": 1, "hour": 1.5, "body_key": 5, "turns": 2, "elicitation": 0.4},
        {"account": 1, "hour": 30.0, "body_key": 6, "turns": 1, "grading": 0.9,
         "output_tokens": 300},
        {"account": 2, "hour": 2.0, "body_key": 5},
    ]  # fmt: skip
    one, two = rows_of(account_activity(table(rows, 0)), "account")
    assert (one["requests"], one["bodies"], one["slots"], one["days"]) == (3, 2, 2, 2)
    assert one["single_turn"] == pytest.approx(2 / 3)
    assert one["elicitation"] == pytest.approx(0.2)
    assert one["grading"] == pytest.approx(0.3)
    assert one["output_tokens"] == pytest.approx(200)
    assert (one["last_seen"] - one["first_seen"]).total_seconds() == 29 * 3600
    assert (two["requests"], two["output_tokens"]) == (1, None)


def test_mining_requests_are_those_of_the_mining_half(table: Callable[..., Any]) -> None:
    requests = table([{"account": 1, "hour": 6 * i} for i in range(40)], 0)
    (row,) = rows_of(account_activity(requests), "account")
    assert row["mining_requests"] == sum(r["mining"] for r in rows_of(requests, "request_key"))
    assert 0 < row["mining_requests"] < 40


def test_the_population_by_hour_and_day(table: Callable[..., Any]) -> None:
    requests = table(
        [
            {"account": 1, "hour": 3.0},
            {"account": 2, "hour": 3.9},
            {"account": 1, "hour": 51.0},
        ]
    )
    assert rows_of(population_by_hour(requests), "value") == [{"value": 3, "requests": 3}]
    first, last = rows_of(population_by_day(requests), "day")
    assert (first["requests"], first["accounts"]) == (2, 2)
    assert (last["requests"], last["accounts"], last["day"] - first["day"]) == (1, 1, 2)
    (total,) = rows_of(population_totals(requests), "requests")
    assert (total["requests"], total["first_seen"].hour) == (3, START.hour + 3)
