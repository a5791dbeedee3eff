"""Do unrelated accounts of one payer feed one prompt family with work to be reasoned, and hide it?

A single pass cannot tell a popular application from a campaign by the family alone. One payer for
several accounts without a declared organisation, all asking for reasoning or grading in one frame
about items that do not come again, is what public reports of campaigns name. A company that spreads
its work in the open looks like that too, so hiding must show: several e-mail domains, or accounts
made for the purpose that come from several networks, as in `campaigns.concealment`.

An innocent customer triggers it by paying for new accounts under several domains without declaring
them as one organisation, when all ask for worked answers from one template.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stillwatch.guard.bounded import Bounded
from stillwatch.schema import FAMILY_KEYS, TEMPLATE_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.guard.live.sighting import Sighting

KINDS = frozenset(map(FAMILY_KEYS.index, TEMPLATE_KEYS))

ASKING = 0.95
"""Share of a family's requests that ask for reasoning or grading, from which it is made to."""

MEMBERS = 256
"""Accounts remembered of one payer in one family."""

MEMBERS_A_STREAM = 4
"""Accounts remembered for each stream on average. Most payers have one account; where many have
more, the oldest streams go, so that what streams hold is bounded and not only their number."""

MIN_NETWORKS = 3
FRESH_SHARE = 0.8
"""Networks, and share of accounts younger than 30 days, from which accounts were made to be spread;
as `campaigns.concealment` has them."""


class _Member(NamedTuple):
    entity: str
    sent: int
    domain: str | None
    fresh: bool


class _Stream:
    """What one payer's accounts send of one family."""

    __slots__ = ("asking", "members", "networks", "proven", "requests")

    def __init__(self) -> None:
        self.members: dict[str, _Member] = {}
        self.networks: set[int] = set()
        self.requests = self.asking = 0
        self.proven = False

    def add(self, seen: Sighting, new: bool) -> None:
        self.requests += 1
        self.asking += seen.traces.asks
        before = self.members.get(seen.account)
        if before is None and len(self.members) >= MEMBERS:
            return
        count = (before.sent if before else 0) + (new and seen.traces.asks)
        now = (seen.entity, count, seen.domain, seen.fresh)
        if before != now:
            self.members[seen.account] = _Member(*now)
        if seen.traces.network is not None and len(self.networks) < MIN_NETWORKS:
            self.networks.add(seen.traces.network)

    def suspects(self, account: str, accounts: int, after: int) -> list[str]:
        """Whom a request of `account` is evidence against.

        At first that is nobody, then all the accounts that fed the stream, and once it is proven
        the account itself: one that comes new to it has no free requests.
        """
        if self.asking < ASKING * self.requests:
            return []
        own = self.members.get(account)
        if self.proven:
            return [account] if own is not None and own.sent else []
        if own is None or own.sent < after:
            return []
        names = [name for name, member in self.members.items() if member.sent >= after]
        members = [self.members[name] for name in names]
        unrelated = len({member.entity for member in members}) >= accounts
        self.proven = unrelated and self._hidden(members)
        return names if self.proven else []

    def _hidden(self, members: list[_Member]) -> bool:
        domains = {member.domain for member in members} - {None}
        fresh = sum(member.fresh for member in members) >= FRESH_SHARE * len(members)
        return len(domains) > 1 or (fresh and len(self.networks) >= MIN_NETWORKS)


class Payers:
    """Follows streams, one a family and payer.

    Args:
        families: streams that are remembered, with `MEMBERS_A_STREAM` accounts each on average.
    """

    def __init__(self, families: int) -> None:
        self._streams: Bounded[tuple[int, int, str], _Stream] = Bounded(families)
        self._most, self._most_members = families, MEMBERS_A_STREAM * families
        self.members = 0

    def __len__(self) -> int:
        return len(self._streams)

    def see(self, seen: Sighting, new: bool, accounts: int, after: int) -> Iterator[str]:
        """Take one request in; name the accounts that there is evidence against.

        Args:
            seen: the request.
            new: whether nobody sent the same body lately.
            accounts: unrelated accounts that it takes.
            after: requests that each must have sent.
        """
        if seen.payer is None:
            return
        for kind, key in seen.traces.families:
            if kind not in KINDS:
                continue
            name = (kind, key, seen.payer)
            stream = self._streams.get(name)
            if stream is None:
                stream = self._begin(name)
            else:
                self._streams.put(name, stream)  # the newest again
            before = len(stream.members)
            stream.add(seen, new)
            self.members += len(stream.members) - before
            while self.members > self._most_members and len(self._streams) > 1:
                self._forget()
            yield from stream.suspects(seen.account, accounts, after)

    def _begin(self, name: tuple[int, int, str]) -> _Stream:
        if len(self._streams) >= self._most:
            self._forget()
        stream = _Stream()
        self._streams.put(name, stream)
        return stream

    def _forget(self) -> None:
        self.members -= len(self._streams.forget().members)
