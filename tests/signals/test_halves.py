from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.signals.conftest import rows_of

from stillwatch.signals.halves import BLOCK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK_HOURS = BLOCK_SECONDS // 3600


def halves(table: Callable[..., Any], hours: list[int], seed: int) -> dict[int, bool]:
    rows = [{"request_key": hour, "hour": hour} for hour in hours]
    return {row["request_key"]: row["mining"] for row in rows_of(table(rows, seed), "request_key")}


@pytest.mark.parametrize("seed", [0, 1, 7, 65_535, 65_536, 2**40])
def test_about_half_of_the_blocks_are_mined(table: Callable[..., Any], seed: int) -> None:
    blocks = 1000
    found = halves(table, [block * BLOCK_HOURS for block in range(blocks)], seed)
    # a fair coin strays by 5 standard deviations less than once in a million
    assert abs(sum(found.values()) - blocks / 2) < 5 * (blocks / 4) ** 0.5


@pytest.mark.parametrize("seed", range(12))
def test_both_halves_reach_into_every_stream_of_two_days(
    table: Callable[..., Any], seed: int
) -> None:
    found = halves(table, [block * BLOCK_HOURS for block in range(400)], seed)
    mining = [found[block * BLOCK_HOURS] for block in range(400)]
    width = 48 // BLOCK_HOURS
    assert all(0 < sum(mining[i : i + width]) < width for i in range(len(mining) - width))


def test_a_block_is_in_one_half_as_a_whole(table: Callable[..., Any]) -> None:
    found = halves(table, list(range(24 * 30)), seed=3)
    for first in range(0, 24 * 30, BLOCK_HOURS):
        assert len({found[hour] for hour in range(first, first + BLOCK_HOURS)}) == 1


def test_the_order_of_rows_does_not_matter(table: Callable[..., Any]) -> None:
    hours = list(range(0, 2000, 3))
    shuffled = np.random.default_rng(1).permutation(hours).tolist()
    assert halves(table, hours, seed=5) == halves(table, shuffled, seed=5)


def test_another_seed_is_another_split(table: Callable[..., Any]) -> None:
    hours = list(range(0, 6000, BLOCK_HOURS))
    first, second = halves(table, hours, seed=0), halves(table, hours, seed=1)
    differing = sum(first[hour] != second[hour] for hour in hours)
    assert 0.3 < differing / len(hours) < 0.7


def test_slots_are_hours_since_the_epoch(table: Callable[..., Any]) -> None:
    (first, last) = rows_of(table([{"hour": 0}, {"hour": 25.9}], 0), "request_key")
    assert first["slot"] == first["timestamp"].timestamp() // 3600
    assert last["slot"] == first["slot"] + 25
