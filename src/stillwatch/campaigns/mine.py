"""From sketches to the few groups worth testing, on the mining half of the evidence only.

The order is: families and their cores; streams of the cores; a first look at whether these are
people, on the mining half; then one more group from requests that share no words but ask for
reasoning or grading, among accounts that nothing else explains. What comes out has not been tested:
the testing half decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.ahead import ahead, with_ahead
from stillwatch.campaigns.before import NOTHING_BEFORE, Before
from stillwatch.campaigns.candidates import (
    MIN_ACCOUNTS,
    Candidate,
    Family,
    merge_families,
)
from stillwatch.campaigns.coding import among
from stillwatch.campaigns.communities import communities
from stillwatch.campaigns.elsewhere import compare_elsewhere, covered_alike
from stillwatch.campaigns.exercise import look_at_length
from stillwatch.campaigns.extraction import Reference
from stillwatch.campaigns.individuals import Floors, test_content
from stillwatch.campaigns.parts import (
    SAME_GROUP,
    SCREEN,
    first_look,
    mixed,
    queues_among,
    taken_apart,
)
from stillwatch.campaigns.prior import NO_PRIORS, Priors
from stillwatch.campaigns.sampling import (
    CROWD_ACCOUNTS,
    FURTHER_REQUESTS,
    SAMPLE_ACCOUNTS,
    Mined,
    crowd_of,
    look,
    part_of,
    population_sample,
)
from stillwatch.campaigns.split import SURE, blending, queues
from stillwatch.signals.families import KINDS, WORDLESS

if TYPE_CHECKING:
    import pyarrow as pa

    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.evidence import Evidence
    from stillwatch.campaigns.stream import Stream
    from stillwatch.progress import Step

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_CANDIDATES = 4000
"""Candidates looked at, largest streams first; the bound on work and memory."""

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

EXERCISES = 4
"""Rounds in which what an exercise covers takes its place: each reads some requests again."""

FOUND_BY = {"framed": "one queue of framed questions", "asked": "questions of one kind"}
"""What accounts have in common that share no words."""


@dataclass(frozen=True)
class Mine:
    """The outcome of mining.

    Attributes:
        candidates: the groups worth testing.
        parts: groups that share most of their accounts with stronger ones among the candidates.
        reference: whole customers to compare streams with, those left out that are in question.
        glimpse: the same customers by `FURTHER_REQUESTS` of each and half.
        floors: of the benign-group null.
        looked_at: how many groups were looked at.
    """

    candidates: list[Mined]
    parts: list[Mined]
    reference: Reference
    glimpse: Reference
    floors: Floors
    looked_at: int


def mine(
    evidence: Evidence,
    traits: Traits,
    step: Step,
    priors: Priors = NO_PRIORS,
    before: Before = NOTHING_BEFORE,
) -> Mine:
    """Find the groups worth testing.

    Args:
        evidence: the requests.
        traits: of all accounts.
        step: advanced four times.
        priors: families that are looked at and tested in any case.
        before: what an earlier scan had in question.
    """
    population = population_sample(evidence, traits.account)
    floors = Floors.of_population(population)
    step.advance()
    families = [f for f in evidence.feeding.families() if _entities(f, traits)]
    step.advance()
    told = [f for f in families if f.kind not in WORDLESS]
    # what is named may come after all that is looked at otherwise
    most = None if priors.named else MAX_CANDIDATES
    grouped, named = priors.first(merge_families(told, most=most))
    candidates = [Candidate.of(group) for group in grouped[:MAX_CANDIDATES]]
    seen = look(evidence, candidates, "prompt family", SAMPLE_ACCOUNTS)
    step.advance()
    kept: list[Mined] = []
    looks: list[float] = []  # p-values of the first ones that are kept
    explained: list[Mined] = []
    promising: list[Candidate] = []
    asked_for = {id(candidate) for candidate in candidates[:named]}
    only_named: list[Mined] = []  # tested, but in question for nobody else's test
    like_people: list[Candidate] = []

    def content_of(mined: Mined) -> float:
        return test_content(mined.sample.half(mining=True), floors)

    for mined, content in with_ahead(content_of, seen):
        # a group that writes about things of its own is people, whatever its other habits
        own = [f for f in mined.candidate.families if f.core_requests >= EXCLUSIVE * f.requests]
        if content <= PROMISING and own:
            promising.append(Candidate(mined.candidate.accounts, tuple(own)))
        if content > SCREEN or (p := first_look(mined, floors)) > SCREEN:
            if id(mined.candidate) in asked_for:
                only_named.append(replace(mined, sample=mined.sample.copy()))
            like_people.append(mined.candidate)
            continue
        for queue in queues_among(mined, traits, floors):
            # a copy, so that the rest of what was read with it can go
            kept.append(replace(queue, sample=queue.sample.copy()))
            looks.append(p if queue is mined else first_look(queue, floors))
            if looks[-1] <= EXPLAINED:
                explained.append(kept[-1])
    pools = communities(promising, len(traits.account))
    joined = look(evidence, pools, "a pool of templates", CROWD_ACCOUNTS)
    for found in ahead(lambda pool: taken_apart(pool, traits, floors), joined):
        kept += found
        explained += found
    wordless = [f for f in families if f.kind in WORDLESS]
    fed = evidence.feeding.of([(f.kind, f.key) for f in wordless])
    crowds = _wordless(evidence, wordless, explained, fed, traits, floors)
    kept += [q for q in crowds.queues if _entities(q.candidate, traits)]
    in_queues = np.concatenate([population.account[:0], *(g.candidate.accounts for g in kept)])
    beside = crowds.grown + mixed(evidence, like_people, np.unique(in_queues), traits, floors)
    step.advance()
    groups = [group.candidate.accounts for group in [*kept, *beside]]
    in_question = np.unique(np.concatenate([before.questioned, crowds.suspects, *groups]))
    others = population.take(~np.isin(population.account, in_question))
    every = kept + only_named
    looks += [first_look(group, floors) for group in every[len(looks) :]]
    tested, covered = _at_length(evidence, every, looks, floors)
    return Mine(
        candidates=tested,
        parts=covered + beside,
        reference=Reference.of(others),
        glimpse=Reference.of(others.first(FURTHER_REQUESTS)),
        floors=floors,
        looked_at=len(candidates) + len(wordless),
    )


def _entities(group: Family | Candidate, traits: Traits) -> bool:
    """Whether a group has several members, where those of one organisation are one."""
    organization = traits.of(group.accounts).organization
    declared = np.unique(organization[organization >= 0])
    return len(declared) + int((organization < 0).sum()) >= MIN_ACCOUNTS


def _representatives(groups: dict[int, Mined], looks: list[float]) -> tuple[list[int], list[int]]:
    """The groups to test, and the parts that stronger groups on the mining half cover.

    Every group that is tested makes the level stricter for all, so none is tested twice. Of groups
    that look like one queue beyond doubt, the one with the most requests has the most to show.

    Args:
        groups: by number.
        looks: p-values on the mining half, by number.
    """
    sizes = {i: int(group.counts[:, 0].sum()) for i, group in groups.items()}
    chosen: list[int] = []
    parts: list[int] = []
    covered: set[int] = set()
    for i in sorted(groups, key=lambda i: (max(looks[i], SURE), -sizes[i], i)):
        accounts = groups[i].candidate.accounts.tolist()
        if sum(a in covered for a in accounts) <= SAME_GROUP * len(accounts):
            chosen.append(i)
            covered.update(accounts)
        else:
            parts.append(i)
    return chosen, parts


def _at_length(
    evidence: Evidence, groups: list[Mined], looks: list[float], floors: Floors
) -> tuple[list[Mined], list[Mined]]:
    """`_representatives`, looked at at length.

    One that may be an exercise holds nothing against anybody, so what it covers is tested as well:
    in up to `EXERCISES` rounds.
    """
    left = dict(enumerate(groups))
    tested: dict[int, Mined] = {}
    parts: list[int] = []
    for _ in range(EXERCISES):
        chosen, parts = _representatives(left, looks)
        new = [i for i in chosen if i not in tested]
        seen = look_at_length(evidence, [left[i] for i in new], floors.telling)
        tested |= dict(zip(new, seen, strict=True))
        shown = ((i, tested[i].exercise) for i in new)
        exercises = [i for i, exercise in shown if exercise and exercise.p > SCREEN]
        if not exercises:
            break
        left = {i: group for i, group in left.items() if i not in exercises}
    return list(tested.values()), [left[i] for i in parts if i not in tested]


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
    traits: Traits,
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
        crowd = crowd_of(evidence, rest, family, FOUND_BY[KINDS[family.kind]])
        everyone = crowd.sample.half(mining=True)
        share = _share(evidence, crowd)
        for half in _strangers_to_themselves(crowd, floors):
            for queue in queues(half, everyone, floors, traits, SCREEN):
                found.append(part_of(crowd, queue.core))
                core = among(crowd.candidate.accounts, queue.core)
                # membership would refuse the others, and they must not spoil the test
                alike = crowd.candidate.accounts[covered_alike(share, core)]
                around = np.intersect1d(queue.grown, alike)
                if len(np.setdiff1d(around, queue.core)):
                    grown.append(replace(part_of(crowd, around), around=queue.core))
            suspects.append(blending(half, floors, rhythm=False).account)
    return _Crowds(found, grown, np.unique(np.concatenate(suspects)))


def _share(evidence: Evidence, crowd: Mined) -> Floats:
    """Share of what each account of a crowd does, in the mining half, that is in its stream."""
    account, requests = (
        evidence.activity.column(name).to_numpy() for name in ("account", "mining_requests")
    )
    every = requests[np.searchsorted(account, crowd.candidate.accounts)]
    found: Floats = crowd.counts[:, 0] / np.maximum(every, 1)
    return found


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
