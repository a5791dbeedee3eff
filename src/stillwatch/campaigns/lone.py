"""One account that harvests alone.

Nothing is shared, so nothing can be coordinated: what is left is the harvest itself, and an honest
customer with one large varied job looks much like it. A lone extractor is therefore accused only
when everything speaks for it at once: a large number of distinct items in one frame, reasoning or
grading asked for, long answers, as broad as the broadest whole customers, and items that nobody
else sends (a public benchmark is sent by several).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import Candidate, Family
from stillwatch.campaigns.extraction import FEATURES, Reference, harvest_features
from stillwatch.campaigns.mine import SAMPLE_REQUESTS, sorted_stream
from stillwatch.schema import Verdict
from stillwatch.signals.families import KINDS, WORDLESS, large_feeders

if TYPE_CHECKING:
    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.evidence import Evidence
    from stillwatch.campaigns.stream import Stream

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MIN_ITEMS = 1000
"""Requests in one frame from which a lone account is looked at. Below it a harvest is worth little
(at list price about $55 of answers) and honest batch jobs are many."""

SAMPLE = 10 * SAMPLE_REQUESTS

UNUSUAL = {"breadth": 0.5, "novelty": 0.6, "frame": 0.3, "elicitation": 0.2, "output": 0.2}
"""Largest rank among whole customers that each feature may have. Each is a loose bound that a real
harvest meets easily; together with the combined test they keep out the customer with a labelling
job (short answers), a benchmark (shared items) or a template about one thing (narrow)."""

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
        level: of the harvest test, shared by all accounts looked at (Bonferroni).
    """
    suspects = _suspects(evidence, explained, traits)
    if not len(suspects) or not reference.sufficient:
        return []
    heavy = evidence.gather(lambda part: large_feeders(part, MIN_ITEMS), suspects)
    frames = _frames(heavy)
    if not frames:
        return []
    candidates = [Candidate(f.accounts, (f,)) for f in frames]
    sampled = pa.concat_tables(evidence.streams(candidates, 1, SAMPLE)[1])
    index, sample = sorted_stream(sampled)
    several = evidence.senders(sample.body, without=np.zeros(0, dtype=np.int64))
    judged = [
        judge_alone(f, sample.take(index == i), several, reference, level / len(frames))
        for i, f in enumerate(frames)
    ]
    return [lone for lone in judged if lone is not None]


def _suspects(evidence: Evidence, explained: Ints, traits: Traits) -> Ints:
    """Accounts that send enough, that nothing else explains, and that declare no organisation."""
    totals = evidence.activity(("account", "requests"))
    account = totals.column("account").to_numpy()
    busy = account[totals.column("requests").to_numpy() >= MIN_ITEMS]
    suspects = np.setdiff1d(busy, explained)
    undeclared: Ints = suspects[traits.of(suspects).organization < 0]
    return undeclared


def _frames(totals: pa.Table) -> list[Family]:
    """The largest frame of each account.

    An account that switches between templates has no large one: then all that it asks from frames
    of its own is taken together.
    """
    frames: dict[int, Family] = {}
    order = [("requests", "descending"), ("kind", "ascending"), ("key", "ascending")]
    rows = totals.sort_by(order).to_pylist()
    several = [row for row in rows if KINDS[row["kind"]] == "framed"]
    for row in [row for row in rows if row["kind"] not in WORDLESS] + several:
        account = row["account"]
        if account in frames:
            continue
        frames[account] = Family(
            row["kind"], row["key"], np.array([account]), row["requests"], row["requests"]
        )
    return [frames[account] for account in sorted(frames)]


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
    # a whole customer is compared by as many requests as the reference's customers have
    few = half.take(np.arange(SAMPLE_REQUESTS) * (len(half) // SAMPLE_REQUESTS))
    row = harvest_features(few, np.zeros(len(few), np.int64), 1, reference.vocabulary)[0]
    ranks = reference.ranks(row)
    p = reference.p_value(row)
    shared = float(np.isin(np.unique(sample.body), several).mean())
    unusual = all(rank <= UNUSUAL[name] for name, rank in zip(FEATURES, ranks, strict=True))
    verdict = Verdict.CLEAR
    if p <= level and shared <= SHARED:
        verdict = Verdict.DISTILLATION if unusual else Verdict.INCONCLUSIVE
    return Lone(
        account=int(family.accounts[0]),
        candidate=Candidate(family.accounts, (family,)),
        sample=sample,
        items=family.requests,
        harvest=row,
        ranks=ranks,
        extraction_p=p,
        shared=shared,
        public=np.intersect1d(several, sample.body),
        level=level,
        verdict=verdict,
    )
