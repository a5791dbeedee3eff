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


class _Stream(msgspec.Struct, gc=False):
    """What one payer's accounts send of one family, since the payer has several."""

    members: dict[str, Member]
    networks: tuple[int, ...] = ()
    requests: int = 0
    asking: int = 0
    proven: bool = False

    def add(self, seen: Sighting, new: bool) -> Member | None:
        """Count one request; the member that sent it, None for one more than `MEMBERS`."""
        self.requests += 1
        self.asking += seen.traces.asks
        member = self.members.get(seen.account)
        if member is None:
            if len(self.members) >= MEMBERS:
                return None
            member = self.members[seen.account] = Member()
        member.count(seen, new)
        self.networks = with_network(self.networks, seen.traces.network)
        return member

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
        if len(self.members) < accounts or own.sent < after:
            return ()
        found = {name: member for name, member in self.members.items() if member.sent >= after}
        unrelated = len({member.entity for member in found.values()}) >= accounts
        self.proven = unrelated and hidden(found.values(), self.networks)
        return list(found) if self.proven else ()


class Payers:
    """Follows streams, one a family and payer.

    Most payers have one account, and one account alone is no evidence: of such a payer only the
    account's name is remembered, which makes a decision cheaper. What it sent before the payer's
    second account came is not counted.

    Args:
        families: streams that are remembered, with `MEMBERS_A_STREAM` accounts each on average,
            and as many payers.
    """

    def __init__(self, families: int) -> None:
        # not `Bounded`, whose calls cost more than everything else here
        self._payers: OrderedDict[str, str | None] = OrderedDict()
        self._streams: OrderedDict[tuple[int, int, str], _Stream] = OrderedDict()
        self._most, self._most_members = families, MEMBERS_A_STREAM * families
        self.members = 0

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def payers(self) -> int:
        """Payers that are remembered."""
        return len(self._payers)

    def see(self, seen: Sighting, new: bool, accounts: int, after: int) -> Sequence[str]:
        """Take one request in; name the accounts that there is evidence against.

        Args:
            seen: the request.
            new: whether nobody sent the same body lately.
            accounts: unrelated accounts that it takes.
            after: requests that each must have sent.
        """
        payer = seen.payer
        if payer is None or self._alone(payer, seen.account):
            return ()
        found: Sequence[str] = ()
        streams = self._streams
        for kind, key in seen.traces.families:
            if kind not in KINDS:
                continue
            name = (kind, key, payer)
            stream = streams.get(name)
            if stream is None:
                stream = streams[name] = _Stream({})
            else:
                streams.move_to_end(name)  # the newest again
            before = len(stream.members)
            member = stream.add(seen, new)
            self.members += len(stream.members) - before
            self._forget()
            if suspects := stream.suspects(seen.account, member, accounts, after):
                found = [*found, *suspects]
        return found

    def _alone(self, payer: str, account: str) -> bool:
        """Whether this is the only account of its payer so far."""
        payers = self._payers
        known = payers.setdefault(payer, account)
        payers.move_to_end(payer)
        if known == account:
            if len(payers) > self._most:
                payers.popitem(last=False)
            return True
        payers[payer] = None
        return False

    def _forget(self) -> None:
        """Let the oldest streams go until what is left is within bounds."""
        streams = self._streams
        while len(streams) > 1 and (len(streams) > self._most or self.members > self._most_members):
            self.members -= len(streams.popitem(last=False)[1].members)
