"""What moves between the accounts of a campaign: refused requests, conversations, whole accounts.

Counts for people, of campaigns that are already judged, like `signals.description`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

RETRY_SECONDS = 120
"""Seconds after a refusal in which the same body is a retry; as live detection has it."""

CONTINUES_SECONDS = 7_200
"""Seconds after a turn in which the next one goes on with it; as live detection has it."""

COLUMNS = ("body_key", "turns_key", "prefix_key", "status")
"""Columns of requests that the functions below read, beside those of `signals.description`."""


def retries(streams: ir.Table) -> ir.Table:
    """Refused and failed requests of each campaign, and where they went on.

    Args:
        streams: a campaign's requests, as `signals.streams.stream_requests`, named `campaign`.

    Returns:
        `campaign`, `refused`, and of these how many were sent again word for word, soon, by
        another account (`elsewhere`) and by the same one (`at_home`).
    """
    failed = streams.filter((streams.status == 429) | (streams.status >= 500)).select(
        "campaign", "request_key", "body_key", sender="account", at="timestamp"
    )
    again = streams.select("campaign", "body_key", other="account", later="timestamp")
    found = failed.left_join(
        again, [failed.body_key == again.body_key, *_soon_after(failed, again, RETRY_SECONDS)]
    )
    each = found.group_by("campaign", "request_key").agg(
        elsewhere=(found.other != found.sender).any().fill_null(False),
        at_home=(found.other == found.sender).any().fill_null(False),
    )
    return each.group_by("campaign").agg(
        refused=each.count(), elsewhere=each.elsewhere.sum(), at_home=each.at_home.sum()
    )


def continuations(streams: ir.Table) -> ir.Table:
    """Conversations of each campaign that go on, and at which account.

    Args:
        streams: as for `retries`.

    Returns:
        `campaign`, `followed` (requests whose earlier turns the campaign sent shortly before), and
        of these how many whose account had not sent them itself (`elsewhere`).
    """
    turns = streams.filter(streams.prefix_key.notnull()).select(
        "campaign", "request_key", "prefix_key", sender="account", later="timestamp"
    )
    before = streams.select("campaign", "turns_key", other="account", at="timestamp")
    found = turns.join(
        before,
        [turns.prefix_key == before.turns_key, *_soon_after(before, turns, CONTINUES_SECONDS)],
    )
    each = found.group_by("campaign", "request_key").agg(own=(found.other == found.sender).any())
    return each.group_by("campaign").agg(followed=each.count(), elsewhere=(~each.own).sum())


def _soon_after(first: ir.Table, then: ir.Table, seconds: int) -> list[ir.BooleanValue]:
    """That a request of the same campaign at `later` comes within so long after one at `at`."""
    return [
        first.campaign == then.campaign,
        then.later > first["at"],
        then.later <= first["at"] + ibis.interval(seconds=seconds),
    ]


def first_uses(requests: ir.Table) -> ir.Table:
    """The hour in which each account first used each model: `account`, `model`, `first`."""
    return requests.group_by("account", "model").agg(first=requests.slot.min())
