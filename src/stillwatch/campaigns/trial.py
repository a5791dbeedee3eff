"""Everything that the verdicts follow from, so that anybody can reach them again.

Mining has seen the whole log; judging sees only this. A trial is what evidence bundles carry, and
`verdicts` is what both the scan and whoever checks it run.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.lone import Lone, judge_alone
from stillwatch.campaigns.membership import MIN_NEW, Grouped, Membership, combine, without
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.campaigns.before import Before
    from stillwatch.campaigns.candidates import Family
    from stillwatch.campaigns.judge import Court, Judged
    from stillwatch.campaigns.payer import OnePayer
    from stillwatch.campaigns.sampling import Mined
    from stillwatch.campaigns.stream import Stream

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Suspect:
    """One account that was judged alone, by what it sent.

    Attributes:
        family: its frame.
        sample: its sampled requests.
        public: bodies among them that other accounts send too, sorted.
        level: of the harvest test.
    """

    family: Family
    sample: Stream
    public: Ints
    level: float


@dataclass(frozen=True)
class Verdicts:
    """The outcome: groups in order, parts, campaigns, lone accounts, accounts of one payer."""

    judged: tuple[Judged, ...]
    parts: tuple[Judged, ...]
    grouped: tuple[Grouped, ...]
    alone: tuple[Lone, ...]
    paid: tuple[OnePayer, ...]


@dataclass(frozen=True)
class Trial:
    """What the verdicts follow from.

    Attributes:
        court: floors, whole customers, traits, everybody else, and the level.
        groups: the groups in question.
        beside: e-values of the groups that were tested beside them and cleared, or were tested
            before.
        parts: groups inside of accepted ones that add accounts.
        public: bodies in looks at accused groups that accounts outside send too, sorted.
        alone: accounts that were judged alone.
        paid: accounts of one payer.
        kept: accounts that stay with a campaign that was found before, sorted.
    """

    court: Court
    groups: tuple[Mined, ...]
    beside: tuple[float, ...]
    parts: tuple[Mined, ...]
    public: Ints
    alone: tuple[Suspect, ...]
    paid: tuple[OnePayer, ...]
    kept: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(
        cls,
        court: Court,
        judged: Sequence[Judged],
        parts: Sequence[Judged],
        grouped: Sequence[Grouped],
        public: Ints,
        alone: Sequence[Lone],
        paid: Sequence[OnePayer],
    ) -> Trial:
        """Keep what the verdicts other than `clear` follow from.

        A part that brought no account to its campaign has changed nothing.
        """
        bringing = {
            id(group.mined)
            for found in grouped
            for group, added in zip(found.groups, found.added, strict=True)
            if added
        }
        return cls(
            court,
            tuple(j.mined for j in judged if j.verdict is not Verdict.CLEAR),
            tuple(j.e for j in judged if j.verdict is Verdict.CLEAR),
            tuple(j.mined for j in parts if id(j.mined) in bringing),
            public,
            tuple(
                Suspect(x.candidate.families[0], x.sample, x.public, x.level)
                for x in alone
                if x.verdict is not Verdict.CLEAR
            ),
            tuple(paid),
        )

    def after(self, before: Before, kept: Ints) -> Trial:
        """The same beside an earlier scan, of which some accounts keep their verdicts."""
        return replace(self, beside=(*self.beside, *before.tested), kept=kept)

    def verdicts(self) -> Verdicts:
        """Judge again."""
        judged = self.court.judge(self.groups, self.beside)
        inside = self.court.judge_parts(list(self.parts), judged)
        parts = [part for part in inside if part.coordinated]
        reference = self.court.reference
        alone = (judge_alone(s.family, s.sample, s.public, reference, s.level) for s in self.alone)
        lone = tuple(found for found in alone if found is not None)
        accused = np.array([found.account for found in lone], dtype=np.int64)
        campaigns = combine(judged, parts, Membership(self.court), self.public)
        campaigns = without(campaigns, self.kept, least=MIN_NEW)
        return Verdicts(
            tuple(judged),
            tuple(parts),
            tuple(without(campaigns, accused)),
            lone,
            tuple(one for one in self.paid if one.holds(self.court.traits)),
        )
