"""SynchroTrap: accounts that act alike at about the same time, over and over.

Cao, Yang, Yu and Palow, "Uncovering Large Groups of Active Malicious Accounts in Online Social
Networks", CCS 2014. Two actions match if they are on the same object within the same time window;
the similarity of two accounts is the Jaccard index of their actions; accounts over a similarity
threshold are clustered by single linkage. The paper ran it per application with objects such as the
page liked or the client's address, a similarity of at least one half, and windows that slide by
half their length, so that actions just across a border still meet.

Here the objects of a request are, one application each: the client's network, the system prompt and
the prompt's opening words.

Where it stops: pairs of accounts are counted per (object, window) cell, which costs the square of a
cell's accounts; cells with more than `MAX_CELL` accounts are cut to the first by name, as the paper
divides its largest jobs, and there are never more pairs than `MAX_PAIRS` at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stillwatch.lab.baselines.columns import Ints, charges, coded, network, pairs, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW = 3600
"""Seconds within which two actions match."""

SIMILARITY = 0.5
"""Jaccard index from which two accounts are joined."""

MIN_CLUSTER = 5
"""Accounts of the smallest cluster that is accused. The paper reports clusters of hundreds; that
would leave nothing to find in a log of this size."""

MIN_ACTIONS = 5
"""Actions that an account needs: with fewer, half of them match by chance."""

MAX_CELL = 200
MAX_PAIRS = 4_000_000

_HEAD = r"^(?P<head>(?:\S+\s+){0,7}\S+)"


def accuse(requests: pa.Table, accounts: pa.Table | None) -> pa.Table:  # noqa: ARG001
    """Accuse the members of large clusters of any application; the score is the cluster's size."""
    account = coded(requests.column("account_id"))
    when = seconds(requests)
    head = pc.struct_field(pc.extract_regex(requests.column("prompt"), _HEAD), "head")
    applications = (
        network(requests.column("client_address")),
        requests.column("system_prompt"),
        head,
    )
    size = np.zeros(len(account), dtype=np.int64)
    for objects in applications:
        cluster = clusters(account.codes, coded(objects).codes, when, len(account))
        size = np.maximum(size, np.bincount(cluster, minlength=1)[cluster])
    return charges(account.values, size, size >= MIN_CLUSTER)


def clusters(
    account: Ints,
    thing: Ints,
    when: Ints,
    size: int,
    *,
    window: int = WINDOW,
    min_actions: int = MIN_ACTIONS,
) -> Ints:
    """Cluster accounts by single linkage over similar (object, window) actions.

    Args:
        account: code of the account of each action, below `size`.
        thing: code of its object, -1 for none.
        when: Unix seconds.
        size: number of accounts.
        window: seconds.
        min_actions: actions an account needs to be compared.

    Returns:
        The cluster of each account; accounts that are like nobody have one of their own.
    """
    edges: list[Ints] = []
    for shift in (0, window // 2):
        slot = (when - when.min(initial=0) + shift) // window
        who, cell = _cells(account, thing, slot, min_actions, size)
        edges.extend(_similar(who, cell, size))
    rows, columns = np.concatenate([np.zeros((2, 0), dtype=np.int64), *edges], axis=1)
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _cells(
    account: Ints, thing: Ints, slot: Ints, min_actions: int, size: int
) -> tuple[Ints, Ints]:
    """Distinct (account, cell) rows ordered by cell, of accounts with enough of them."""
    place, who = pairs(np.where(thing >= 0, thing * (slot.max(initial=0) + 1) + slot, -1), account)
    enough = np.bincount(who, minlength=size) >= min_actions
    keep = enough[who]
    return who[keep], np.unique(place[keep], return_inverse=True)[1]


def _similar(who: Ints, cell: Ints, size: int) -> Iterator[Ints]:
    """Pairs of accounts whose Jaccard index reaches the threshold."""
    degree = np.bincount(who, minlength=size)
    starts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]]) if len(cell) else cell
    sizes = np.minimum(np.diff(np.r_[starts, len(cell)]), MAX_CELL)
    counted = np.zeros(0, dtype=np.int64)
    counts = np.zeros(0, dtype=np.int64)
    pending: list[Ints] = []
    held = 0
    for start, length in zip(starts.tolist(), sizes.tolist(), strict=True):
        if length < 2:
            continue
        first, second = np.triu_indices(length, 1)
        pending.append(who[start + first] * size + who[start + second])
        held += len(first)
        if held >= MAX_PAIRS:
            counted, counts = _add(counted, counts, pending)
            pending, held = [], 0
    counted, counts = _add(counted, counts, pending)
    a, b = counted // size, counted % size
    alike = counts >= SIMILARITY * (degree[a] + degree[b] - counts)
    yield np.stack([a[alike], b[alike]])


def _add(counted: Ints, counts: Ints, pending: list[Ints]) -> tuple[Ints, Ints]:
    if not pending:
        return counted, counts
    new, times = np.unique(np.concatenate(pending), return_counts=True)
    total, inverse = np.unique(np.concatenate([counted, new]), return_inverse=True)
    return total, np.bincount(inverse, np.concatenate([counts, times])).astype(np.int64)
