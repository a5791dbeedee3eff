from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.lab.rhythm import BINS, DAY, STEP, Shapes, flat, human, volumes
from stillwatch.lab.rng import Dice

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def concentration(times: NDArray[np.float64]) -> float:
    """Unbiased squared mean resultant length of the hours of a day."""
    n = len(times)
    total = np.exp(2j * np.pi * times / DAY).sum()
    return float((abs(total) ** 2 - n) / (n * (n - 1)))


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 300),
    begin=st.floats(0, 5 * DAY),
    length=st.floats(600, 20 * DAY),
)
def test_times_of_people_are_as_many_as_asked_in_order_and_inside(
    seed: int, count: int, begin: float, length: float
) -> None:
    dice = Dice(seed)
    times = human(dice, Shapes().habit(dice, 0.0), count, begin, begin + length)
    assert len(times) == count
    assert np.all(np.diff(times) >= 0)
    assert np.all((times >= begin) & (times <= begin + length))


def test_people_have_hours_and_machines_do_not() -> None:
    people = [
        concentration(human(d, Shapes().habit(d, 0.0), 400, 0, 28 * DAY))
        for d in (Dice(n) for n in range(60))
    ]
    assert 0.3 < np.mean(people) < 0.6
    # Under uniform hours n * R^2 is about Exp(1): 12 / n is exceeded once in e^12.
    assert concentration(flat(Dice(1), 4000, 0, 28 * DAY)) < 12 / 4000


def test_a_time_zone_moves_the_day() -> None:
    here, there = Shapes().habit(Dice(1), 0.0), Shapes().habit(Dice(1), 8.0)
    np.testing.assert_allclose(np.roll(here.density, -8 * BINS // 24), there.density)


def test_equal_volumes_are_equal_and_unequal_ones_have_the_spread_asked_for() -> None:
    assert set(volumes(Dice(1), 50, 20.0, 0.0).tolist()) == {20}
    drawn = volumes(Dice(2), 2000, 500.0, 0.6)
    # The standard error of a standard deviation is sigma / sqrt(2 n); five of them.
    assert abs(np.log(drawn).std() - 0.6) < 5 * 0.6 / np.sqrt(4000)
    assert abs(drawn.mean() / 500 - 1) < 5 * np.sqrt((np.exp(0.36) - 1) / 2000)


def arrivals(path: Path, *, rate: NDArray[np.float64]) -> Path:
    at = np.arange(len(rate)) * int(STEP)
    pq.write_table(pa.table({"client": [1] * len(rate), "t": at, "rate": rate}), path)
    return path


def test_customers_follow_the_shape_of_a_real_client(tmp_path: Path) -> None:
    first_half = (np.arange(2 * BINS) % BINS < BINS // 2).astype(float)
    shapes = Shapes.read(arrivals(tmp_path / "a.parquet", rate=first_half))
    times = shapes.customer(Dice(3), 2000, 0.0, 4 * DAY)
    by_bin = np.bincount((times % DAY // STEP).astype(int), minlength=BINS)
    busiest = np.sort(by_bin)[BINS // 2 :].sum()
    # The shape puts a thousandth of the mean rate into the idle half.
    assert busiest > 0.995 * 2000


@pytest.mark.parametrize("rate", [np.zeros(2 * BINS), np.ones(10)])
def test_arrivals_without_an_active_client_are_refused(
    tmp_path: Path, rate: NDArray[np.float64]
) -> None:
    with pytest.raises(InputError, match="active"):
        Shapes.read(arrivals(tmp_path / "a.parquet", rate=rate))
