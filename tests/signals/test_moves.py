from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.signals.conftest import rows_of

from stillwatch.guard.live import moves as live
from stillwatch.signals import moves

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = 1 / 3600


def in_campaigns(table: Callable[..., Any], rows: list[dict[str, Any]]) -> Any:
    """A stream: accounts under 10 are campaign 0, the others campaign 1."""
    return table(rows, 0).mutate(campaign=lambda t: (t.account >= 10).cast("int64"))


def test_a_refused_request_goes_on_soon_or_it_does_not_count(table: Callable[..., Any]) -> None:
    rows: list[dict[str, Any]] = [
        # refused, and again word for word by another account
        {"account": 1, "hour": 1, "body_key": 5, "status": 429},
        {"account": 2, "hour": 1 + 100 * SECOND, "body_key": 5, "status": 200},
        # failed, and again at home
        {"account": 1, "hour": 2, "body_key": 6, "status": 503},
        {"account": 1, "hour": 2 + 9 * SECOND, "body_key": 6},
        # too late; before; by an account of another campaign; never refused
        {"account": 1, "hour": 3, "body_key": 7, "status": 500},
        {"account": 2, "hour": 3 + 121 * SECOND, "body_key": 7},
        {"account": 2, "hour": 4, "body_key": 8},
        {"account": 1, "hour": 4 + SECOND, "body_key": 8, "status": 429},
        {"account": 10, "hour": 4 + 2 * SECOND, "body_key": 8},
        {"account": 1, "hour": 5, "body_key": 9, "status": 404},
        {"account": 2, "hour": 5 + SECOND, "body_key": 9},
    ]
    (found,) = rows_of(moves.retries(in_campaigns(table, rows)), "campaign")
    assert found == {"campaign": 0, "refused": 4, "elsewhere": 1, "at_home": 1}


def test_a_conversation_goes_on_elsewhere_only_if_its_account_lacks_the_beginning(
    table: Callable[..., Any],
) -> None:
    rows: list[dict[str, Any]] = [
        {"account": 1, "hour": 1, "turns_key": 5},
        {"account": 2, "hour": 1.5, "turns_key": 6, "prefix_key": 5, "turns": 2},
        # both had begun so
        {"account": 1, "hour": 1, "turns_key": 7},
        {"account": 2, "hour": 1, "turns_key": 7},
        {"account": 2, "hour": 2, "turns_key": 8, "prefix_key": 7, "turns": 2},
        # at home; hours later; after the answer, not before it
        {"account": 1, "hour": 2, "turns_key": 9, "prefix_key": 7, "turns": 2},
        {"account": 2, "hour": 6, "turns_key": 10, "prefix_key": 5, "turns": 2},
        {"account": 2, "hour": 0.5, "turns_key": 11, "prefix_key": 5, "turns": 2},
        {"account": 10, "hour": 1.2, "turns_key": 12, "prefix_key": 5, "turns": 2},
    ]
    (found,) = rows_of(moves.continuations(in_campaigns(table, rows)), "campaign")
    assert found == {"campaign": 0, "followed": 3, "elsewhere": 1}


@pytest.mark.parametrize("signal", [moves.retries, moves.continuations])
def test_where_nothing_moves_there_is_no_row(table: Callable[..., Any], signal: Any) -> None:
    assert rows_of(signal(in_campaigns(table, [{"account": 1}])), "campaign") == []


def test_the_first_use_of_a_model_is_the_earliest(table: Callable[..., Any]) -> None:
    rows = [
        {"account": 1, "hour": 30, "model": "new"},
        {"account": 1, "hour": 26, "model": "new"},
        {"account": 1, "hour": 0, "model": "old"},
        {"account": 2, "hour": 1, "model": "new"},
    ]
    found = rows_of(moves.first_uses(table(rows, 0)), "account", "model")
    base = found[1]["first"]
    assert [(r["account"], r["model"], r["first"] - base) for r in found] == [
        (1, "new", 26), (1, "old", 0), (2, "new", 1),
    ]  # fmt: skip


def test_scans_and_the_guard_mean_the_same_by_soon() -> None:
    assert (moves.RETRY_SECONDS, moves.CONTINUES_SECONDS) == (
        live.RETRY_WITHIN,
        live.CONTINUES_WITHIN,
    )
