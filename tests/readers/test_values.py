"""Single values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.readers.rows import timestamps
from stillwatch.readers.values import EPOCH, flag, integer, microseconds, number, repair

moments = st.datetimes(datetime(2015, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(moment=moments)
def test_every_spelling_of_a_time_means_the_same(moment: datetime) -> None:
    exact = (moment - EPOCH) // timedelta(microseconds=1)
    spelled = moment.isoformat()
    for spelling in (spelled, spelled.replace("T", " "), spelled.replace("+00:00", "z").lower()):
        assert microseconds(spelling) == exact
    assert microseconds(exact) == exact
    assert microseconds(exact * 1000) == exact
    assert microseconds(exact // 1000) == exact // 1000 * 1000
    assert microseconds(str(exact // 1_000_000)) == exact // 1_000_000 * 1_000_000


@settings(max_examples=60)
@given(moment=moments, digits=st.integers(0, 9), zone=st.sampled_from(["Z", "+00:00", "-11:30"]))
def test_fast_and_slow_paths_read_the_same_time(moment: datetime, digits: int, zone: str) -> None:
    fraction = f"{moment.microsecond:06d}789"[:digits]
    spelled = moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if digits else "") + zone
    fast = timestamps([spelled], {}).to_pylist()
    slow = timestamps([spelled, 0], {}).to_pylist()[:1]
    assert fast == slow


@pytest.mark.parametrize(
    "value", ["", "soon", "2026-13-01T00:00:00Z", float("nan"), float("inf"), True, None, [], "1e9"]
)
def test_what_is_no_time(value: object) -> None:
    assert microseconds(value) is None


@pytest.mark.parametrize(
    ("value", "as_number", "as_integer", "as_flag"),
    [
        (3, 3.0, 3, True),
        ("4", 4.0, 4, True),
        (2.5, 2.5, None, True),
        (0, 0.0, 0, False),
        (True, None, None, True),
        ("many", None, None, None),
        (float("nan"), None, None, None),
        (10**400, None, None, None),
        ([1], None, None, None),
    ],
)
def test_numbers(
    value: object, as_number: float | None, as_integer: int | None, as_flag: bool | None
) -> None:
    assert (number(value), integer(value), flag(value)) == (as_number, as_integer, as_flag)


@given(st.binary(max_size=40))
def test_repaired_bytes_are_text(data: bytes) -> None:
    repair(data).decode("utf-8")
