"""Samples of requests: of whole customers, of candidates' streams, and of what is outside of these.

Tests are made on samples. Which requests are in one is decided by keyed hashes, never by chance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import Candidate, Family
from stillwatch.campaigns.coding import sorted_by_owner
from stillwatch.campaigns.look import Look
from stillwatch.signals.families import WORDLESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

    from stillwatch.campaigns.evidence import Evidence
    from stillwatch.campaigns.exercise import Exercise
    from stillwatch.campaigns.stream import Stream

Ints = NDArray[np.int64]

SAMPLE_REQUESTS = 60
"""Sampled requests of an account and half: the error of R falls little beyond."""

FURTHER_REQUESTS = 30
"""Sampled requests of an account and half beyond the sample. Of the members that 60 show, 30 show
99 in 100, and 6 half: an account that is no person has to lack agreements that a person would have.
By 20, one of 17 honest accounts in a group was accused that 30 and 60 do not accuse."""

SAMPLE_ACCOUNTS = 1000
"""Sampled accounts of a candidate: enough for any p-value that is believed. The others of a group
in question are looked at beyond the sample."""

CROWD_ACCOUNTS = 4000
"""Sampled accounts of a crowd that shares no words, or of a pool of templates, of which a queue is
a small part."""

WHOLE = 2 / 3
"""Share of the sampled accounts of a pool in a part of it, from which on those that were not
sampled are taken for the part's as well: each still has to be a member on its own evidence."""

POPULATION_ACCOUNTS = 2000
"""Sampled whole customers."""

COMPARED_ACCOUNTS = 300
"""Others of a crowd that are kept, to compare with them what a part's accounts do elsewhere: among
themselves, accounts whose cover comes from one source look like many people each."""


@dataclass(frozen=True)
class Mined:
    """A candidate with what is needed to test and describe it.

    Attributes:
        candidate: accounts and families.
        sample: sampled requests of both halves.
        counts: requests of each account of the candidate in its stream, int64[accounts, 2]:
            mining half, testing half.
        found_by: what the accounts have in common, for people.
        elsewhere: sampled other requests of the accounts and, of a part of a crowd, of some others
            in it; None where nobody has looked.
        beyond: looks at the accounts that the sample lacks; none where nobody has looked.
        exercise: what some of its accounts at full length show; None where nobody has looked.
        joins: whether it may only add accounts to a campaign, and not be one.
        around: accounts of the group that it grew around, sorted, to whose campaign alone it may
            add accounts; None of a group that did not grow.
    """

    candidate: Candidate
    sample: Stream
    counts: Ints
    found_by: str
    elsewhere: Stream | None = None
    beyond: tuple[Look, ...] = ()
    exercise: Exercise | None = None
    joins: bool = False
    around: Ints | None = None

    @property
    def anchor(self) -> Ints:
        """The accounts by which it is seen what the group is a part of."""
        return self.candidate.accounts if self.around is None else self.around

    @property
    def looks(self) -> tuple[Look, ...]:
        """All looks at its accounts, the sample that it was tested on first."""
        return (Look(self.sample, self.elsewhere), *self.beyond)

    @property
    def bodies(self) -> Ints:
        """Bodies of all requests that were sampled in its stream."""
        return np.concatenate([look.sample.body for look in self.looks])

    @property
    def wordless(self) -> bool:
        """Whether the accounts share no words, so that use of words is no evidence."""
        return all(family.kind in WORDLESS for family in self.candidate.families)


def population_sample(evidence: Evidence, accounts: Ints) -> Stream:
    """Requests of whole customers; which ones is decided by their keyed hashes."""
    # the first by their hashes are as random as any, and lie together
    chosen = Candidate(np.sort(accounts)[:POPULATION_ACCOUNTS], ())
    found = evidence.sample([chosen], each=SAMPLE_REQUESTS, inside=False, outside=True)
    return by_candidate(found.outside, 1)[0]


