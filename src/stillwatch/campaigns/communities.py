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
from scipy import stats
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from stillwatch.campaigns.candidates import MIN_ACCOUNTS, Candidate, Family

if TYPE_CHECKING:
    from collections.abc import Sequence

Ints = NDArray[np.int64]

CHANCE = 0.01
"""P-value of two candidates' accounts in common under independence, up to which they are joined:
two templates of five accounts each among thousands have one in common about as often. A false join
costs nothing but a look: what is joined is split again, and the testing half decides."""

MIN_HELD = 2
"""Candidates of a community that one of its accounts must be in: one may be chance."""


def communities(candidates: Sequence[Candidate], population: int) -> list[Candidate]:
    """Join overlapping candidates; those that overlap with none are left out.

    Linear in the candidates' sizes times the candidates that an account is in.

    Args:
        candidates: families that each look more like a queue than like people.
        population: number of accounts that a candidate's could have been drawn from.
    """
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for index, candidate in enumerate(candidates):
        for account in candidate.accounts.tolist():
            holders[account].append(index)
    shared: Counter[tuple[int, int]] = Counter()
    for indices in holders.values():
        shared.update((a, b) for i, a in enumerate(indices) for b in indices[i + 1 :])
    sizes = [len(candidate.accounts) for candidate in candidates]
    pairs = sorted(shared)
    chance = stats.hypergeom.sf(
        np.array([shared[pair] - 1 for pair in pairs]),
        population,
        np.array([sizes[a] for a, _ in pairs]),
        np.array([sizes[b] for _, b in pairs]),
    )
    edges = [pair for pair, p in zip(pairs, chance, strict=True) if p <= CHANCE]
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
