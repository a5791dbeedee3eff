"""Days that are counted anew make what counting everything makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.signals.conftest import table

from stillwatch.population import Population

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["table"]

REQUESTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 99).map(lambda quarter: quarter / 4)),
    min_size=1,
    max_size=20,
)
"""Account, and hours since the start, of some requests."""


def counted(table: Callable[..., Any], requests: list[tuple[int, float]]) -> Population:
    return Population.of(table([{"account": who, "hour": hour} for who, hour in requests]))


@given(before=REQUESTS, since=REQUESTS)
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_days_counted_anew(
    table: Callable[..., Any],
    before: list[tuple[int, float]],
    since: list[tuple[int, float]],
) -> None:
    everything = before + since
    changed = {hour // 24 for _, hour in since}
    anew = [one for one in everything if one[1] // 24 in changed]
    whole = counted(table, everything)
    assert counted(table, before).renewed(counted(table, anew)) == whole
    assert whole.requests == len(everything)
    assert sum(one.requests for one in whole.timeline) == len(everything)
    assert abs(sum(whole.hours) - 1) < 0.001
