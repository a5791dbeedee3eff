"""Which accounts of a group openly are one customer?

A company that spreads its work over accounts of its own pays for them all, or has them in its mail
domain. Account by account several such companies look like one queue: each account has its like in
the group. Between customers they do not, so a group must be one queue between customers, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from stillwatch.campaigns.concealment import PUBLIC_USERS

if TYPE_CHECKING:
    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.stream import Stream

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Customers:
    """What joins accounts to customers.

    Attributes:
        traits: of every account.
        domain_users: accounts by code of their e-mail domain.
    """

    traits: Traits
    domain_users: Ints

    @classmethod
    def of(cls, traits: Traits) -> Customers:
        """Count who uses which domain."""
        return cls(traits, np.bincount(traits.domain[traits.domain >= 0]))

    def among(self, accounts: Ints) -> Ints:
        """The customer of each account of a group, as codes from 0.

        Accounts are one customer's if they declare one organisation, pay by one means, or use one
        e-mail domain that hardly anybody outside the group uses; and so on from account to account.
        """
        members = self.traits.of(accounts)
        size = len(accounts)
        edges: list[tuple[Ints, Ints]] = []
        for codes in (members.organization, members.payment, self._private(members.domain)):
            known = np.flatnonzero(codes >= 0)
            _, first, index = np.unique(codes[known], return_index=True, return_inverse=True)
            edges.append((known, known[first[index]]))
        rows, columns = (np.concatenate(side) for side in zip(*edges, strict=True))
        graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(size, size))
        _, label = connected_components(graph, directed=False)
        found: Ints = label.astype(np.int64)
        return found

    def _private(self, domain: Ints) -> Ints:
        """The codes of domains that are a group's own; -1 for the others."""
        inside = np.bincount(domain[domain >= 0], minlength=len(self.domain_users))
        own = np.append(self.domain_users - inside < PUBLIC_USERS, False)
        return np.where(own[domain], domain, -1)


def by_customer(stream: Stream, accounts: Ints, customer: Ints) -> Stream:
    """The stream as if each customer were one account.

    Args:
        stream: requests of a group.
        accounts: of the group, sorted.
        customer: of each of them, by `Customers.among`.
    """
    return replace(stream, account=customer[np.searchsorted(accounts, stream.account)])
