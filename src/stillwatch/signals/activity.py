"""What does each account do in all?

Totals, spans and habits of an account, the ground that every other signal is judged against: an
account with many requests shares more with everybody by chance (its *degree*).

An innocent customer is described here like anyone else; nothing here is evidence by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


def account_activity(requests: ir.Table) -> ir.Table:
    """One row an account.

    Returns:
        `account`, `requests`, `mining_requests`, `first_seen`, `last_seen`, `bodies` (distinct),
        `single_turn` (share), `elicitation`, `grading` (means), `output_tokens` (mean of those
        that are known), `slots` (hours with activity), `days` (distinct).
    """
    return requests.group_by("account").agg(
        requests=requests.count(),
        mining_requests=requests.mining.sum(),
        first_seen=requests.timestamp.min(),
        last_seen=requests.timestamp.max(),
        bodies=requests.body_key.nunique(),
        single_turn=(requests.turns == 1).mean(),
        elicitation=requests.elicitation.mean(),
        grading=requests.grading.mean(),
        output_tokens=requests.output_tokens.mean(),
        slots=requests.slot.nunique(),
        days=(requests.slot // 24).nunique(),
    )
