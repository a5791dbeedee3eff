"""One request as live detection sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from stillwatch.guard.ask import Profile, Traces


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """A request, and who sent it.

    Attributes:
        account: its id.
        entity: the declared organisation, else the account: accounts of one entity are related.
        payer: payment fingerprint; None where unknown.
        domain: e-mail domain; None where unknown.
        fresh: whether the account is known to be younger than `FRESH`.
        traces: what is seen of the request.
        at: event time, seconds.
    """

    account: str
    entity: str
    payer: str | None
    domain: str | None
    fresh: bool
    traces: Traces
    at: float


FRESH = 30 * 86_400.0
"""Seconds; an account younger than this may have been made for the purpose."""


def sighting(
    account: str,
    organization: str | None,
    payer: str | None,
    profile: Profile,
    traces: Traces,
    at: float,
) -> Sighting:
    """Put together what is known of a request and its account.

    Args:
        account: its id.
        organization: the declared one.
        payer: payment fingerprint.
        profile: whatever else the provider knows.
        traces: of the request.
        at: event time, seconds.
    """
    fresh = profile.created is not None and at - profile.created < FRESH
    return Sighting(
        account, organization or account, payer, profile.email_domain, fresh, traces, at
    )
