"""Which requests belong to a candidate's stream?

The stream is every request of a core account that any of the candidate's families recognises. It is
what gets judged: cover traffic of the same accounts stays outside of it.

An innocent customer's requests are in a stream when they use what the stream is made of; whether
that means anything is for the tests to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from stillwatch.signals.families import family_keys

if TYPE_CHECKING:
    import ibis.expr.types as ir

SAMPLED_COLUMNS = (
    "request_key",
    "account",
    "slot",
    "mining",
    "framed",
    "tokens",
    "body_key",
    "head4_key",
    "tail4_key",
    "skeleton_key",
    "turns",
    "prompt_words",
    "capability",
    "elicitation",
    "grading",
    "output_tokens",
    "client_key",
    "network_key",
)


def stream_members(requests: ir.Table, families: ir.Table, cores: ir.Table) -> ir.Table:
    """The requests of each candidate's stream.

    Args:
        requests: sketches with `mining`.
        families: `candidate`, `kind`, `key`.
        cores: `candidate`, `account`.

    Returns:
        `candidate`, `account`, `request_key`, `body_key`, `mining`, one row each.
    """
    of_cores = requests.semi_join(cores, "account")
    carried = ("account", "request_key", "body_key", "mining")
    keys = family_keys(of_cores, *carried)
    hits = keys.join(families, ["kind", "key"]).select("candidate", *carried)
    return hits.semi_join(cores, ["candidate", "account"]).distinct()


def stream_counts(members: ir.Table) -> ir.Table:
    """Requests of each account in each stream: `candidate`, `account`, `mined`, `tested`.

    Args:
        members: of `stream_members`.
    """
    return members.group_by("candidate", "account").agg(
        mined=members.mining.cast("int64").sum(), tested=(~members.mining).cast("int64").sum()
    )


def stream_requests(requests: ir.Table, members: ir.Table) -> ir.Table:
    """All requests of streams: their columns and `candidate`.

    Args:
        requests: sketches.
        members: of `stream_members`.
    """
    return requests.join(members.select("candidate", "request_key"), "request_key")


def stream_sample(requests: ir.Table, members: ir.Table, per_account: int) -> ir.Table:
    """Rows to test on: of each candidate, account and half at most `per_account` requests.

    Which ones is decided by the keyed hash of the body: a random choice of items that is the same
    in every account, so that items which several accounts send stay visible in the sample.

    Args:
        requests: sketches with `slot`, `mining` and `framed`.
        members: of `stream_members`.
        per_account: requests of an account and half.
    """
    # chosen by keys alone, so that what is wide is carried for the chosen only
    rank = ibis.row_number().over(
        group_by=[members.candidate, members.account, members.mining],
        order_by=[members.body_key, members.request_key],
    )
    ranked = members.mutate(rank=rank)
    chosen = ranked.filter(ranked["rank"] < per_account).select("candidate", "request_key")
    return requests.select(*SAMPLED_COLUMNS).join(chosen, "request_key")
