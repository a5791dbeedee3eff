"""Exact-match linking: accounts that share a payer, a network or a TLS fingerprint are one cluster.

The rule of Glasswally and tools like it: connected components over equal values. Values that a
large part of all accounts share are left out, or everybody is one cluster through a popular client.
A cluster that is one declared organisation is not accused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stillwatch.lab.baselines.columns import Ints, charges, coded, network, pairs, trait

if TYPE_CHECKING:
    import pyarrow as pa

COMMON = 0.02
"""Share of accounts from which on a value is too popular to link by."""

MIN_CLUSTER = 5
"""Accounts of the smallest cluster that is accused."""


def accuse(requests: pa.Table, accounts: pa.Table | None) -> pa.Table:
    """Accuse the members of large clusters; the score is the cluster's size."""
    account = coded(requests.column("account_id"))
    size = len(account)
    everyone = np.arange(size)
    links = [
        pairs(account.codes, coded(network(requests.column("client_address"))).codes),
        pairs(account.codes, coded(requests.column("tls_fingerprint")).codes),
        pairs(everyone, coded(trait(accounts, account.values, "payment_fingerprint")).codes),
        pairs(everyone, coded(network(trait(accounts, account.values, "signup_address"))).codes),
    ]
    cluster = _components(size, [_rare(*link, size) for link in links])
    organisation = coded(trait(accounts, account.values, "organization_id")).codes
    entity = np.where(organisation >= 0, organisation, everyone + len(organisation))
    entities = np.bincount(pairs(cluster, entity)[0], minlength=cluster.max(initial=0) + 1)
    members = np.bincount(cluster, minlength=len(entities))[cluster]
    return charges(account.values, members, (entities[cluster] > 1) & (members >= MIN_CLUSTER))


def _rare(account: Ints, value: Ints, size: int) -> tuple[Ints, Ints]:
    popular = np.bincount(value) > max(2, COMMON * size)
    keep = ~popular[value] if len(value) else np.zeros(0, dtype=bool)
    return account[keep], value[keep]


def _components(size: int, links: list[tuple[Ints, Ints]]) -> Ints:
    """Connected components of accounts over the bipartite graphs of accounts and values."""
    rows, columns, offset = [], [], size
    for account, value in links:
        rows.append(account)
        columns.append(value + offset)
        offset += int(value.max(initial=-1)) + 1
    row, column = np.concatenate(rows), np.concatenate(columns)
    graph = coo_array((np.ones(len(row), dtype=np.int8), (row, column)), shape=(offset, offset))
    return np.asarray(connected_components(graph, directed=False)[1][:size], dtype=np.int64)
