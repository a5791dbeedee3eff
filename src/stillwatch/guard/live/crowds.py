"""Do many unrelated accounts that few payers pay for feed one template with work to be reasoned?

An operator with several cards gives each to a few accounts, too few for `payers`. Over all of them,
one template, no item twice, several accounts to a payer and hiding are still what a popular
application lacks, whose users pay by themselves.

An innocent customer triggers it by paying, with a few cards, for many clients' accounts that one
application made for homework or reviews serves, as a reseller to schools would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stillwatch.guard.bounded import Bounded
from stillwatch.guard.live.payers import ASKING, KINDS, MEMBERS, Member, hidden, with_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.guard.live.sighting import Sighting

CROWD = 8
"""Unrelated accounts from which a template is a crowd's: a team that hides nothing is smaller."""

NEW = 0.95
"""Share of a crowd's requests whose body nobody sent lately; the users of one application come
with the same things now and then (0.89 of the lab's), benchmarks and viral prompts always."""

ACCOUNTS_A_PAYER = 2.5
"""Accounts to a payer on average; an application's users pay alone as a rule (1.2 in the lab)."""

MEMBERS_A_CROWD = 4
"""Accounts remembered for each template on average, as `payers.MEMBERS_A_STREAM`."""


class _Payee(Member, gc=False):
    payer: str = ""


class _Crowd(msgspec.Struct, gc=False):
    """What all accounts send of one template, and for how many of them each payer pays."""

    members: dict[str, _Payee]
    paid: dict[str, int]
    networks: tuple[int, ...] = ()
    requests: int = 0
    asking: int = 0
    new: int = 0
    proven: bool = False

    def add(self, seen: Sighting, new: bool) -> _Payee | None:
        """Count one request; the member that sent it, None for one more than `MEMBERS`."""
        self.requests += 1
        self.asking += seen.traces.asks
        self.new += new
        member = self.members.get(seen.account)
        if member is None:
            if len(self.members) >= MEMBERS:
                return None
            payer = seen.payer or seen.account  # who names no payer pays alone
            member = self.members[seen.account] = _Payee(payer=payer)
            self.paid[payer] = self.paid.get(payer, 0) + 1
        member.count(seen, new)
        self.networks = with_network(self.networks, seen.traces.network)
        return member

    def suspects(self, account: str, own: _Payee | None, after: int) -> Sequence[str]:
        """Whom a request of `account`, which is the member `own`, is evidence against.

        Whoever pays alone is none of them, whatever others do with the template.
        """
        if own is None or self.asking < ASKING * self.requests or self.new < NEW * self.requests:
            return ()
        if self.paid[own.payer] < 2:
            return ()
        if self.proven:
            return (account,) if own.sent else ()
        if len(self.members) < max(CROWD, ACCOUNTS_A_PAYER * len(self.paid)) or own.sent < after:
            return ()
        found = {
            name: member
            for name, member in self.members.items()
            if member.sent >= after and self.paid[member.payer] > 1
        }
        unrelated = len({member.entity for member in found.values()}) >= CROWD
        self.proven = unrelated and hidden(found.values(), self.networks)
        return list(found) if self.proven else ()


class Crowds:
    """Follows templates.

    Args:
        families: templates that are remembered, with `MEMBERS_A_CROWD` accounts each on average.
    """

    def __init__(self, families: int) -> None:
        self._crowds: Bounded[tuple[int, int], _Crowd] = Bounded(families)
        self._most, self._most_members = families, MEMBERS_A_CROWD * families
        self.members = 0

    def __len__(self) -> int:
        return len(self._crowds)

    def see(self, seen: Sighting, new: bool, after: int) -> Sequence[str]:
        """Take one request in; name the accounts that there is evidence against.

        Args:
            seen: the request.
            new: whether nobody sent the same body lately.
            after: requests that each must have sent.
        """
        found: Sequence[str] = ()
        for family in seen.traces.families:
            if family[0] not in KINDS:
                continue
            crowd = self._crowds.get(family)
            if crowd is None:
                crowd = _Crowd({}, {})
                if len(self._crowds) >= self._most:
                    self._forget()
            self._crowds.put(family, crowd)  # the newest again
            before = len(crowd.members)
            member = crowd.add(seen, new)
            self.members += len(crowd.members) - before
            while self.members > self._most_members and len(self._crowds) > 1:
                self._forget()
            if suspects := crowd.suspects(seen.account, member, after):
                found = [*found, *suspects]
        return found

    def _forget(self) -> None:
        self.members -= len(self._crowds.forget().members)
