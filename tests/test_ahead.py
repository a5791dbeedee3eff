"""Work done side by side gives what `map` gives."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.ahead import MOST_WORKERS, ahead, with_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator


@given(st.lists(st.integers()))
def test_results_come_in_the_order_of_the_items(items: list[int]) -> None:

    def work(item: int) -> int:
        time.sleep(1e-4 * (item % 3))
        return -item

    assert list(ahead(work, items)) == [-item for item in items]
    assert list(with_ahead(work, items)) == [(item, -item) for item in items]


def test_few_items_are_held_at_a_time() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    for used, _ in enumerate(ahead(abs, items())):
        assert len(made) - used <= MOST_WORKERS


def test_items_are_made_by_the_caller_and_worked_on_elsewhere() -> None:
    here = threading.get_ident()

    def items() -> Iterator[int]:
        for _ in range(3):
            yield threading.get_ident()

    for made, worked in ahead(lambda item: (item, threading.get_ident()), items()):
        assert made == here != worked


def test_an_error_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda item: 1 // item, [1, 0, 1]))
