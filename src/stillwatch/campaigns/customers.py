"""Which accounts of a group openly are one customer?

A company that spreads its work over accounts of its own makes no secret of it. Account by account
several such companies look like one queue: each account has its like in the group. Between
customers they do not, so a group must be one queue between customers, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from stillwatch.campaigns.coding import sorted_rows
from stillwatch.campaigns.concealment import PUBLIC_USERS, codes_of, judge_concealment
from stillwatch.campaigns.sampling import SAMPLE_REQUESTS

if TYPE_CHECKING:
    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.stream import Stream

Ints = NDArray[np.int64]


def customers_among(accounts: Ints, traits: Traits, stream: Stream) -> Ints:
    """The customer of each account of a group, as codes from 0.

    Accounts that declare one organisation, one company's domain or one payer are one customer if,
    judged as a group of their own, they are in the open.

    Args:
        accounts: of the group, sorted.
        traits: of all accounts.
        stream: requests of the group.
    """
    label = _related(accounts, traits)
    for one in np.flatnonzero(np.bincount(label) > 1):
        members = accounts[label == one]
        sent = stream.of_accounts(members)
        networks, clients = codes_of(sent.network), codes_of(sent.client)
        if not judge_concealment(members, traits, networks, clients).open_structure:
            label[label == one] = label.max() + 1 + np.arange(len(members))
    _, found = np.unique(label, return_inverse=True)
    codes: Ints = found.astype(np.int64)
    return codes


def _related(accounts: Ints, traits: Traits) -> Ints:
    at = np.searchsorted(traits.account, accounts)
    if "email_domain" not in traits.available:
        company = traits.payment[at]
    else:
        paid = "payment_fingerprint" in traits.available
        own = (traits.company if paid else traits.domain)[at]
        company = np.where(traits.strangers(accounts) < PUBLIC_USERS, own, -1)
    edges: list[tuple[Ints, Ints]] = []
    for codes in (traits.organization[at], company):
        known = np.flatnonzero(codes >= 0)
        _, first, index = np.unique(codes[known], return_index=True, return_inverse=True)
        edges.append((known, known[first[index]]))
    rows, columns = (np.concatenate(side) for side in zip(*edges, strict=True))
    size = len(accounts)
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    found: Ints = label.astype(np.int64)
    return found


def by_customer(stream: Stream, accounts: Ints, customer: Ints) -> Stream:
    """The stream as if each customer were one account, sampled as an account is.

    Args:
        stream: requests of a group.
        accounts: of the group, sorted.
        customer: of each of them, by `customers_among`.
    """
    owner = customer[np.searchsorted(accounts, stream.account)]
    order = sorted_rows(owner, stream.body, stream.request)
    return replace(stream, account=owner).take(order).first(SAMPLE_REQUESTS)
