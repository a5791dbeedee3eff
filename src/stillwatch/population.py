"""The log as a whole: how many requests came when, day by day, so that days can be counted anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np

from stillwatch.campaigns.describe import hour_shares, rfc3339, timeline
from stillwatch.signals.population import population_by_day, population_by_slot, population_totals

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from stillwatch.schema import DayCount

_HOURS = 24


class Day(msgspec.Struct, frozen=True):
    """One UTC day.

    Attributes:
        day: days since the epoch.
        hours: requests in each of its 24 hours.
        accounts: that sent any.
    """

    day: int
    hours: tuple[int, ...]
    accounts: int


class Population(msgspec.Struct, frozen=True):
    """All requests of a log.

    Attributes:
        first_seen, last_seen: time of the first and the last one, RFC 3339 UTC.
        days: in order; those without any are left out.
    """

    first_seen: str
    last_seen: str
    days: tuple[Day, ...]

    @classmethod
    def of(cls, requests: ir.Table) -> Self:
        """Count requests, at least one."""
        total = population_totals(requests).to_pyarrow().to_pylist()[0]
        by_hour: dict[int, list[int]] = {}
        for row in population_by_slot(requests).to_pyarrow().to_pylist():
            day, hour = divmod(row["slot"], _HOURS)
            by_hour.setdefault(day, [0] * _HOURS)[hour] = row["requests"]
        accounts = {
            row["day"]: row["accounts"]
            for row in population_by_day(requests).to_pyarrow().to_pylist()
        }
        days = (Day(day, tuple(hours), accounts[day]) for day, hours in sorted(by_hour.items()))
        return cls(rfc3339(total["first_seen"]), rfc3339(total["last_seen"]), tuple(days))

    def renewed(self, days: Population) -> Population:
        """The same where some days were counted anew, which may have gained requests."""
        known = {one.day: one for one in (*self.days, *days.days)}
        return Population(
            min(self.first_seen, days.first_seen),
            max(self.last_seen, days.last_seen),
            tuple(known[day] for day in sorted(known)),
        )

    @property
    def requests(self) -> int:
        """How many there are."""
        return sum(sum(one.hours) for one in self.days)

    @property
    def hours(self) -> tuple[float, ...]:
        """Share of the requests in each UTC hour of the day."""
        return hour_shares(np.sum([one.hours for one in self.days], axis=0).astype(np.float64))

    @property
    def timeline(self) -> tuple[DayCount, ...]:
        """Requests and accounts of each day, without gaps."""
        return timeline(
            {"day": one.day, "requests": sum(one.hours), "accounts": one.accounts}
            for one in self.days
        )
