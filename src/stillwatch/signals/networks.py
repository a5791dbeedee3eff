"""From which networks does each account come?

An innocent customer shares a network with strangers behind one carrier or cloud, so it means
nothing by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


def by_network(requests: ir.Table) -> ir.Table:
    """Requests of each account from each network: `account`, `network_key`, `requests`."""
    known = requests.filter(requests.network_key.notnull())
    return known.group_by("account", "network_key").agg(requests=known.count())
