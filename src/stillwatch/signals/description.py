"""What did a campaign do? Counts for people, of campaigns that are already judged.

Nothing here decides anything; it says how much, when, with what and for how much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir


COLUMNS = (
    "request_key", "account", "timestamp", "slot", "capability", "model", "input_tokens",
    "output_tokens", "network_key",
)  # fmt: skip
"""Columns of requests that the functions below read."""


def totals(streams: ir.Table) -> ir.Table:
    """One row a campaign: requests, tokens (reasoning is part of the output), first and last."""
    return streams.group_by("campaign").agg(
        requests=streams.count(),
        input_tokens=streams.input_tokens.sum().fill_null(0),
        output_tokens=streams.output_tokens.sum().fill_null(0),
        first_seen=streams.timestamp.min(),
        last_seen=streams.timestamp.max(),
    )


def shares(streams: ir.Table, column: str) -> ir.Table:
    """Requests of each campaign by the values of one column: `campaign`, `value`, `requests`."""
    return streams.group_by("campaign", value=streams[column]).agg(requests=streams.count())


def model_tokens(streams: ir.Table) -> ir.Table:
    """Each campaign's use of each model: `value`, `requests`, `input_tokens`, `output_tokens`."""
    return streams.group_by("campaign", value=streams.model).agg(
        requests=streams.count(),
        input_tokens=streams.input_tokens.sum().fill_null(0),
        output_tokens=streams.output_tokens.sum().fill_null(0),
    )


def by_hour(streams: ir.Table) -> ir.Table:
    """Requests of each campaign by UTC hour of the day: `campaign`, `value`, `requests`."""
    return streams.group_by("campaign", value=streams.slot % 24).agg(requests=streams.count())


def by_day(streams: ir.Table) -> ir.Table:
    """Each campaign's day: `campaign`, `day` (days since the epoch), `requests`, `accounts`."""
    return streams.group_by("campaign", day=streams.slot // 24).agg(
        requests=streams.count(), accounts=streams.account.nunique()
    )


def by_account(streams: ir.Table) -> ir.Table:
    """Each member's part: `campaign`, `account`, `requests`, `first_seen`, `last_seen`."""
    return streams.group_by("campaign", "account").agg(
        requests=streams.count(),
        first_seen=streams.timestamp.min(),
        last_seen=streams.timestamp.max(),
    )


def shared_networks(streams: ir.Table) -> ir.Table:
    """Networks that several members of a campaign send from: `campaign`, `value`, `account`."""
    rows = streams.filter(streams.network_key.notnull())
    pairs = rows.select("campaign", "account", value=rows.network_key).distinct()
    size = pairs.group_by("campaign", "value").agg(accounts=pairs.count())
    return pairs.semi_join(size.filter(size.accounts > 1), ["campaign", "value"])


def some_requests(streams: ir.Table, each: int) -> ir.Table:
    """A few requests of each campaign, those with the lowest keys: `campaign`, `request_key`."""
    rank = ibis.row_number().over(group_by=streams.campaign, order_by=streams.request_key)
    ranked = streams.select("campaign", "request_key", rank=rank)
    return ranked.filter(ranked["rank"] < each).drop("rank")
