"""Candidates that overlap are parts of one larger thing.

An operator with a pool of templates gives each account a few of them, so each template alone shows
a handful of accounts and too little evidence. Families whose accounts overlap, and of which each
looks more like a queue than like people, are joined into one candidate.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from stillwatch.campaigns.candidates import MIN_ACCOUNTS, Candidate, Family

if TYPE_CHECKING:
    from collections.abc import Sequence

Ints = NDArray[np.int64]

OVERLAP = 0.3
"""Share of the smaller candidate's accounts that two candidates have in common to be joined."""

MIN_SHARED = 3
"""Accounts in common, at least: two may be chance."""

MIN_HELD = 2
"""Candidates of a community that one of its accounts must be in: one may be chance."""


def communities(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Join overlapping candidates; those that overlap with none are left out.

    Linear in the candidates' sizes times the candidates that an account is in.
    """
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for index, candidate in enumerate(candidates):
        for account in candidate.accounts.tolist():
            holders[account].append(index)
    shared: Counter[tuple[int, int]] = Counter()
    for indices in holders.values():
        shared.update((a, b) for i, a in enumerate(indices) for b in indices[i + 1 :])
    edges = [
        (a, b)
        for (a, b), count in sorted(shared.items())
        if count >= MIN_SHARED
        and count >= OVERLAP * min(len(candidates[a].accounts), len(candidates[b].accounts))
    ]
    if not edges:
        return []
    rows, columns = np.array(edges).T
    size = len(candidates)
    graph = coo_matrix((np.ones(len(edges)), (rows, columns)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(size):
        members[int(label[index])].append(index)
    joined = [_join([candidates[i] for i in group]) for group in members.values() if len(group) > 1]
    return [candidate for candidate in joined if len(candidate.accounts) >= MIN_ACCOUNTS]


def _join(parts: Sequence[Candidate]) -> Candidate:
    accounts, counts = np.unique(np.concatenate([p.accounts for p in parts]), return_counts=True)
    families: dict[tuple[int, int], Family] = {
        (f.kind, f.key): f for part in parts for f in part.families
    }
    return Candidate(accounts[counts >= MIN_HELD], tuple(families.values()))
