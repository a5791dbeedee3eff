from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.campaigns.streams import size_bound

from stillwatch.campaigns.describe import Deeds, rfc3339
from stillwatch.campaigns.moves import SPEAKS, Moved, moves
from stillwatch.campaigns.spread import Spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stillwatch.schema import Fact

START = datetime(2026, 3, 2, tzinfo=UTC)


def deeds(spans: Sequence[tuple[float, float]], moved: Moved | None = None) -> Deeds:
    """A campaign of accounts 0, 1, 2 ... that were there from day to day."""
    moments = [tuple(rfc3339(START + timedelta(days=day)) for day in span) for span in spans]
    return Deeds(
        requests=1, input_tokens=0, output_tokens=0, cost_usd=0.0,
        first_seen=min(first for first, _ in moments), last_seen=max(last for _, last in moments),
        capabilities={}, models={}, hours=(), timeline=(),
        members={i: (1, first, last) for i, (first, last) in enumerate(moments)},
        networks=(), examples=(), moved=moved or Moved(),
    )  # fmt: skip


@pytest.fixture
def told(table: Callable[..., Any]) -> Callable[..., dict[str, Fact]]:
    """Facts of one campaign by signal; `rows` is the log around it."""

    def look(done: Deeds, rows: Sequence[dict[str, Any]] = ({"account": 99},)) -> dict[str, Fact]:
        requests = table(list(rows), 0)
        (found,) = moves(Spread.of(requests), [done])
        return {fact.signal: fact for fact in found}

    return look


WHOLE = [(0.0, 20.0)] * 10


def test_what_moves_between_accounts_is_said_with_its_numbers(told: Any) -> None:
    moved = Moved(
        refused=40, retried_elsewhere=30, retried_at_home=4, followed=200, followed_elsewhere=50
    )
    found = told(deeds(WHOLE, moved))
    assert found.keys() == {"retries_move", "conversations_move"}
    assert "Of 40 requests" in found["retries_move"].text
    assert "30 were sent again" in found["retries_move"].text
    assert (found["retries_move"].value, found["conversations_move"].value) == (0.75, 0.25)
    assert {fact.p for fact in found.values()} == {None}


def test_a_move_or_two_is_no_habit(told: Any) -> None:
    assert told(deeds(WHOLE, Moved(refused=9, retried_elsewhere=2, followed=9))) == {}


def test_too_few_accounts_are_not_looked_at(told: Any) -> None:
    many = Moved(refused=90, retried_elsewhere=80, followed=90, followed_elsewhere=80)
    assert told(deeds(WHOLE[:3], many)) == {}


def test_accounts_that_take_over_are_seen(told: Any) -> None:
    relay = [(2.0 * i, 2.0 * i + 1.9) for i in range(10)]
    fact = told(deeds(relay))["takeover"]
    assert fact.p is not None
    assert fact.p <= SPEAKS
    assert fact.value == 1.0
    assert fact.expected is None  # chance, which is not what honest customers show
    assert "Of moments at random, 5" in fact.text


def test_accounts_that_come_and_go_as_they_like_seldom_look_like_a_takeover(told: Any) -> None:
    rng, draws, said = np.random.default_rng(0), 200, 0
    for _ in range(draws):
        spans = [tuple(sorted(rng.uniform(0, 20, 2))) for _ in range(15)]
        said += "takeover" in told(deeds([*spans, (0.0, 20.0)]))
    assert said / draws <= size_bound(SPEAKS, draws)


def test_starts_that_cover_all_of_the_time_foretell_nothing(told: Any) -> None:
    crowd = [(day / 3, day / 3 + 4) for day in range(60)]
    assert "takeover" not in told(deeds(crowd))


def log(campaign: Sequence[int], others: Sequence[int]) -> list[dict[str, Any]]:
    """Accounts that begin with an old model and turn to a new one at some hour."""
    rows = []
    for account, hour in [*enumerate(campaign), *((100 + i, h) for i, h in enumerate(others))]:
        rows += [{"account": account, "hour": 0, "model": "old"}]
        rows += [{"account": account, "hour": hour, "model": "new"}]
    return rows


def test_accounts_that_turn_to_a_model_at_once_are_seen(told: Any) -> None:
    others = [48 + 5 * i for i in range(60)]
    fact = told(deeds(WHOLE), log([100 + i for i in range(9)] + [300], others))["model_move"]
    assert fact.text.startswith("9 of 10 accounts used new for the first time")
    assert "2026-03-06" in fact.text
    assert fact.p is not None
    assert fact.p < 1e-5
    assert fact.value == 0.9


def test_a_release_that_everybody_takes_up_speaks_against_nobody(told: Any) -> None:
    everybody = log([100 + i for i in range(10)], [100 + i % 24 for i in range(60)])
    assert told(deeds(WHOLE), everybody) == {}


def test_an_account_that_begins_with_a_model_has_not_turned_to_it(told: Any) -> None:
    rows = [{"account": i, "hour": 100 + i, "model": "new"} for i in range(10)]
    rows += [{"account": 100 + i, "hour": 0, "model": "old"} for i in range(60)]
    assert told(deeds(WHOLE), rows) == {}


def test_accounts_of_other_campaigns_are_not_everybody_else(table: Callable[..., Any]) -> None:
    rows = log([100 + i for i in range(20)], [48 + 5 * i for i in range(60)])
    done = deeds(WHOLE)
    other = replace(done, members={i + 10: one for i, one in done.members.items()})
    both = moves(Spread.of(table(rows, 0)), [done, other])
    assert [[fact.signal for fact in facts] for facts in both] == [["model_move"], ["model_move"]]
