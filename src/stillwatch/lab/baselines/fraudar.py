"""FRAUDAR: the densest block of accounts and objects, with popular objects worth little.

Hooi, Song, Beutel, Shah, Shin and Faloutsos, "FRAUDAR: Bounding Graph Fraud in the Face of
Camouflage", KDD 2016. Edges weigh 1 / log(degree of the object + 5); nodes are peeled greedily, the
least suspicious first, and the block with the largest mean suspiciousness on the way is kept. Its
edges are taken out and the next block is looked for.

Objects here are the client's network, the system prompt and the prompt's opening and closing words.
The paper leaves open how many blocks to accuse: here those at least half as dense as the first.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.lab.baselines.columns import Bools, Floats, Ints, charges, coded, network, pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BLOCKS = 10
RELATIVE_DENSITY = 0.5
"""Of the first block, that a later block needs to be accused."""

MIN_BLOCK = 4
"""Accounts of the smallest block that is accused."""

_HEAD = r"^(?P<part>(?:\S+\s+){0,7}\S+)"
_TAIL = r"(?P<part>\S+(?:\s+\S+){0,7})\s*$"


def accuse(requests: pa.Table, accounts: pa.Table | None) -> pa.Table:  # noqa: ARG001
    """Accuse the accounts of the densest blocks; the score is the block's density."""
    account = coded(requests.column("account_id"))
    prompt = requests.column("prompt")
    columns = (
        network(requests.column("client_address")),
        requests.column("system_prompt"),
        pc.struct_field(pc.extract_regex(prompt, _HEAD), "part"),
        pc.struct_field(pc.extract_regex(prompt, _TAIL), "part"),
    )
    rows, things, offset = [], [], 0
    for column in columns:
        thing = coded(column)
        a, b = pairs(account.codes, thing.codes)
        rows.append(a)
        things.append(b + offset)
        offset += len(thing)
    score = block_scores(np.concatenate(rows), np.concatenate(things), len(account))
    return charges(account.values, score, score > 0)


def block_scores(account: Ints, thing: Ints, size: int) -> Floats:
    """Density of the densest accused block that each account is in; 0 for none.

    Args:
        account: account of each distinct edge, as codes from 0.
        thing: its object, likewise.
        size: number of accounts.
    """
    score = np.zeros(size)
    first = None
    for members, density in blocks(account, thing, size):
        first = density if first is None else first
        if density < RELATIVE_DENSITY * first:
            break
        if len(members) >= MIN_BLOCK:
            score[members] = np.maximum(score[members], density)
    return score


def blocks(account: Ints, thing: Ints, size: int) -> Iterator[tuple[Ints, float]]:
    """The densest blocks one after another, each with its accounts and density."""
    shared = np.bincount(thing)[thing] > 1 if len(thing) else np.zeros(0, dtype=bool)
    account, thing = account[shared], thing[shared]
    for _ in range(MAX_BLOCKS):
        if not len(account):
            return
        thing = np.unique(thing, return_inverse=True)[1]
        inside, density = _densest(account, thing, size)
        within = inside[account] & inside[size + thing]
        yield np.flatnonzero(inside[:size]), density
        account, thing = account[~within], thing[~within]


def _densest(account: Ints, thing: Ints, size: int) -> tuple[Bools, float]:
    """Greedy peeling, O(edges log nodes): which nodes are in the block, and its density."""
    weight = 1.0 / np.log(np.bincount(thing)[thing] + 5.0)
    nodes = size + int(thing.max()) + 1
    left = np.concatenate([account, thing + size])
    right = np.concatenate([thing + size, account])
    weights = np.concatenate([weight, weight])
    order = np.argsort(left, kind="stable")
    right_list, weight_list = right[order].tolist(), weights[order].tolist()
    starts = np.searchsorted(left[order], np.arange(nodes + 1)).tolist()
    worth = np.bincount(left, weights, nodes).tolist()
    alive = [worth[node] > 0 for node in range(nodes)]
    heap = [(worth[node], node) for node in range(nodes) if alive[node]]
    heapq.heapify(heap)
    total, count = float(weight.sum()), len(heap)
    best, best_left, removed = total / count, count, []
    while count > 1:
        value, node = heapq.heappop(heap)
        if not alive[node] or value > worth[node]:
            continue
        alive[node] = False
        removed.append(node)
        total -= worth[node]
        count -= 1
        for edge in range(starts[node], starts[node + 1]):
            other = right_list[edge]
            if alive[other]:
                worth[other] -= weight_list[edge]
                heapq.heappush(heap, (worth[other], other))
        if total / count > best:
            best, best_left = total / count, count
    inside = np.zeros(nodes, dtype=bool)
    inside[np.unique(left)] = True
    inside[removed[: int(inside.sum()) - best_left]] = False
    return inside, best
