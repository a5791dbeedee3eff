"""What does the whole log look like? The ground that campaigns are drawn against.

Nothing here is evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.signals.halves import SLOT_SECONDS

if TYPE_CHECKING:
    import ibis.expr.types as ir


def population_totals(requests: ir.Table) -> ir.Table:
    """One row: `requests`, `first_seen`, `last_seen`."""
    return requests.agg(
        requests=requests.count(),
        first_seen=requests.timestamp.min(),
        last_seen=requests.timestamp.max(),
    )


def population_by_hour(requests: ir.Table) -> ir.Table:
    """Requests by UTC hour of the day: `value`, `requests`."""
    return requests.group_by(value=_slot(requests) % 24).agg(requests=requests.count())


def population_by_slot(requests: ir.Table) -> ir.Table:
    """Requests by hour: `slot` (hours since the epoch), `requests`."""
    return requests.group_by(slot=_slot(requests)).agg(requests=requests.count())


def population_by_day(requests: ir.Table) -> ir.Table:
    """Each day: `day` (days since the epoch), `requests`, `accounts`."""
    return requests.group_by(day=_slot(requests) // 24).agg(
        requests=requests.count(), accounts=requests.account.nunique()
    )


def _slot(requests: ir.Table) -> ir.IntegerValue:
    return requests.timestamp.epoch_seconds().cast("int64") // SLOT_SECONDS
