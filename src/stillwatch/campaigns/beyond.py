"""A closer look at groups in question: what accounts do elsewhere, and those that no sample has.

A group's tests need a sample of its accounts, but each member must be one on its own evidence. So
once a group is in question, requests of its other accounts are read too: fewer of each, and in
chunks of accounts, each of which is compared within itself as the group's sample is. Accounts lie
in the order of their keyed hashes, so a chunk is as random a part of the group as the sample.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import Candidate
from stillwatch.campaigns.look import Look, compared
from stillwatch.campaigns.sampling import (
    FURTHER_REQUESTS,
    SAMPLE_ACCOUNTS,
    SAMPLE_REQUESTS,
    by_candidate,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.campaigns.evidence import Evidence
    from stillwatch.campaigns.sampling import Mined

Ints = NDArray[np.int64]

COMPANY = 200
"""Accounts that a chunk has at least, with some of the sample where fewer are left: an account is
judged by how often others agree, which a handful of them would not tell."""

MOST_LOOKS = 3
"""Groups in which an account is looked at beyond the sample: of many that overlap, the surest."""


def lacking(group: Mined) -> Ints:
    """The accounts of a group that its sample lacks, sorted."""
    return np.setdiff1d(group.candidate.accounts, group.sample.account)


def look_elsewhere(evidence: Evidence, groups: Sequence[Mined], known: Ints) -> list[Mined]:
    """The same groups with what sampled accounts send outside of the stream, in both halves.

    Args:
        evidence: the requests.
        groups: any.
        known: accounts that need no look; some are company for the others.
    """
    if not groups:
        return []
    candidates = []
    for group in groups:
        sampled = np.unique(group.sample.account)
        wanted = _in_company(np.setdiff1d(sampled, known), sampled)
        candidates.append(Candidate(wanted, group.candidate.families))
    found = evidence.sample(candidates, each=SAMPLE_REQUESTS, inside=False, outside=True)
    others = by_candidate(found.outside, len(groups))
    return [
        replace(group, elsewhere=compared(other))
        for group, other in zip(groups, others, strict=True)
    ]


def look_beyond(evidence: Evidence, groups: Sequence[Mined], known: Ints) -> list[Mined]:
    """The same groups with looks at the accounts that their samples lack.

    Args:
        evidence: the requests.
        groups: the surest first; an account is looked at in the first `MOST_LOOKS` that have it.
        known: accounts that need no look.
    """
    chunks = [
        (place, Candidate(chunk, group.candidate.families))
        for place, (group, accounts) in enumerate(zip(groups, _wanted(groups, known), strict=True))
        for chunk in _chunks(group, accounts)
    ]
    if not chunks:
        return list(groups)
    candidates = [candidate for _, candidate in chunks]
    found = evidence.sample(candidates, most=SAMPLE_ACCOUNTS, each=FURTHER_REQUESTS, outside=True)
    samples, others = (by_candidate(side, len(chunks)) for side in (found.inside, found.outside))
    looks: list[list[Look]] = [[] for _ in groups]
    for (place, _), sample, other in zip(chunks, samples, others, strict=True):
        looks[place].append(Look(sample, other).lean())
    return [replace(group, beyond=tuple(own)) for group, own in zip(groups, looks, strict=True)]


def _wanted(groups: Sequence[Mined], known: Ints) -> list[Ints]:
    """The accounts of each group to look at."""
    lacked = [np.setdiff1d(lacking(group), known) for group in groups]
    everyone = np.unique(np.concatenate([known[:0], *lacked]))
    looks = np.zeros(len(everyone), dtype=np.int64)
    found = []
    for accounts in lacked:
        place = np.searchsorted(everyone, accounts)
        found.append(accounts[looks[place] < MOST_LOOKS])
        looks[place] += 1
    return found


def _chunks(group: Mined, accounts: Ints) -> list[Ints]:
    """Accounts in equal parts of at most `SAMPLE_ACCOUNTS`, each in company."""
    if not len(accounts):
        return []
    accounts = _in_company(accounts, np.unique(group.sample.account))
    return np.array_split(accounts, -(-len(accounts) // SAMPLE_ACCOUNTS))


def _in_company(accounts: Ints, sampled: Ints) -> Ints:
    """Some accounts of a group, with as many sampled ones as they lack to be `COMPANY`."""
    others = np.setdiff1d(sampled, accounts)
    return np.union1d(accounts, others[max(0, len(others) + len(accounts) - COMPANY) :])
