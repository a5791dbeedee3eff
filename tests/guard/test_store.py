from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.guard.store import Charge
from stillwatch.guard.store import memory as memory_store
from stillwatch.guard.store.memory import MemoryStore

if TYPE_CHECKING:
    import pytest

BEGIN = 1_780_000_000.0


def charge(cost: float = 1, *, count: float = 10, period: float = 60, owner: str = "a") -> Charge:
    interval = period / count
    return Charge("account", owner, "r", interval, count * interval, cost)


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    store = MemoryStore()
    passed = [store.take_now([charge()], BEGIN) is None for _ in range(15)]
    assert passed == [True] * 10 + [False] * 5
    refusal = store.take_now([charge()], BEGIN)
    assert refusal is not None
    assert refusal.retry_after == 6
    assert store.take_now([charge()], BEGIN + 6) is None
    assert store.take_now([charge()], BEGIN + 6) is not None


@given(st.lists(st.floats(0, 30), max_size=200), st.integers(1, 20), st.integers(1, 100))
def test_no_window_passes_more_than_burst_and_rate(
    gaps: list[float], count: int, period: int
) -> None:
    store, now, passed = MemoryStore(), BEGIN, []
    for gap in gaps:
        now += gap
        if store.take_now([charge(count=count, period=period)], now) is None:
            passed.append(now)
    for i, begin in enumerate(passed):
        for j in range(i, len(passed)):
            allowed = count + (passed[j] - begin) * count / period
            assert j - i + 1 <= allowed + 1e-3


def test_all_budgets_are_taken_from_or_none() -> None:
    store = MemoryStore()
    small, large = charge(count=1, owner="s"), charge(count=10, owner="l")
    assert store.take_now([large, small], BEGIN) is None
    for _ in range(20):
        assert store.take_now([large, small], BEGIN) is not None
    assert sum(store.take_now([large], BEGIN) is None for _ in range(20)) == 9


def test_what_was_not_used_is_given_back_and_more_makes_debt() -> None:
    store = MemoryStore()
    assert store.take_now([charge(8)], BEGIN) is None
    store.settle_now([charge(-6)], BEGIN)
    assert store.take_now([charge(8)], BEGIN) is None
    store.settle_now([charge(10)], BEGIN)  # 20 of 10: a minute of debt
    refusal = store.take_now([charge()], BEGIN)
    assert refusal is not None
    assert refusal.retry_after == 66
    assert store.take_now([charge()], BEGIN + 66) is None


def test_giving_back_never_makes_more_than_a_full_budget() -> None:
    store = MemoryStore()
    store.settle_now([charge(-1_000)], BEGIN)
    assert sum(store.take_now([charge()], BEGIN) is None for _ in range(20)) == 10


def test_a_request_larger_than_the_budget_passes_when_it_is_full_and_makes_debt() -> None:
    store = MemoryStore()
    assert store.take_now([charge(50)], BEGIN) is None
    refusal = store.take_now([charge()], BEGIN)
    assert refusal is not None
    assert refusal.retry_after == 246
    assert store.take_now([charge(50)], BEGIN + 300) is None


def test_full_budgets_take_no_memory() -> None:
    store = MemoryStore()
    for number in range(3 * memory_store.SWEEP_AT):
        store.take_now([charge(owner=str(number))], BEGIN + number)
    assert len(store) <= memory_store.SWEEP_AT + 1


def test_a_debt_is_not_forgotten_for_a_flood_of_new_budgets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_store, "SWEEP_AT", 50)
    monkeypatch.setattr(memory_store, "MOST", 100)
    store = MemoryStore()
    store.settle_now([charge(1_000, owner="debtor")], BEGIN)
    for number in range(5_000):
        store.take_now([charge(owner=str(number))], BEGIN)
        assert len(store) <= 100
    assert store.take_now([charge(owner="debtor")], BEGIN) is not None
    assert store.take_now([charge(owner="0")], BEGIN) is None
