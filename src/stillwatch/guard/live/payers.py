"""Do unrelated accounts that one payer pays for feed one prompt family with work to be reasoned?

A single pass cannot tell a popular application from a campaign by the family alone. A card that
pays for several accounts without a declared organisation, all of which ask for reasoning or
grading in one frame with items that do not come again, is what public reports of campaigns name.

An innocent customer triggers it by paying for accounts of several projects without declaring them
as one organisation, when these projects ask for worked answers from one template.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.guard.bounded import Bounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.guard.live.sighting import Sighting

MEMBERS = 256
"""Accounts remembered of one payer in one family."""

_Counts = dict[str, tuple[str, int]]


class Payers:
    """Counts fresh requests by family, payer and account.

    Args:
        families: pairs of family and payer that are remembered.
        accounts: unrelated accounts that make it evidence.
    """

    def __init__(self, families: int, accounts: int) -> None:
        self._streams: Bounded[tuple[tuple[int, int], str], _Counts] = Bounded(families)
        self._accounts = accounts

    def __len__(self) -> int:
        return len(self._streams)

    def see(self, seen: Sighting, fresh: bool, after: int) -> Iterator[str]:
        """Take one request in; name the accounts that it is evidence against.

        Args:
            seen: the request.
            fresh: whether nobody sent the same body lately.
            after: requests that an account must have sent.
        """
        if seen.payer is None or not fresh or not seen.traces.asks:
            return
        for family in seen.traces.families:
            counts = self._count(family, seen)
            entities = {entity for entity, count in counts.values() if count >= after}
            if len(entities) >= self._accounts and counts[seen.account][1] >= after:
                # the others too: it takes some to notice, and those came first
                yield from (name for name, (_, count) in counts.items() if count >= after)
                return

    def _count(self, family: tuple[int, int], seen: Sighting) -> _Counts:
        key = (family, seen.payer or "")
        counts = self._streams.get(key) or {}
        if seen.account in counts or len(counts) < MEMBERS:
            counts[seen.account] = (seen.entity, counts.get(seen.account, ("", 0))[1] + 1)
        self._streams.put(key, counts)
        return counts if seen.account in counts else {**counts, seen.account: (seen.entity, 0)}