def look(
    evidence: Evidence, candidates: list[Candidate], found_by: str, most: int
) -> Iterator[Mined]:
    """The candidates with counts and samples of their streams, in order."""
    if not candidates:
        return
    found = evidence.sample(candidates, most=most, each=SAMPLE_REQUESTS)
    halves = _halves(found.counts, candidates)
    for i, sample in one_by_one(found.inside):
        yield Mined(candidates[i], sample, halves(i), found_by)


def crowd_of(evidence: Evidence, accounts: Ints, family: Family, found_by: str) -> Mined:
    """Accounts that share no words, with what they send in the family and outside of it."""
    candidate = Candidate(accounts, (family,))
    found = evidence.sample([candidate], most=CROWD_ACCOUNTS, each=SAMPLE_REQUESTS, outside=True)
    (inside,), (outside,) = (by_candidate(side, 1) for side in (found.inside, found.outside))
    full = _halves(found.counts, [candidate])(0)
    return Mined(candidate, inside, full, found_by, outside.copy())


def _halves(counts: pa.Table, candidates: list[Candidate]) -> Callable[[int], Ints]:
    """The counts of each candidate, as in `Mined`."""
    of = counts.column("candidate").to_numpy()
    who = counts.column("account").to_numpy()
    halves = np.stack([counts.column(n).to_numpy() for n in ("mined", "tested")], axis=1)
    order = np.lexsort((who, of))
    of, who, halves = of[order], who[order], halves[order]
    starts = np.searchsorted(of, np.arange(len(candidates) + 1))

    def counted(place: int) -> Ints:
        rows = slice(starts[place], starts[place + 1])
        full = np.zeros((len(candidates[place].accounts), 2), dtype=np.int64)
        full[np.searchsorted(candidates[place].accounts, who[rows])] = halves[rows]
        return full

    return counted


def part_of(mined: Mined, accounts: Ints) -> Mined:
    """A group cut down to some of its accounts; of the others, some to compare topics with."""
    sampled = np.unique(mined.sample.account)
    others = np.setdiff1d(sampled, accounts)
    others = others[:: max(1, len(others) // COMPARED_ACCOUNTS)][:COMPARED_ACCOUNTS]
    keep = np.isin(mined.candidate.accounts, accounts)
    if not mined.wordless and len(accounts) >= WHOLE * len(sampled):
        keep |= ~np.isin(mined.candidate.accounts, sampled)
    return replace(
        mined,
        candidate=Candidate(mined.candidate.accounts[keep], mined.candidate.families),
        sample=mined.sample.of_accounts(accounts),
        counts=mined.counts[keep],
        elsewhere=mined.elsewhere and mined.elsewhere.of_accounts(np.union1d(accounts, others)),
    )


def one_by_one(samples: Iterable[tuple[Ints, Stream]]) -> Iterator[tuple[int, Stream]]:
    """Candidates and their sampled requests: a view of what was read together, to copy or let go.

    Args:
        samples: a few candidates at a time, each with all its requests.
    """
    for of, stream in map(in_order, samples):
        found, starts = np.unique(of, return_index=True)
        for i, rows in zip(found.tolist(), pairwise([*starts.tolist(), len(of)]), strict=True):
            yield i, stream.take(slice(*rows))


def by_candidate(samples: Iterable[tuple[Ints, Stream]], candidates: int) -> list[Stream]:
    """The sampled requests of each candidate."""
    found: dict[int, Stream] = {}
    for of, stream in map(in_order, samples):
        ends = np.searchsorted(of, np.arange(candidates + 1))
        for i in range(candidates):
            if ends[i] < ends[i + 1] or i not in found:
                found[i] = stream.take(slice(ends[i], ends[i + 1]))
    return [found[i] for i in range(candidates)]


def in_order(sampled: tuple[Ints, Stream]) -> tuple[Ints, Stream]:
    """Requests and their candidates in a fixed order, whatever order they come in."""
    candidate, stream = sampled
    order = sorted_by_owner(candidate, stream.account, stream.body, stream.request)
    return candidate[order], stream.take(order)
