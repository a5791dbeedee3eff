"""From sketches to the few groups worth testing, on the mining half of the evidence only.

The order is: families and their cores; streams of the cores; a first look at whether these are
people, on the mining half; then one more group from requests that share no words but ask for
reasoning or grading, among accounts that nothing else explains. What comes out has not been tested:
the testing half decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import ibis
import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import (
    MIN_ACCOUNTS,
    MIN_CORE_REQUESTS,
    Candidate,
    Family,
    merge_families,
)
from stillwatch.campaigns.communities import communities
from stillwatch.campaigns.elsewhere import compare_elsewhere
from stillwatch.campaigns.extraction import Reference
from stillwatch.campaigns.habits import measure
from stillwatch.campaigns.individuals import Floors, test_content, test_people
from stillwatch.campaigns.look import Look
from stillwatch.campaigns.prior import NO_PRIORS, Priors
from stillwatch.campaigns.split import SURE, blending, queues, split
from stillwatch.campaigns.stream import Stream
from stillwatch.signals.families import KINDS, WORDLESS
from stillwatch.signals.streams import SAMPLED_COLUMNS, stream_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import ibis.expr.types as ir
    import pyarrow as pa

    from stillwatch.campaigns.evidence import Evidence
    from stillwatch.campaigns.feeding import Feeding
    from stillwatch.progress import Step

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

MAX_CANDIDATES = 4000
"""Candidates looked at, largest streams first; the bound on work and memory."""

MIN_STREAM = 12
"""Mined requests that a family needs: fewer cannot show anything."""

SCREEN = 0.01
"""P-value on the mining half from which a group goes to the test. It only limits how many are
tested; the testing half does not know it."""

SAME_GROUP = 0.5
"""Share of a group's accounts that stronger groups have, from which on it is not tested again."""

PROMISING = 0.2
"""P-value of content on the mining half up to which a family may be part of a larger thing."""

EXCLUSIVE = 0.9
"""Share of a family's mined requests that come from its core, from which on it may join others to a
larger thing. Turns of phrase that many use would join strangers."""

EXPLAINED, MOSTLY_EXPLAINED = 1e-4, 0.5
"""P-value on the mining half from which a family explains what its accounts send in its words, and
the share of an account's habit explained so, from which on it is not looked at as one of a crowd:
who has a turn of phrase in common with others is not explained by it."""

ALIEN = 0.05
"""P-value on the mining half of "it asks about the same things elsewhere", up to which an account
may share a queue without words in common. It only keeps most people out."""

COMPARED_ACCOUNTS = 300
"""Others of a crowd that are kept, to compare with them what a part's accounts do elsewhere: among
themselves, accounts whose cover comes from one source look like many people each."""

