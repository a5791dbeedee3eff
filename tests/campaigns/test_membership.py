"""Rules by which single accounts stay in a group."""

from __future__ import annotations

import numpy as np
import pytest
from tests.campaigns.streams import make_stream

from stillwatch.campaigns.membership import passing_through

DAYS = 40


@pytest.mark.parametrize(("strays", "passes"), [(0, True), (10, True), (30, False)])
def test_stray_requests_make_no_benchmark_of_an_evening_a_member(strays: int, passes: bool) -> None:
    """Nineteen accounts with one request a day, and one with all of its but a few on one day."""
    daily = np.tile(np.arange(DAYS), 19)
    evening = np.append(np.full(DAYS - strays, DAYS // 2), np.arange(strays))
    stream = make_stream(np.repeat(np.arange(20), DAYS), slot=24 * np.concatenate([daily, evening]))
    assert passing_through(stream).tolist() == ([19] if passes else [])


def test_a_group_that_works_in_bursts_has_no_strangers_by_that() -> None:
    bursts = np.repeat(np.arange(20), DAYS)
    assert passing_through(make_stream(bursts, slot=24 * bursts)).tolist() == []
