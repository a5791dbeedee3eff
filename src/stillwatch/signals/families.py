"""Which prompt families are there, and who feeds them?

A *prompt family* is what requests share that were made from one template: the system prompt, the
first or last words (digits masked), the structural skeleton, a MinHash band (near-duplicates;
Broder 1997). A stream that unrelated accounts feed is where a campaign shows, under whatever cover
traffic the accounts also carry, because the stream is judged and not the account.

An innocent customer triggers it by using a popular application, a tutorial's prompt or a common
turn of phrase. A family is therefore a place to look and nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from stillwatch.schema import FAMILY_KEYS, N_BANDS

if TYPE_CHECKING:
    import ibis.expr.types as ir

KINDS = (*FAMILY_KEYS, *(f"band{i}" for i in range(N_BANDS)), "framed", "asked")
"""Names of the family kinds; a kind's index is its code in the tables below. The last two have one
family each: requests that their account makes from a frame, and requests that ask for reasoning or
grading, in whatever words."""

WORDLESS = tuple(KINDS.index(kind) for kind in ("framed", "asked"))
"""Codes of the kinds whose families share no words."""

ASKED_SCORE = 0.6
"""Elicitation or grading score from which a request asks for it: one plain phrase of the lexicon
reaches it."""


TEMPLATES = KINDS[: WORDLESS[0]]
"""The kinds whose families share words."""


def family_keys(requests: ir.Table, *carry: str) -> ir.Table:
    """One row a request and family key that it has: `kind` (int8), `key` and carried columns."""
    parts = []
    for code, kind in enumerate(KINDS):
        key = key_of(requests, kind)
        part = requests.select(kind=ibis.literal(code, "int8"), key=key, **_same(requests, carry))
        parts.append(part.filter(part.key.notnull()))
    return ibis.union(*parts, distinct=False)


def feeders(requests: ir.Table, families: ir.Table | None = None) -> ir.Table:
    """How much each account feeds each family.

    Args:
        requests: sketches with `mining` and `framed`.
        families: `kind`, `key` of those to count; all by default.

    Returns:
        `kind`, `key`, `account`, `requests`, `mining_requests`.
    """
    keys = family_keys(requests, "account", "mining")
    if families is not None:
        keys = keys.semi_join(families, ["kind", "key"])
    return keys.group_by("kind", "key", "account").agg(
        requests=keys.count(), mining_requests=keys.mining.cast("int64").sum()
    )


def fed_by_several(feeders: ir.Table, *, accounts: int, requests: int) -> ir.Table:
    """Keep families that at least so many accounts feed at least so often, in the mining half."""
    mined = feeders.filter(feeders.mining_requests > 0)
    sizes = mined.group_by("kind", "key").agg(
        accounts=mined.count(), stream=mined.mining_requests.sum()
    )
    kept = sizes.filter((sizes.accounts >= accounts) & (sizes.stream >= requests))
    return feeders.semi_join(kept, ["kind", "key"])


def fed_by_a_group(repeated: ir.Table, *, least: int, most: int) -> ir.Table:
    """Families that so many accounts feed repeatedly: `kind`, `key`.

    What more than `most` accounts use is language, and no template.

    Args:
        repeated: `kind`, `key`, a row for each account that feeds it often enough to be in a core.
        least: accounts.
        most: accounts.
    """
    sizes = repeated.group_by("kind", "key").agg(accounts=repeated.count())
    return sizes.filter(sizes.accounts.between(least, most)).select("kind", "key")


def asks(requests: ir.Table) -> ir.BooleanValue:
    """Whether each request asks for reasoning or grading."""
    return (requests.elicitation >= ASKED_SCORE) | (requests.grading >= ASKED_SCORE)


def key_of(requests: ir.Table, kind: str) -> ir.Value:
    """Each request's key of one kind; null where it has none."""
    if kind.startswith("band"):
        return requests.bands[int(kind[4:])]
    if kind == "framed":
        return ibis.ifelse(requests.framed, ibis.literal(0, "int64"), ibis.null("int64"))
    if kind == "asked":
        return ibis.ifelse(asks(requests), ibis.literal(0, "int64"), ibis.null("int64"))
    return requests[kind]


def _same(table: ir.Table, names: tuple[str, ...]) -> dict[str, ir.Value]:
    return {name: table[name] for name in names}
