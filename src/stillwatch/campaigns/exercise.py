"""Groups that do one exercise or benchmark, each in words of their own around it.

Labs that run one public benchmark each wrap its questions as they like, and some of these words are
a campaign's as well. Two that run it have much of it in common; two that drain one queue have next
to nothing, though campaigns that feed on the same corpora meet in many single items.

A sample of an account's requests does not show what it shares with a few: which requests are in it
is decided by their bodies, which a wrapping changes. So of groups in question a few accounts are
looked at at full length.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.agreement import said_by
from stillwatch.campaigns.candidates import Candidate
from stillwatch.campaigns.coding import starts_of
from stillwatch.campaigns.habits import Share, share_of
from stillwatch.campaigns.sampling import one_by_one
from stillwatch.campaigns.words import SAME_PART, SAME_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.campaigns.evidence import Evidence
    from stillwatch.campaigns.sampling import Mined
    from stillwatch.campaigns.stream import Stream
    from stillwatch.campaigns.telling import Telling

Ints = NDArray[np.int64]

AT_LENGTH, WHOLE_STREAM = 50, 1000
"""Accounts of a group that are looked at at length, and requests of each and half: of labs that run
a few benchmarks, each meets another among so many, and each run is whole."""

COPIED = 0.4
"""Share of an account's items that the one that has most of them sends, too, from which on a group
may be one exercise. Of labs that run a random third or more of one of three benchmarks, eight have
.75 in common on average, and five .55."""

SHARED, MANY = 0.2, 12
"""The same share, and the number of such items, from which on an account does what another does,
whatever its group does: of a few, one in five may be chance."""


@dataclass(frozen=True)
class Exercise:
    """What a look at some accounts of a group at full length showed.

    Attributes:
        share: of an account's items, those that the one that has most of them sends, too.
        accounts: those of which that is more than `SHARED`, and at least `MANY`, sorted.
    """

    share: Share
    accounts: Ints

    @property
    def p(self) -> float:
        """P-value of "the group does one exercise"."""
        return self.share.p_at_least(COPIED)


def look_at_length(
    evidence: Evidence, groups: Sequence[Mined], telling: Telling | None
) -> list[Mined]:
    """The same groups with what some accounts of each show at full length, in both halves.

    Args:
        evidence: the requests.
        groups: any.
        telling: what agreements in words are worth.
    """
    if not groups:
        return []
    few = [Candidate(g.candidate.accounts[:AT_LENGTH], g.candidate.families) for g in groups]
    samples = evidence.sample(few, most=AT_LENGTH, each=WHOLE_STREAM).inside
    found = {i: copied(stream, telling) for i, stream in one_by_one(samples)}
    return [replace(group, exercise=found.get(i)) for i, group in enumerate(groups)]


def copied(stream: Stream, telling: Telling | None) -> Exercise:
    """How much of each account's items another one sends, too.

    Args:
        stream: requests of at most 63 accounts.
        telling: what agreements in words are worth.
    """
    items = stream.items()
    accounts, owners, sizes = items.coded()
    words = items.words_in(owners, telling)
    others = said_by(
        starts_of(words.request, len(items)), words.word, owners, len(words.weight),
        SAME_WORDS, SAME_PART,
    )  # fmt: skip
    common = np.zeros((len(sizes), max(len(sizes), 1)))
    for place in range(len(sizes)):
        common[:, place] = np.bincount(owners, others >> place & 1, len(sizes))
    closest = common.argmax(axis=1)
    hit = others >> closest[owners] & 1 > 0
    most = common.max(axis=1)
    copying: Ints = accounts[(most > SHARED * sizes) & (most >= MANY)]
    return Exercise(share_of(hit, owners, sizes), copying)
