"""Which prompt families are there, and who feeds them?

A *prompt family* is what requests share that were made from one template: the system prompt, the
first or last words (digits masked), the structural skeleton, a MinHash band (near-duplicates; Broder
1997). A stream that unrelated accounts feed is where a campaign shows, under whatever cover traffic
the accounts also carry, because the stream is judged and not the account.

An innocent customer triggers it by using a popular application, a tutorial's prompt or a common
turn of phrase. A family is therefore a place to look and nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from stillwatch.schema import FAMILY_KEYS, N_BANDS

if TYPE_CHECKING:
    import ibis.expr.types as ir

KINDS = (*FAMILY_KEYS, *(f"band{i}" for i in range(N_BANDS)))
"""Names of the family kinds; a kind's index is its code in the tables below."""


def family_keys(requests: ir.Table, *carry: str) -> ir.Table:
    """One row a request and family key that it has: `kind` (int8), `key`, and the carried columns."""
    parts = []
    for code, kind in enumerate(KINDS):
        key = requests.bands[int(kind[4:])] if kind.startswith("band") else requests[kind]
        part = requests.select(kind=ibis.literal(code, "int8"), key=key, **_same(requests, carry))
        parts.append(part.filter(part.key.notnull()))
    return ibis.union(*parts, distinct=False)


def feeders(requests: ir.Table) -> ir.Table:
    """How much each account feeds each family.

    Returns:
        `kind`, `key`, `account`, `mining_requests`, `requests`, and of the mining half `bodies`
        (distinct, approximate), `single_turn`, `elicitation`, `grading` (sums), `output_tokens`.
    """
    keys = family_keys(
        requests, "account", "mining", "turns", "elicitation", "grading", "output_tokens"
    )
    return keys.group_by("kind", "key", "account").agg(
        requests=keys.count(),
        mining_requests=keys.mining.cast("int64").sum(),
        single_turn=((keys.turns == 1) & keys.mining).cast("int64").sum(),
        elicitation=keys.elicitation.sum(where=keys.mining).fill_null(0.0),
        grading=keys.grading.sum(where=keys.mining).fill_null(0.0),
        output_tokens=keys.output_tokens.sum(where=keys.mining).fill_null(0),
    )


def fed_by_several(feeders: ir.Table, *, accounts: int, requests: int) -> ir.Table:
    """Keep the families that at least so many accounts feed at least so often, in the mining half."""
    mined = feeders.filter(feeders.mining_requests > 0)
    sizes = mined.group_by("kind", "key").agg(
        accounts=mined.count(), stream=mined.mining_requests.sum()
    )
    kept = sizes.filter((sizes.accounts >= accounts) & (sizes.stream >= requests))
    return feeders.semi_join(kept, ["kind", "key"])


def _same(table: ir.Table, names: tuple[str, ...]) -> dict[str, ir.Value]:
    return {name: table[name] for name in names}
