"""Accounts that one payer pays for and that work from one place, though they declare nothing.

Agencies with an account for each client, resellers and teams look like this. Nothing that they send
needs to be alike, and no test of what they send finds them; that they belong together is seen from
what is known about them, and it is nothing against them. So they are `pooled` at most, whatever
they send, and no error rate stands behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import MIN_ACCOUNTS, Candidate
from stillwatch.campaigns.coding import among, coded, most_often
from stillwatch.campaigns.concealment import MOST

if TYPE_CHECKING:
    import pyarrow as pa

    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.evidence import Evidence

Ints = NDArray[np.int64]

HOME = 0.5
"""Share of an account's requests with a known network that its commonest one must have to be where
the account works: who works from an office is often elsewhere."""


@dataclass(frozen=True)
class OnePayer:
    """Accounts of one payer and one place.

    Attributes:
        accounts: sorted.
        network: commonest network of each.
        there: requests of each from it.
        located: requests of each from any known network.
    """

    accounts: Ints
    network: Ints
    there: Ints
    located: Ints

    @property
    def candidate(self) -> Candidate:
        """The accounts with all that they send."""
        return Candidate(self.accounts, ())

    def of(self, chosen: Ints) -> OnePayer:
        """The accounts at some places, ascending."""
        return OnePayer(
            self.accounts[chosen], self.network[chosen], self.there[chosen], self.located[chosen]
        )

    def holds(self, traits: Traits) -> bool:
        """Whether the accounts have one payer, one place and no organisation."""
        members = traits.of(self.accounts)
        one = len(np.unique(members.payment)) == 1 and len(np.unique(self.network)) == 1
        undeclared = (members.organization < 0) & (members.payment >= 0)
        at_home = self.there >= HOME * self.located
        return one and len(self.accounts) >= MIN_ACCOUNTS and bool((undeclared & at_home).all())


def one_payers(evidence: Evidence, traits: Traits, explained: Ints) -> list[OnePayer]:
    """Groups of accounts that one payer pays for, most of which work from one place.

    Args:
        evidence: the requests.
        traits: of all accounts.
        explained: accounts with a verdict of their own, which keep it.
    """
    paid = np.flatnonzero((traits.organization < 0) & (traits.payment >= 0))
    _, payer, accounts = coded(traits.payment[paid])
    several = accounts[payer] >= MIN_ACCOUNTS
    members, payer = traits.account[paid[several]], payer[several]
    known = among(members, explained)
    # the others of a payer say where it works, if enough are left to be a group
    left = (np.bincount(payer, ~known) >= MIN_ACCOUNTS)[payer]
    members, payer, known = members[left], payer[left], known[left]
    if not len(members):
        return []
    everyone = _homes(members, evidence.networks(members))
    found: list[OnePayer] = []
    order = np.argsort(payer, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(payer[order])) + 1):
        # a payer for strangers all over the world, such as a marketplace, has no place
        at_home = rows[everyone.there[rows] >= np.maximum(HOME * everyone.located[rows], 1)]
        places, index, counts = coded(everyone.network[at_home])
        if not len(places) or counts.max() < MOST * len(rows):
            continue
        together = at_home[index == int(np.argmax(counts))]
        if (group := everyone.of(together[~known[together]])).holds(traits):
            found.append(group)
    return sorted(found, key=lambda group: int(group.accounts[0]))


def _homes(accounts: Ints, places: pa.Table) -> OnePayer:
    """The commonest network of each of some accounts; none of an account without any."""
    # the engine gives them in any order, and of equals the smallest network counts
    places = places.sort_by([("network_key", "descending")])
    account, network, requests = (
        places.column(name).to_numpy() for name in ("account", "network_key", "requests")
    )
    at = np.searchsorted(accounts, account)
    located = np.bincount(at, requests, len(accounts)).astype(np.int64)
    return OnePayer(accounts, *most_often(at, network, requests, len(accounts)), located)
