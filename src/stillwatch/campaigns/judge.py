"""The verdict on a mined group, from the testing half of the evidence.

A group is accused only if every innocent explanation is ruled out: chance (independence), people
(the benign-group null) and a common exercise; if its stream is a harvest; and if its common control
is concealed. Coordination is decided over all groups together by e-BH at the scan's level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.ahead import ahead
from stillwatch.campaigns.coding import among, coded
from stillwatch.campaigns.concealment import Concealment, Traits, codes_of, judge_concealment
from stillwatch.campaigns.elsewhere import compare_elsewhere
from stillwatch.campaigns.evalues import boosted_e_bh, e_value
from stillwatch.campaigns.extraction import FEATURES, Reference, pooled_features
from stillwatch.campaigns.habits import Habits, measure
from stillwatch.campaigns.individuals import Floors, PeopleTest, test_customers, test_people
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from stillwatch.campaigns.elsewhere import Apart
    from stillwatch.campaigns.sampling import Mined

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EXTRACTION_LEVEL = 0.1
"""Level of the harvest test. It comes on top of coordination, which carries the error control, so
it is a gate and not the guarantee."""

STRANGERS_LEVEL = 0.25
"""The same where the accounts ask, in the stream, about nothing that they ask about elsewhere: that
is evidence of a harvest, too."""

SUGGESTIVE = 0.05
"""Coordination p-value up to which a group that is not accused is called inconclusive."""

MOSTLY = 0.5
"""Share of a group's accounts that accepted groups hold, from which on it is a part of them."""

MOST_DEGREE = 5.0
"""Of the group's median account, the requests up to which an account counts against independence:
no customer speaks for the group by its size."""


@dataclass(frozen=True)
class Judged:
    """A mined group with everything that speaks for and against it.

    Attributes:
        mined: the group.
        habits, people: measured and tested on the testing half.
        independence: p-value of "unrelated accounts use this by chance".
        elsewhere: what the accounts ask about elsewhere, which takes the place of independence
            where no words are shared; None where it cannot be told.
        outsiders: accounts outside the group that use its main family too.
        harvest: features of the pooled stream as in `extraction.FEATURES`.
        extraction_p: p-value of the harvest test; None where there was no reference.
        concealment: what the accounts declare.
        coordinated: whether e-BH accepts it at the level.
        verdict: the outcome.
    """

    mined: Mined
    habits: Habits
    people: PeopleTest
    independence: float
    elsewhere: Apart | None
    outsiders: int
    harvest: Floats
    extraction_p: float | None
    concealment: Concealment
    coordinated: bool
    verdict: Verdict

    @property
    def harvesting(self) -> bool:
        """Whether the harvest test passes."""
        return self.passes(self.harvest_level)

    @property
    def harvest_level(self) -> float:
        """Level of the harvest test."""
        return EXTRACTION_LEVEL if self.elsewhere is None else STRANGERS_LEVEL

    @property
    def unrelated(self) -> float:
        """P-value of the null that the accounts have nothing to do with each other."""
        return self.independence if self.elsewhere is None else self.elsewhere.p

    @property
    def coordination_p(self) -> float:
        """The largest p-value over the innocent explanations of common control."""
        return max(self.people.p, self.unrelated)

    @property
    def e(self) -> float:
        """Its e-value."""
        return float(e_value(self.coordination_p))

    def passes(self, level: float) -> bool:
        """Whether the harvest test passes at a level."""
        return self.extraction_p is not None and self.extraction_p <= level


def decide(
    coordinated: bool,
    harvesting: bool,
    concealment: Concealment,
    coordination_p: float,
    *,
    wordless: bool,
) -> Verdict:
    """The verdict from its parts.

    Accounts that share no words are called one operator's only for a harvest: that they ask about
    the same mix of things may have reasons that nobody thought of.
    """
    if not coordinated:
        suggestive = coordination_p <= SUGGESTIVE and harvesting
        return Verdict.INCONCLUSIVE if suggestive else Verdict.CLEAR
    if wordless and not harvesting:
        return Verdict.INCONCLUSIVE
    if not harvesting or concealment.open_structure:
        return Verdict.POOLED
    return Verdict.DISTILLATION if concealment.concealed else Verdict.INCONCLUSIVE


