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


def with_framed(requests: ir.Table) -> ir.Table:
    """Add `framed` (bool) to the requests."""
    framed = ibis.literal(False)
    for name in FRAME_KEYS:
        size = requests.count().over(group_by=[requests.account, requests[name]])
        framed = framed | (requests[name].notnull() & (size >= MIN_REQUESTS))
    return requests.mutate(framed=framed)
