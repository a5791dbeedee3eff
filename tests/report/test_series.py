from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.report import series
from stillwatch.schema import DayCount


def course(first: str, *requests: int) -> tuple[DayCount, ...]:
    start = date.fromisoformat(first)
    return tuple(
        DayCount(day=(start + timedelta(days=i)).isoformat(), requests=n, accounts=min(n, 3))
        for i, n in enumerate(requests)
    )


def test_no_days_are_nothing() -> None:
    assert series.daily((), ()) is None


def test_a_group_lies_on_the_axis_of_the_population() -> None:
    days = series.daily(course("2026-05-03", 10, 30), course("2026-05-01", 100, 100, 100, 300, 100))
    assert days is not None
    assert (days.first, days.last) == ("2026-05-01", "2026-05-05")
    assert days.requests == (0, 0, 10, 30, 0)
    assert days.population_requests == pytest.approx((10, 10, 10, 30, 10))
    assert days.busiest == (30, 3)


def test_without_a_population_there_is_nothing_to_compare() -> None:
    days = series.daily(course("2026-05-03", 10), ())
    assert days is not None
    assert days.population_requests == ()


@given(st.integers(1, 900))
def test_long_logs_are_averaged_into_few_columns(length: int) -> None:
    days = series.daily(course("2024-01-01", *range(1, length + 1)), ())
    assert days is not None
    assert len(days.requests) <= series.MOST_COLUMNS
    widths = [days.days_a_column] * (len(days.requests) - 1)
    widths.append(length - sum(widths))
    total = sum(mean * width for mean, width in zip(days.requests, widths, strict=True))
    assert total == pytest.approx(length * (length + 1) / 2)


def test_volumes_are_shares_in_doubling_classes() -> None:
    found = series.volumes(np.array([4, 5, 8]), np.array([0, 1, 2, 3]))
    assert found is not None
    assert found.bounds == (1, 2, 4, 8)
    assert found.group == pytest.approx((0, 0, 2 / 3, 1 / 3))
    assert found.population == pytest.approx((0.5, 0.5, 0, 0))


def test_volumes_without_a_population_are_nothing() -> None:
    assert series.volumes(np.array([4]), np.array([], dtype=np.int64)) is None
