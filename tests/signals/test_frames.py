from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.signals.conftest import rows_of

from stillwatch.signals.frames import FRAME_KEYS, MIN_REQUESTS, with_framed

if TYPE_CHECKING:
    from collections.abc import Callable


def framed(expression: Any) -> list[bool]:
    return [row["framed"] for row in rows_of(with_framed(expression), "request_key")]


@pytest.mark.parametrize("name", FRAME_KEYS)
def test_words_around_several_requests_of_one_account_frame_them(
    table: Callable[..., Any], name: str
) -> None:
    rows = [{"request_key": i, "account": 1, name: 7} for i in range(MIN_REQUESTS)]
    rows.append({"request_key": 99, "account": 1, name: 8})
    assert framed(table(rows)) == [True] * MIN_REQUESTS + [False]


def test_three_times_the_same_words_are_no_frame(table: Callable[..., Any]) -> None:
    assert not any(framed(table([{"head4_key": 7} for _ in range(MIN_REQUESTS - 1)])))


def test_words_of_several_accounts_are_no_frame(table: Callable[..., Any]) -> None:
    assert not any(framed(table([{"account": i, "head4_key": 7} for i in range(50)])))


def test_missing_words_are_no_frame(table: Callable[..., Any]) -> None:
    assert not any(framed(table([{"request_key": i} for i in range(50)])))
