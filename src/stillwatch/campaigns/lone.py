"""One account that harvests alone.

Nothing is shared, so nothing can be coordinated: what is left is the harvest itself, and an honest
customer with one large varied job looks much like it. A lone extractor is therefore accused only
when everything speaks for it at once: a large number of distinct items in frames, as broad as the
broadest whole customers, reasoning or grading asked for, and items that nobody else sends (a public
benchmark is sent by several). The mining half chooses who is judged by the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import Candidate, Family
from stillwatch.campaigns.coding import among
from stillwatch.campaigns.extraction import FEATURES, Reference, harvest_features
from stillwatch.campaigns.sampling import SAMPLE_REQUESTS, one_by_one
from stillwatch.schema import Verdict
from stillwatch.signals.families import KINDS

if TYPE_CHECKING:
    import pyarrow as pa

    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.evidence import Evidence
    from stillwatch.campaigns.stream import Stream

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_FRAMED = KINDS.index("framed")

MIN_ITEMS = 1000
"""Requests in frames of its own from which a lone account is looked at. Below it a harvest is worth
little (at list price about $55 of answers) and honest batch jobs are many."""

SAMPLE = 10 * SAMPLE_REQUESTS

LIKELY = 0.01
"""Level of the harvest test on the mining half that an account must pass to be judged: every one
that is judged makes the level stricter for all."""

MIN_DAYS = 5
"""Effective number of days on which an account must have asked from its frames: a benchmark is run
in an evening or two, in words of one's own as well."""

UNUSUAL = {"novelty": 0.6, "elicitation": 0.2}
"""Largest ranks of what is accused. A harvest hardly ever asks twice; and long answers in place of
reasoning may be what a product for texts of all kinds wants, so a human looks at those."""

SHARED = 0.2
"""Share of the account's items that others also send from which on it may be a public benchmark."""


@dataclass(frozen=True)
class Lone:
    """A lone account that was judged.

    Attributes:
        account: its key.
        candidate: the account and its frame, to describe it like a group.
        sample: its sampled requests.
        items: requests in the frame.
        harvest, ranks: features of the testing half, and their ranks among whole customers.
        extraction_p: of the harvest test on the testing half.
        shared: share of its sampled items that other accounts also send.
        public: these items, sorted.
        level: of the harvest test.
        verdict: distillation, inconclusive or clear.
    """

    account: int
    candidate: Candidate
    sample: Stream
    items: int
    harvest: Floats
    ranks: Floats
    extraction_p: float
    shared: float
    public: Ints
    level: float
    verdict: Verdict


def lone_extractors(
    evidence: Evidence,
    explained: Ints,
    reference: Reference,
    traits: Traits,
    level: float,
) -> list[Lone]:
    """Judge the accounts that send very many requests in one frame.

    Args:
        evidence: the requests.
        explained: accounts that belong to a judged group already.
        reference: whole customers.
        traits: an account of a declared organisation is not a lone extractor.
        level: of the harvest test, shared by all accounts judged (Bonferroni).
    """
    suspects = _suspects(evidence, explained, traits)
    if not len(suspects) or not reference.sufficient:
        return []
    frames = _frames(evidence.feeding.of([(_FRAMED, 0)]), suspects)
    if not frames:
        return []
    candidates = [Candidate(f.accounts, (f,)) for f in frames]
    samples = evidence.sample(candidates, most=1, each=SAMPLE).inside
    # of very many hardly any is likely, and what was read with it can go
    alone = [
        (frames[i], own.copy())
        for i, own in one_by_one(samples)
        if _likely(frames[i], own, reference)
    ]
    bodies = np.concatenate([suspects[:0], *(own.body for _, own in alone)])
    several = evidence.senders(bodies, without=suspects[:0])
    likely = [(f, own) for f, own in alone if _shared(own.half(mining=True), several) <= SHARED]
    judged = [judge_alone(f, own, several, reference, level / len(likely)) for f, own in likely]
    return [lone for lone in judged if lone is not None]


def _suspects(evidence: Evidence, explained: Ints, traits: Traits) -> Ints:
    """Accounts that send enough, that nothing else explains, and that declare no organisation."""
    account, requests = (evidence.activity.column(n).to_numpy() for n in ("account", "requests"))
    busy = account[requests >= MIN_ITEMS]
    suspects = np.setdiff1d(busy, explained)
    undeclared: Ints = suspects[traits.of(suspects).organization < 0]
    return undeclared


def _likely(family: Family, sample: Stream, reference: Reference) -> bool:
    """Whether an account looks like a harvest of its own on the mining half."""
    half = sample.half(mining=True)
    if len(half) < SAMPLE_REQUESTS or _days(half) < MIN_DAYS:
        return False
    others = reference.without(int(family.accounts[0]))
    return others.p_at_once(_features(half, others)) <= LIKELY


def _days(half: Stream) -> float:
    """Effective number of days (inverse Simpson index): two busy days and a few others are two."""
    _, counts = np.unique(half.slot // 24, return_counts=True)
    return float(counts.sum() ** 2 / (counts**2).sum())


def _shared(sample: Stream, several: Ints) -> float:
    return float(np.isin(np.unique(sample.body), several).mean())


def _features(half: Stream, reference: Reference) -> Floats:
    row: Floats = harvest_features(half, np.zeros(len(half), np.int64), 1, reference.vocabulary)[0]
    return row


def _frames(fed: pa.Table, suspects: Ints) -> list[Family]:
    """What each suspect asks from frames of its own, if it is much; by account."""
    much = fed.filter(pc.field("requests") >= MIN_ITEMS)
    found = [
        Family(
            row["kind"], row["key"], np.array([row["account"]]), row["requests"], row["requests"]
        )
        for row in much.filter(among(much.column("account").to_numpy(), suspects)).to_pylist()
    ]
    return sorted(found, key=lambda family: int(family.accounts[0]))


def judge_alone(
    family: Family, sample: Stream, several: Ints, reference: Reference, level: float
) -> Lone | None:
    """Judge one account; None where it sent too little in the testing half.

    Args:
        family: its frame.
        sample: its sampled requests of both halves.
        several: bodies that several accounts send, sorted.
        reference: whole customers.
        level: of the harvest test.
    """
    half = sample.half(mining=False)
    if len(half) < SAMPLE_REQUESTS:
        return None
    others = reference.without(int(family.accounts[0]))
    row = _features(half, others)
    ranks = dict(zip(FEATURES, others.ranks(row), strict=True))
    p = others.p_at_once(row)
    shared = _shared(sample, several)
    verdict = Verdict.CLEAR
    if p <= level and shared <= SHARED:
        unusual = all(ranks[name] <= most for name, most in UNUSUAL.items())
        verdict = Verdict.DISTILLATION if unusual else Verdict.INCONCLUSIVE
    return Lone(
        account=int(family.accounts[0]),
        candidate=Candidate(family.accounts, (family,)),
        sample=sample,
        items=family.requests,
        harvest=row,
        ranks=np.array(list(ranks.values())),
        extraction_p=p,
        shared=shared,
        public=np.intersect1d(several, sample.body),
        level=level,
        verdict=verdict,
    )