@dataclass(frozen=True)
class Court:
    """What groups are judged by: floors, whole customers, traits, everybody else, and the level.

    Accounts beyond a sample, of which fewer requests are read, are compared with a glimpse of the
    same customers by as few: of fewer, fewer are asked again, by anybody.
    """

    floors: Floors
    reference: Reference
    glimpse: Reference
    traits: Traits
    background: Background
    level: float

    def judge(self, groups: Sequence[Mined], beside: Sequence[float] = ()) -> list[Judged]:
        """Judge groups together, by e-BH at the level.

        Args:
            groups: any.
            beside: e-values of other groups that were tested.
        """
        drafts = list(ahead(self._draft, groups))
        accepted = boosted_e_bh([*(draft.e for draft in drafts), *beside], self.level)
        return [
            decided(draft, accepted=bool(ok))
            for draft, ok in zip(drafts, accepted[: len(drafts)], strict=True)
        ]

    def judge_parts(self, parts: list[Mined], wholes: list[Judged]) -> list[Judged]:
        """Judge groups that lie mostly inside accepted ones.

        They say nothing new about whether there is a campaign, only which accounts are in it, so
        each is tested at the level once its whole was accepted (gatekeeping), and costs the other
        groups nothing. Those that fail say nothing, and are not coordinated.
        """
        found = [whole.mined.candidate.accounts for whole in wholes if whole.coordinated]
        inside = np.unique(np.concatenate([*found, np.zeros(0, dtype=np.int64)]))
        drafts = ahead(self._draft, (part for part in parts if _mostly_in(part, inside)))
        return [decided(draft, accepted=draft.coordination_p <= self.level) for draft in drafts]

    def adding(
        self,
        parts: list[Judged],
        beside: Iterable[Judged],
        wholes: list[Judged],
        members: Ints,
    ) -> list[Judged]:
        """The coordinated ones of some parts, and which of them may only join a campaign.

        A part that no campaign has is a discovery of its own: that takes e-BH over all such parts,
        at the share of the level that the accepted wholes are of all of them (Benjamini and
        Bogomolov 2014).

        Args:
            parts: some of which may have been looked at at length.
            beside: all others that were judged.
            wholes: that they lie in.
            members: accounts that are members of a campaign by these.
        """
        share = sum(whole.coordinated for whole in wholes) / max(len(wholes), 1)
        if not share:
            return []
        drafts = [at_length(part) for part in parts]
        tested = [
            part
            for part in (*drafts, *beside)
            if part.mined.around is None and not _mostly_in(part.mined, members)
        ]
        accepted = boosted_e_bh([part.e for part in tested], share * self.level)
        founding = {id(part) for part, ok in zip(tested, accepted, strict=True) if ok}
        return [
            replace(part, mined=replace(part.mined, joins=id(part) not in founding))
            for part in drafts
            if part.coordination_p <= self.level
        ]

    def _draft(self, mined: Mined) -> Judged:
        accounts = mined.candidate.accounts
        half = mined.sample.half(mining=False)
        habits = measure(half, mined.counts[:, 1], self.floors.telling)
        between = test_customers(half, accounts, self.traits, self.floors)
        people = replace(test_people(habits, self.floors), customers=between)
        use = self.background.use(mined)
        row = np.full(len(FEATURES), np.nan)
        extraction_p = None
        if self.reference.sufficient and len(half):
            row = pooled_features(half, self.reference.vocabulary)
            extraction_p = self.reference.p_value(row)
        draft = Judged(
            mined=mined,
            habits=habits,
            people=people,
            independence=self.background.independence_p(mined, use),
            elsewhere=self._elsewhere(mined),
            outsiders=int((use.others > 0).sum()),
            harvest=row,
            extraction_p=extraction_p,
            concealment=judge_concealment(
                accounts, self.traits, codes_of(half.network), codes_of(half.client)
            ),
            coordinated=False,
            verdict=Verdict.CLEAR,
        )
        return at_length(draft)

    def _elsewhere(self, mined: Mined) -> Apart | None:
        if mined.elsewhere is None or not mined.wordless:
            return None
        other = mined.elsewhere.half(mining=False)
        return compare_elsewhere(
            mined.sample.half(mining=False), other, self.floors.telling
        ).of_group


def _mostly_in(mined: Mined, accounts: Ints) -> bool:
    return bool(among(mined.anchor, accounts).mean() >= MOSTLY)


def at_length(judged: Judged) -> Judged:
    """A group with what some of its accounts at full length show of shared items, if that is more.

    What follows from it is for `decided` to say.
    """
    exercise = judged.mined.exercise
    if exercise is None:
        return judged
    if exercise.p <= judged.people.sharing:
        return judged
    return replace(
        judged,
        habits=replace(judged.habits, sharing=exercise.share),
        people=replace(judged.people, sharing=exercise.p),
    )


