"""One request as live detection sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stillwatch.guard.ask import Traces


class Sighting(NamedTuple):
    """A request, and who sent it.

    Attributes:
        account: its id.
        entity: the declared organisation, else the account: accounts of one entity are related.
        payer: payment fingerprint; None where unknown.
        traces: what is seen of the request.
        at: event time, seconds.
    """

    account: str
    entity: str
    payer: str | None
    traces: Traces
    at: float
