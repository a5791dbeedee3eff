"""Which requests does an account make from a frame of its own?

Somebody who harvests wraps item after item into the same few words. The words need not be shared
with anybody: each account may have templates of its own. A request is *framed* when its first
words, its last words or its skeleton stand in several requests of the same account.

An innocent customer triggers it with every product and batch job that has a template, and with
habits of speech. Being framed says nothing about an account; it says which of its requests to
compare with the framed requests of others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

FRAME_KEYS = ("head4_key", "tail4_key", "skeleton_key")

MIN_REQUESTS = 4
"""Requests with the same words around them that make a frame: three may be chance."""


def with_framed(requests: ir.Table, frames: ir.Table | None = None) -> ir.Table:
    """Add `framed` (bool) to the requests.

    Args:
        requests: sketches; all of an account's, unless `frames` is given.
        frames: `own_frames` of the accounts, where it is known already.
    """
    known = own_frames(requests) if frames is None else frames
    framed: ir.BooleanValue = ibis.literal(False)
    joined = requests
    for place, name in enumerate(FRAME_KEYS):
        own = known.filter(known.place == place).select(
            **{f"_account{place}": known.account, f"_key{place}": known.key}
        )
        joined = joined.left_join(own, [("account", f"_account{place}"), (name, f"_key{place}")])
        framed |= ibis._[f"_key{place}"].notnull()
    return joined.select(*requests.columns, framed=framed)


def own_frames(requests: ir.Table) -> ir.Table:
    """Frames of each account: `account`, `place` (index into `FRAME_KEYS`, int8), `key`."""
    parts = []
    for place, name in enumerate(FRAME_KEYS):
        some = requests.filter(requests[name].notnull())
        sizes = some.group_by("account", key=some[name]).agg(requests=some.count())
        frames = sizes.filter(sizes.requests >= MIN_REQUESTS)
        parts.append(frames.select("account", place=ibis.literal(place, "int8"), key=frames.key))
    return ibis.union(*parts, distinct=False)