def decided(draft: Judged, *, accepted: bool) -> Judged:
    """The same group with the verdict that follows once it is known whether e-BH accepts it."""
    return replace(
        draft,
        coordinated=accepted,
        verdict=decide(
            accepted,
            draft.harvesting,
            draft.concealment,
            draft.coordination_p,
            wordless=draft.mined.wordless,
        ),
    )


@dataclass(frozen=True, slots=True)
class Use:
    """Who uses what carries a group's stream, in the testing half.

    Attributes:
        inside: requests of each of the group's accounts.
        others: requests of each account outside that has any.
        rate: how often accounts outside the group do, a request.
    """

    inside: Ints
    others: Ints
    rate: float


@dataclass(frozen=True)
class Background:
    """How much everybody else uses what a group has in common.

    Attributes:
        account: all accounts, sorted.
        requests, tested: their requests, all and in the testing half.
        users: for each family (kind, key) its feeders and their requests in the testing half.
        questioned: accounts of all groups in question, sorted.
    """

    account: Ints
    requests: Ints
    tested: Ints
    users: dict[tuple[int, int], tuple[Ints, Ints]]
    questioned: Ints

    @classmethod
    def of(
        cls, activity: pa.Table, feeders: pa.Table, groups: list[Mined], questioned: Ints
    ) -> Background:
        """Learn how much everybody uses what groups have in common.

        Args:
            activity: `account_activity`, sorted by account.
            feeders: `signals.families.feeders` of the families that carry the groups.
            groups: in question.
            questioned: accounts that were in question before.
        """
        wanted = {f for mined in groups for f in mined.candidate.carrying}
        kind, key = feeders.column("kind").to_numpy(), feeders.column("key").to_numpy()
        account = feeders.column("account").to_numpy()
        tested = (
            feeders.column("requests").to_numpy() - feeders.column("mining_requests").to_numpy()
        )
        order = np.lexsort((account, key, kind))
        starts = np.flatnonzero(
            np.r_[True, (np.diff(kind[order]) != 0) | (np.diff(key[order]) != 0)][: len(order)]
        )
        users = {}
        for rows in np.split(order, starts[1:]):
            if len(rows) and (name := (int(kind[rows[0]]), int(key[rows[0]]))) in wanted:
                users[name] = (account[rows], tested[rows])
        requests = activity.column("requests").to_numpy()
        return cls(
            activity.column("account").to_numpy(),
            requests,
            requests - activity.column("mining_requests").to_numpy(),
            users,
            np.unique(np.concatenate([questioned, *(m.candidate.accounts for m in groups)])),
        )

    def degree(self, accounts: Ints) -> Ints:
        """Requests of some accounts in the testing half."""
        return self.tested[np.searchsorted(self.account, accounts)]

    def requests_of(self, accounts: Ints) -> Ints:
        """All requests of some accounts."""
        return self.requests[np.searchsorted(self.account, accounts)]

    def use(self, mined: Mined) -> Use:
        """Who uses what carries a group's stream, in the testing half."""
        users = [self.users[family] for family in mined.candidate.carrying]
        accounts = np.concatenate([found for found, _ in users])
        used = np.concatenate([count for _, count in users])
        members = mined.candidate.accounts
        core = among(accounts, members)
        inside = np.bincount(np.searchsorted(members, accounts[core]), used[core], len(members))
        known = self._inside(mined)
        outside = ~among(accounts, known)
        _, other, _ = coded(accounts[outside])
        others = np.bincount(other, used[outside]).astype(np.int64)
        rest = self.tested.sum() - self.degree(known).sum()
        return Use(inside.astype(np.int64), others, float((others.sum() + 1) / max(rest, 1)))

    def independence_p(self, mined: Mined, use: Use) -> float:
        """P-value of "the core's accounts use what carries the stream at everybody else's rate".

        Counts of the core in the testing half against Poisson counts at the rate of all other
        accounts, times each account's own number of requests (its degree), of which at most
        `MOST_DEGREE` count.
        """
        degree = self.degree(mined.candidate.accounts)
        part = np.minimum(1, MOST_DEGREE * np.median(degree) / np.maximum(degree, 1))
        expected = use.rate * (part * degree).sum()
        return float(stats.poisson.sf(np.floor((part * use.inside).sum()) - 1, expected))

    def _inside(self, mined: Mined) -> Ints:
        """Accounts that are not everybody else: every campaign asks for reasons in some words."""
        return self.questioned if mined.wordless else mined.candidate.accounts
