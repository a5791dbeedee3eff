"""Does a request that one account was refused go on at another, or a conversation?

Relays map a conversation to an account for an hour or so, and send a refused request again through
another account. Either leaves a join that strangers hardly make: the very same body within a minute
of its refusal, or the continuation of turns that one account alone has sent.

An innocent customer triggers it by failing over between accounts of its own that it never declared
as one organisation. Only requests that ask for reasoning or grading count, so an ordinary relay's
chat does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stillwatch.guard.bounded import Bounded

if TYPE_CHECKING:
    from stillwatch.guard.live.sighting import Sighting

RETRY_WITHIN = 120.0
"""Seconds after a refusal in which the same body elsewhere is a retry."""

CONTINUES_WITHIN = 7_200.0
"""Seconds after a turn in which the next one elsewhere is a continuation; relays keep a
conversation on an account for about an hour."""


class _Sent(msgspec.Struct, frozen=True, gc=False):
    by: Sighting
    alone: bool


class Moves:
    """Remembers recent refusals and turns.

    Args:
        memory: of each, at most.
    """

    def __init__(self, memory: int) -> None:
        self._refused: Bounded[int, _Sent] = Bounded(memory)
        self._turns: Bounded[int, _Sent] = Bounded(memory)

    @property
    def sizes(self) -> dict[str, int]:
        """Entries remembered, by what they are."""
        return {"refusals": len(self._refused), "turns": len(self._turns)}

    def refuse(self, seen: Sighting, fresh: bool) -> None:
        """A request was answered 429 or 5xx; `fresh` says that nobody else sent its body lately."""
        if fresh and seen.traces.asks:
            self._refused.put(seen.traces.body, _Sent(seen, alone=True))

    def retried(self, seen: Sighting) -> str | None:
        """The unrelated account that was refused this very request."""
        sent = self._refused.get(seen.traces.body)
        if sent is None or related(sent.by, seen) or seen.at - sent.by.at > RETRY_WITHIN:
            return None
        self._refused.pop(seen.traces.body)
        return sent.by.account

    def continued(self, seen: Sighting) -> str | None:
        """The unrelated account whose conversation this request goes on with."""
        traces, found = seen.traces, None
        before = self._turns.get(traces.prefix) if traces.prefix is not None else None
        if before is not None and before.alone and traces.asks and not related(before.by, seen):
            found = before.by.account if seen.at - before.by.at <= CONTINUES_WITHIN else None
        known = self._turns.get(traces.turns)
        alone = known is None or (known.alone and known.by.account == seen.account)
        self._turns.put(traces.turns, _Sent(seen, alone))
        return found


def related(one: Sighting, other: Sighting) -> bool:
    """Whether two accounts make no secret of belonging together.

    They declare one organisation, or one payer and one e-mail domain: a company that spreads its
    work over accounts in the open.
    """
    if one.entity == other.entity:
        return True
    payer = one.payer is not None and one.payer == other.payer
    return payer and one.domain is not None and one.domain == other.domain