FOUND_BY = {"framed": "one queue of framed questions", "asked": "questions of one kind"}
"""What accounts have in common that share no words."""


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
    """

    candidate: Candidate
    sample: Stream
    counts: Ints
    found_by: str
    elsewhere: Stream | None = None
    beyond: tuple[Look, ...] = ()

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


@dataclass(frozen=True)
class Mine:
    """The outcome of mining.

    Attributes:
        candidates: the groups worth testing.
        parts: groups that share most of their accounts with stronger ones among the candidates.
        reference: whole customers to compare streams with, those left out that are in question.
        glimpse: the same customers by `FURTHER_REQUESTS` of each and half.
        floors: of the benign-group null.
        feeding: who feeds which family.
        looked_at: how many groups were looked at.
    """

    candidates: list[Mined]
    parts: list[Mined]
    reference: Reference
    glimpse: Reference
    floors: Floors
    feeding: Feeding
    looked_at: int


def population_sample(evidence: Evidence, accounts: Ints) -> Stream:
    """Requests of whole customers; which ones is decided by their keyed hashes."""
    # the first by their hashes are as random as any, and lie together
    chosen = np.sort(accounts)[:POPULATION_ACCOUNTS]

    def sample(requests: ir.Table) -> ir.Table:
        keys = requests.select("account", "request_key", "body_key", "mining")
        members = keys.mutate(candidate=ibis.literal(0, "int64"))
        return stream_sample(requests, members, SAMPLE_REQUESTS)

    return sorted_stream(evidence.gather(sample, chosen, SAMPLED_COLUMNS))[1]


def mine(
    evidence: Evidence, accounts: Ints, entities: Ints, step: Step, priors: Priors = NO_PRIORS
) -> Mine:
    """Find the groups worth testing.

    Args:
        evidence: the requests.
        accounts: all account keys, sorted.
        entities: the entity of each account: its declared organisation, else the account itself.
        step: advanced four times.
        priors: families that are looked at and tested in any case.
    """
    population = population_sample(evidence, accounts)
    floors = Floors.of_population(population)
    step.advance()
    feeding = evidence.families(accounts=MIN_ACCOUNTS, requests=MIN_STREAM, mined=MIN_CORE_REQUESTS)
    step.advance()
    families = [f for f in feeding.families() if _entities(f, accounts, entities)]
    told = [f for f in families if f.kind not in WORDLESS]
    candidates, named = priors.first(merge_families(told))
    candidates = candidates[:MAX_CANDIDATES]
    seen = _look(evidence, candidates, "prompt family", SAMPLE_ACCOUNTS)
    step.advance()
    kept: list[Mined] = []
    looks: list[float] = []  # p-values of the first ones that are kept
    explained: list[Mined] = []
    promising: list[Candidate] = []
    asked_for = {id(candidate) for candidate in candidates[:named]}
    only_named: list[Mined] = []  # tested, but in question for nobody else's test
    for mined in seen:
        # a group that writes about things of its own is people, whatever its other habits
        content = test_content(mined.sample.half(mining=True), floors)
        own = [f for f in mined.candidate.families if f.core_requests >= EXCLUSIVE * f.requests]
        if content <= PROMISING and own:
            promising.append(Candidate(mined.candidate.accounts, tuple(own)))
        if content > SCREEN or (p := _first_look(mined, floors)) > SCREEN:
            if id(mined.candidate) in asked_for:
                only_named.append(replace(mined, sample=mined.sample.copy()))
            continue
        # a copy, so that the rest of what was read with it can go
        kept.append(replace(mined, sample=mined.sample.copy()))
        looks.append(p)
        if p <= EXPLAINED:
            explained.append(kept[-1])
    pools = communities(promising, len(accounts))
    for joined in _look(evidence, pools, "a pool of templates", CROWD_ACCOUNTS):
        for part in split(joined.sample.half(mining=True), floors, SCREEN):
            kept.append(_part(joined, part))
            explained.append(kept[-1])
    wordless = [f for f in families if f.kind in WORDLESS]
    fed = feeding.of([(f.kind, f.key) for f in wordless])
    crowds = _wordless(evidence, wordless, explained, fed, floors)
    kept += [q for q in crowds.queues if _entities(q.candidate, accounts, entities)]
    step.advance()
    groups = [group.candidate.accounts for group in [*kept, *crowds.grown]]
    in_question = np.unique(np.concatenate([crowds.suspects, *groups]))
    customers = population.take(~np.isin(population.account, in_question))
    every = kept + only_named
    looks += [_first_look(group, floors) for group in every[len(looks) :]]
    tested, covered = _representatives(every, looks)
    return Mine(
        candidates=tested,
        parts=covered + crowds.grown,
        reference=Reference.of(customers),
        glimpse=Reference.of(customers.first(FURTHER_REQUESTS)),
        floors=floors,
        feeding=feeding,
        looked_at=len(candidates) + len(wordless),
    )


def _entities(group: Family | Candidate, accounts: Ints, entities: Ints) -> bool:
    members = entities[np.searchsorted(accounts, group.accounts)]
    return len(np.unique(members)) >= MIN_ACCOUNTS


def _representatives(groups: list[Mined], looks: list[float]) -> tuple[list[Mined], list[Mined]]:
    """The groups to test, and the parts that stronger groups on the mining half cover.

    Every group that is tested makes the level stricter for all, so none is tested twice. Of groups
    that look like one queue beyond doubt, the one with the most requests has the most to show.
    """
    doubt = [max(p, SURE) for p in looks]
    sizes = [int(group.counts[:, 0].sum()) for group in groups]
    chosen: list[Mined] = []
    parts: list[Mined] = []
    covered: set[int] = set()
    for i in sorted(range(len(groups)), key=lambda i: (doubt[i], -sizes[i], i)):
        accounts = groups[i].candidate.accounts.tolist()
        if sum(a in covered for a in accounts) <= SAME_GROUP * len(accounts):
            chosen.append(groups[i])
            covered.update(accounts)
        else:
            parts.append(groups[i])
    return chosen, parts


def _first_look(mined: Mined, floors: Floors) -> float:
    half = mined.sample.half(mining=True)
    return test_people(measure(half, mined.counts[:, 0], floors.telling), floors).p_by_one


def _look(
    evidence: Evidence, candidates: list[Candidate], found_by: str, most: int
) -> Iterator[Mined]:
    """The candidates with counts and samples of their streams, in order."""
    if not candidates:
        return
    counts, samples = evidence.streams(candidates, most, SAMPLE_REQUESTS)
    halves = _halves(counts, candidates)
    for sampled in samples:
        index, sample = sorted_stream(sampled)
        ends = np.searchsorted(index, np.arange(len(candidates) + 1))
        for i in np.unique(index).tolist():
            rows = slice(ends[i], ends[i + 1])
            yield Mined(candidates[i], sample.take(rows), halves(i), found_by)


def _crowd(evidence: Evidence, accounts: Ints, family: Family) -> Mined:
    """Accounts that share no words, with what they send in the family and outside of it."""
    candidate = Candidate(accounts, (family,))
    counts, *sides = evidence.streams_and_elsewhere([candidate], CROWD_ACCOUNTS, SAMPLE_REQUESTS)
    (inside,), (outside,) = (by_candidate(side, 1) for side in sides)
    full = _halves(counts, [candidate])(0)
    return Mined(candidate, inside, full, FOUND_BY[KINDS[family.kind]], outside.copy())


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


@dataclass(frozen=True)
class _Crowds:
    """What was found among accounts that share no words.

    Attributes:
        queues: groups that look like one queue each.
        grown: of some, the group that it grew to.
        suspects: every account that is in question: those that blend into a crowd as well.
    """

    queues: list[Mined]
    grown: list[Mined]
    suspects: Ints


def _wordless(
    evidence: Evidence,
    families: list[Family],
    explained: list[Mined],
    feeders: pa.Table,
    floors: Floors,
) -> _Crowds:
    """Accounts that share no words, but drain what looks like one queue.

    The accounts that have the habit and whose habit no suspicious family explains, divided into
    queues.
    """
    none = np.zeros(0, dtype=np.int64)
    known = np.unique(np.concatenate([none, *(g.candidate.accounts for g in explained)]))
    if floors.content is None:
        return _Crowds([], [], known)
    found: list[Mined] = []
    grown: list[Mined] = []
    suspects = [known]
    for family in sorted(families, key=lambda f: f.kind):
        taken = [
            mostly_explained(family, explained, feeders),
            *(g.candidate.accounts for g in found),
        ]
        rest = np.setdiff1d(family.accounts, np.concatenate(taken))
        if len(rest) < MIN_ACCOUNTS:
            continue
        crowd = _crowd(evidence, rest, family)
        everyone = crowd.sample.half(mining=True)
        for half in _strangers_to_themselves(crowd, floors):
            for queue in queues(half, everyone, floors, SCREEN):
                found.append(_part(crowd, queue.core))
                if len(queue.grown) > len(queue.core):
                    grown.append(_part(crowd, queue.grown))
            suspects.append(blending(half, floors, rhythm=False).account)
    return _Crowds(found, grown, np.unique(np.concatenate(suspects)))


def mostly_explained(family: Family, groups: list[Mined], feeders: pa.Table) -> Ints:
    """Accounts of a family whose use of it is mostly explained by what they send in groups.

    Args:
        family: of accounts that share no words.
        groups: that are known already.
        feeders: `signals.families.feeders`.
    """
    members = family.accounts
    sent = np.zeros(len(members), dtype=np.int64)
    for group in groups:
        _, at, place = np.intersect1d(
            members, group.candidate.accounts, assume_unique=True, return_indices=True
        )
        sent[at] += group.counts[place, 0]
    kind, key, account, mined = (
        feeders.column(name).to_numpy() for name in ("kind", "key", "account", "mining_requests")
    )
    own = (kind == family.kind) & (key == family.key) & np.isin(account, members)
    used = np.zeros(len(members), dtype=np.int64)
    used[np.searchsorted(members, account[own])] = mined[own]
    found: Ints = members[sent >= MOSTLY_EXPLAINED * used]
    return found


def with_elsewhere(evidence: Evidence, groups: Sequence[Mined]) -> list[Mined]:
    """Groups with what their sampled accounts send outside of the stream, in both halves."""
    if not groups:
        return []
    sampled = [Candidate(np.unique(g.sample.account), g.candidate.families) for g in groups]
    others = by_candidate(evidence.elsewhere(sampled, SAMPLE_REQUESTS), len(groups))
    return [
        replace(group, elsewhere=other.copy()) for group, other in zip(groups, others, strict=True)
    ]


def _strangers_to_themselves(mined: Mined, floors: Floors) -> tuple[Stream, Stream]:
    """The mined half of a stream, without accounts that ask in it what they ask elsewhere too.

    Returns:
        The requests of those that certainly do not, and of those of which it cannot be told.
    """
    half = mined.sample.half(mining=True)
    other = mined.elsewhere and mined.elsewhere.half(mining=True)
    found = compare_elsewhere(half, other, floors.telling)
    strangers = found.accounts[found.p <= ALIEN]
    return half.of_accounts(strangers), half.of_accounts(found.accounts[~found.telling])


def _part(mined: Mined, accounts: Ints) -> Mined:
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


def by_candidate(samples: Iterable[pa.Table], candidates: int) -> list[Stream]:
    """The sampled requests of each candidate."""
    found: dict[int, Stream] = {}
    for table in samples:
        of, stream = sorted_stream(table)
        ends = np.searchsorted(of, np.arange(candidates + 1))
        for i in range(candidates):
            if ends[i] < ends[i + 1] or i not in found:
                found[i] = stream.take(slice(ends[i], ends[i + 1]))
    return [found[i] for i in range(candidates)]


def sorted_stream(table: pa.Table) -> tuple[Ints, Stream]:
    """Rows in a fixed order, whatever order the engine gave them in; and their candidates."""
    keys = ("candidate", "account", "body_key", "request_key")
    table = table.sort_by([(key, "ascending") for key in keys])
    return table.column("candidate").to_numpy(), Stream.from_table(table)
