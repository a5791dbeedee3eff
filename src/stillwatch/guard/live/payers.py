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

from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec

from stillwatch.schema import FAMILY_KEYS, TEMPLATE_KEYS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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


class Member(msgspec.Struct, gc=False):
    """What one account has sent of a stream, and what it last looked like."""

    entity: str = ""
    domain: str | None = None
    fresh: bool = False
    sent: int = 0

    def count(self, seen: Sighting, new: bool) -> None:
        """Take one request in; `new` says that nobody sent the same body lately."""
        self.entity, self.domain, self.fresh = seen.entity, seen.domain, seen.fresh
        self.sent += new and seen.traces.asks


def with_network(networks: tuple[int, ...], network: int | None) -> tuple[int, ...]:
    """The distinct networks seen so far, as many as matter."""
    if network is None or len(networks) >= MIN_NETWORKS or network in networks:
        return networks
    return (*networks, network)


def hidden(members: Collection[Member], networks: tuple[int, ...]) -> bool:
    """Whether accounts hide that they are one; as `campaigns.concealment` has it."""
    domains = {member.domain for member in members} - {None}
    fresh = sum(member.fresh for member in members) >= FRESH_SHARE * len(members)
    return len(domains) > 1 or (fresh and len(networks) >= MIN_NETWORKS)


class _Stream(Member, gc=False):
    """What one payer's accounts send of one family; the stream itself is its first member.

    Most payers have one account, and making and forgetting what holds the others took most of the
    time of a decision.
    """

    name: str = ""
    others: dict[str, Member] | None = None
    networks: tuple[int, ...] = ()
    requests: int = 0
    asking: int = 0
    proven: bool = False

    def __len__(self) -> int:
        return 1 if self.others is None else 1 + len(self.others)

    def other(self, account: str) -> Member | None:
        """A member that was not the first; None for one more than `MEMBERS`."""
        others = self.others
        if others is None:
            others = self.others = {}
        member = others.get(account)
        if member is None and len(others) < MEMBERS - 1:
            member = others[account] = Member()
        return member

    def add(self, seen: Sighting, new: bool, member: Member | None) -> None:
        """Count one request of a member."""
        self.requests += 1
        self.asking += seen.traces.asks
        if member is not None:
            member.count(seen, new)
            if len(self.networks) < MIN_NETWORKS:
                self.networks = with_network(self.networks, seen.traces.network)

    def suspects(
        self, account: str, own: Member | None, accounts: int, after: int
    ) -> Sequence[str]:
        """Whom a request of `account`, which is the member `own`, is evidence against.

        At first that is nobody, then all the accounts that fed the stream, and once it is proven
        the account itself: one that comes new to it has no free requests.
        """
        if own is None or self.asking < ASKING * self.requests:
            return ()
        if self.proven:
            return (account,) if own.sent else ()
        if self.others is None or len(self) < accounts or own.sent < after:
            return ()
        members = {self.name: self, **self.others}
        names = [name for name, member in members.items() if member.sent >= after]
        feeding = [members[name] for name in names]
        unrelated = len({member.entity for member in feeding}) >= accounts
        self.proven = unrelated and hidden(feeding, self.networks)
        return names if self.proven else ()


class Payers:
    """Follows streams, one a family and payer.

    Args:
        families: streams that are remembered, with `MEMBERS_A_STREAM` accounts each on average.
    """

    def __init__(self, families: int) -> None:
        # not `Bounded`, whose calls cost more than everything else here
        self._streams: OrderedDict[tuple[int, int, str], _Stream] = OrderedDict()
        self._most, self._most_members = families, MEMBERS_A_STREAM * families
        self.members = 0

    def __len__(self) -> int:
        return len(self._streams)

    def see(self, seen: Sighting, new: bool, accounts: int, after: int) -> Sequence[str]:
        """Take one request in; name the accounts that there is evidence against.

        Args:
            seen: the request.
            new: whether nobody sent the same body lately.
            accounts: unrelated accounts that it takes.
            after: requests that each must have sent.
        """
        payer, account = seen.payer, seen.account
        if payer is None:
            return ()
        found: Sequence[str] = ()
        streams = self._streams
        for kind, key in seen.traces.families:
            if kind not in KINDS:
                continue
            name = (kind, key, payer)
            stream = streams.get(name)
            if stream is None:
                stream = streams[name] = _Stream(name=account)
                self.members += 1
                if len(streams) > self._most or self.members > self._most_members:
                    self._forget()
            else:
                streams.move_to_end(name)  # the newest again
            member: Member | None = stream
            if account != stream.name:
                before = len(stream)
                member = stream.other(account)
                self.members += len(stream) - before
                if self.members > self._most_members:
                    self._forget()
            stream.add(seen, new, member)
            # one account alone is no evidence
            if stream.others and (suspects := stream.suspects(account, member, accounts, after)):
                found = [*found, *suspects]
        return found

    def _forget(self) -> None:
        """Let the oldest streams go until what is left is within bounds."""
        streams = self._streams
        while len(streams) > 1 and (len(streams) > self._most or self.members > self._most_members):
            self.members -= len(streams.popitem(last=False)[1])
