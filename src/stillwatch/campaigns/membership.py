"""Which accounts are in a campaign, on their own evidence, and which groups are one campaign.

Being in a group that is one operator's is not enough: an account stays only if its own stream looks
like the group's and, where others use the same words, if it uses them far more than they do. An
account that several groups claim belongs to the one with most of its requests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.ahead import ahead
from stillwatch.campaigns.candidates import MIN_CORE_REQUESTS, Candidate
from stillwatch.campaigns.coding import pairs
from stillwatch.campaigns.elsewhere import compare_elsewhere, covered_alike, one_job
from stillwatch.campaigns.exchangeability import account_ratios
from stillwatch.campaigns.extraction import Reference, harvest_features
from stillwatch.campaigns.habits import compare_content, compare_hours, converses
from stillwatch.campaigns.judge import STRANGERS_LEVEL
from stillwatch.campaigns.look import found_in, worth_a_look
from stillwatch.campaigns.split import impersonal
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stillwatch.campaigns.elsewhere import Elsewhere
    from stillwatch.campaigns.judge import Court, Judged
    from stillwatch.campaigns.look import Look
    from stillwatch.campaigns.stream import Stream
    from stillwatch.campaigns.telling import Telling

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

VERDICT_ORDER = (Verdict.DISTILLATION, Verdict.POOLED, Verdict.INCONCLUSIVE)
"""Verdicts on groups, the most certain first; a group that is clear is no campaign."""

IN_QUESTION = frozenset((Verdict.DISTILLATION, Verdict.INCONCLUSIVE))
"""Verdicts under which something is held against an account."""

OWN_RATE = 0.001
"""P-value of an account's own use of the group's words at everybody else's rate."""

OWN_HARVEST = 0.1
"""Level of the harvest test on an account's own part of the stream: an account whose part looks
ordinary is not accused for the company it keeps."""

OWN_CONTENT = 0.01
"""P-value of "this account keeps to topics of its own as this log's average customer does", up to
which an account of a group stays. Most strangers who use a group's words say them about things of
their own. Customers differ, so more than one in a hundred would pass: in five simulated logs, of
some 10,000 honest accounts one passed this and stood in an accused group at all."""

OWN_ELSEWHERE = 0.05
"""P-value of "it asks about the same things elsewhere", from which on an account is not accused:
what it asks for is its own."""

OWN_TOPICS = 0.001
"""The same p-value, up to which an account of a group without words in common may be accused; the
level of the harvest test on its part is `STRANGERS_LEVEL` then. In three simulated logs none of 237
honest individuals who ask for reasons had so little. Of an account that has no topics elsewhere it
cannot be told, and with no words and no topics nothing speaks against it: a platform of many users
looks the same."""

OWN_RHYTHM = 0.05
"""P-value of "it keeps hours of its own as a member of the least individual honest group", up to
which an account without words in common with its group stays, if lost hours speak against the
group: who shares no words may share nothing."""

OWN_HABIT = 0.01
"""P-value of "it has no hours of its own", and of the same for topics, up to which on both an
account is not accused for a slice of what it does, if lost hours speak against the group. Who works
through a queue in office hours has hours but no topics."""

LEAST_QUOTA, MOST_QUOTA = 0.1, 5.0
"""Of the group's median account, what an account's part may be: quotas of one queue are uneven, but
a customer with twenty times as much has work of its own (log-sd .6 stays inside in 99 of 100)."""

LEAST_SHARE = 0.05
"""Share of all that an account does that must be in the stream: cover of twenty to one is more than
an operator can pay for."""

SLICE = 0.5
"""Share of all that an account does below which the stream may be a slice of a job of its own."""

LEAST_DAYS = 0.2
"""Of the group's median account, the days that an account's part of the stream must be spread over:
a benchmark that runs for an evening meets a campaign and is not part of it."""

SHARED = 0.2
"""Share of an account's items that others also send, from which on it does what others do."""

TALKS = 0.15
"""Share of an account's requests that go on with a conversation, from which on it has one of its
own: of accounts that drain a queue, dressed as conversations too, 95 of 100 had less than .04."""

MIN_PART, DEDICATED = 12, 0.8
"""Requests in the stream without which an account is accused only if that share of all it does is
in the stream: people who happen to ask so now and then do other things most of the time."""

MIN_OWN = 4
"""Requests of its own without which an account cannot be judged by them."""

MIN_NEW = 2
"""Accounts of its own that a campaign needs."""

MOST_PARTS = 3
"""Parts of groups in which an account is looked for that is no member of a group."""

ABSORBED = 0.5
"""Share of a group's accounts that another campaign already has, from which on it is part of it."""


@dataclass(frozen=True)
class Grouped:
    """A campaign in the making.

    Attributes:
        groups: the strongest first.
        added: how many accounts each of them brought.
        accounts: all of them, sorted.
    """

    groups: tuple[Judged, ...]
    added: tuple[int, ...]
    accounts: Ints

    @property
    def candidate(self) -> Candidate:
        """Its accounts, and the families of all its groups, each once."""
        found = {(f.kind, f.key): f for g in self.groups for f in g.mined.candidate.families}
        return Candidate(self.accounts, tuple(found.values()))

    @property
    def lead(self) -> Judged:
        """The group that the verdict rests on."""
        return self.groups[0]


class Membership:
    """Which accounts of a group stay on their own evidence; no group is looked at twice."""

    def __init__(self, court: Court) -> None:
        self.court = court
        self._seen: dict[tuple[int, Verdict], tuple[Judged, Ints]] = {}

    def of(self, judged: Judged, public: Ints) -> Ints:
        """Accounts of a group that stay, sorted.

        Of each it must be ruled out that it keeps to topics of its own; and it must use the words
        that the group shares, if it shares any, far more than others do. Where the group may be
        accused, the stream must not be a slice of a job of its own, nor its items the others', too.
        Where it is, its part of the stream must also be large enough, look like a harvest by itself
        and consist of items of its own; a slice must not show a person where the others have lost
        their hours; and it must not belong to an organisation in the open.

        Args:
            judged: the group.
            public: bodies in its looks that accounts outside of all judged groups send too, sorted.
        """
        # by the object, which is kept, so that no other takes its number
        key = (id(judged.mined), judged.verdict)
        if key not in self._seen:
            self._seen[key] = (judged, self._own_evidence(judged))
        found = self._seen[key][1]
        if judged.verdict is not Verdict.DISTILLATION:
            return found
        others = found_in(
            judged.mined.looks, lambda look: doing_what_others_do(look.sample, public)
        )
        return np.setdiff1d(found, others)

    def _own_evidence(self, judged: Judged) -> Ints:
        mined, court = judged.mined, self.court
        background = court.background
        accounts = mined.candidate.accounts
        used = mined.counts.sum(axis=1)

        def kept(rule: Callable[[Look], Ints]) -> NDArray[np.bool_]:
            return np.isin(accounts, found_in(mined.looks, rule))

        def slices(rule: Callable[[Look], Ints]) -> NDArray[np.bool_]:
            part: NDArray[np.bool_] = stays & (used < SLICE * background.requests_of(accounts))
            return part & kept(rule) if part.any() else part

        stays = used >= MIN_CORE_REQUESTS
        stays &= kept(lambda look: impersonal(look.sample, court.floors, OWN_CONTENT))
        if judged.verdict in IN_QUESTION and mined.exercise is not None:
            stays &= ~np.isin(accounts, mined.exercise.accounts)
        if judged.verdict is Verdict.DISTILLATION:
            stays &= (used >= MIN_PART) | (used >= DEDICATED * background.requests_of(accounts))
            quota = np.median(used[stays]) if stays.any() else 0
            stays &= (used >= LEAST_QUOTA * quota) & (used <= MOST_QUOTA * quota)
            share = used / np.maximum(background.requests_of(accounts), 1)
            stays &= share >= LEAST_SHARE
            if mined.wordless:
                stays &= covered_alike(share, stays)
            stays &= kept(lambda look: _accused(look, judged, court))
            if judged.people.rhythm <= court.level and not mined.wordless:
                stays &= ~slices(lambda look: personal(look.sample, court.floors.telling))
            stays &= ~court.traits.openly_organised(accounts)
        if judged.verdict in IN_QUESTION and not mined.wordless:
            stays &= ~slices(lambda look: one_job(look.sample, look.elsewhere))
        if not mined.wordless:
            rate, degree = background.use(mined).rate, background.degree(accounts)
            stays &= stats.poisson.sf(used - 1, rate * degree) <= OWN_RATE
        found: Ints = accounts[stays]
        return found


def _accused(look: Look, judged: Judged, court: Court) -> Ints:
    """Accounts whose requests in a look are a harvest, and for which none of them speaks."""
    sample = look.sample
    accounts = np.unique(sample.account)
    stays = ~np.isin(accounts, passing_through(sample))
    compared = compare_elsewhere(sample, look.elsewhere, court.floors.telling)
    own = compared.telling & (compared.p > OWN_ELSEWHERE)
    stays &= ~np.isin(accounts, compared.accounts[own])
    reference = court.reference if sample is judged.mined.sample else court.glimpse
    stays &= np.isin(accounts, _harvesting(sample, judged, reference, compared))
    stays &= ~np.isin(accounts, _keeping_hours(sample, judged, court))
    stays &= ~np.isin(accounts, conversing(sample))
    found: Ints = accounts[stays]
    return found


def _harvesting(sample: Stream, judged: Judged, reference: Reference, compared: Elsewhere) -> Ints:
    """Accounts of a group whose own part of its stream looks like a harvest."""
    if not judged.mined.wordless:
        return harvesting_accounts(sample, reference, OWN_HARVEST)
    strangers = compared.accounts[compared.p <= OWN_TOPICS]
    alike = harvesting_accounts(sample, reference, STRANGERS_LEVEL)
    return np.intersect1d(alike, strangers)


def _keeping_hours(sample: Stream, judged: Judged, court: Court) -> Ints:
    """Accounts of a group without words in common that may have hours of their own."""
    floor = court.floors.rhythm
    if not judged.mined.wordless or floor is None or judged.people.rhythm > court.level:
        return sample.account[:0]
    accounts, _, _ = sample.coded()
    agreeing, expected = account_ratios(compare_hours(sample))
    p = stats.poisson.cdf(np.ceil(agreeing), expected * np.exp(floor))
    found: Ints = accounts[p > OWN_RHYTHM]
    return found


def harvesting_accounts(stream: Stream, reference: Reference, level: float) -> Ints:
    """Accounts whose own requests in a stream pass the harvest test at a level."""
    if not reference.sufficient or not len(stream):
        return np.zeros(0, dtype=np.int64)
    accounts, codes, sizes = stream.coded()
    rows = harvest_features(stream, codes, len(accounts), reference.vocabulary)
    found: Ints = accounts[(sizes >= MIN_OWN) & (reference.alike(rows) <= level)]
    return found


def passing_through(stream: Stream) -> Ints:
    """Accounts whose requests come in a small part of the days that the others' come in.

    Days count by Simpson's index: a stray request makes no day.
    """
    accounts, codes, sizes = stream.coded()
    owner, _, times = pairs(codes, stream.slot // 24)
    days = sizes**2 / np.bincount(owner, times.astype(np.float64) ** 2, len(accounts))
    return accounts[days < LEAST_DAYS * np.median(days)] if len(days) else accounts


def personal(stream: Stream, telling: Telling | None) -> Ints:
    """Accounts that keep to hours and to topics of their own, rather than to the others'."""
    content = compare_content(stream, telling)
    stays = np.ones(len(content.accounts), dtype=bool)
    for habit in (compare_hours(stream), content.pairs):
        agreeing, expected = account_ratios(habit)
        stays &= stats.poisson.sf(np.ceil(agreeing) - 1, expected) <= OWN_HABIT
    found: Ints = content.accounts[stays]
    return found


def conversing(stream: Stream) -> Ints:
    """Accounts that often go on with what they asked: people talk, queues do not."""
    accounts, codes, sizes = stream.coded()
    return accounts[np.bincount(codes, converses(stream), len(accounts)) > TALKS * sizes]


def doing_what_others_do(stream: Stream, public: Ints) -> Ints:
    """Accounts of which many items are public: a benchmark, an exercise, a viral prompt."""
    accounts, codes, sizes = stream.coded()
    known = np.isin(stream.body, public)
    return accounts[np.bincount(codes, known, len(accounts)) > SHARED * sizes]


def _with_members(judged: Judged, membership: Membership, public: Ints) -> tuple[Judged, list[int]]:
    """A group and its accounts; for a human to look at where too few can be accused."""
    members = membership.of(judged, public).tolist()
    if judged.verdict is not Verdict.DISTILLATION or len(members) >= MIN_NEW:
        return judged, members
    doubtful = replace(judged, verdict=Verdict.INCONCLUSIVE)
    return doubtful, membership.of(doubtful, public).tolist()


def divided(parts: Sequence[Judged], members: Ints) -> tuple[list[Judged], list[Judged]]:
    """Parts to look at closely for accounts that are no members yet, and the others.

    Each account is looked for in the first `MOST_PARTS` parts that have it: templates of one pool
    have the same accounts over and over.

    Args:
        parts: the surest first.
        members: accounts that are members already.
    """
    worth = list(worth_a_look((p.mined.candidate.accounts for p in parts), members, MOST_PARTS))
    return list(compress(parts, worth)), list(compress(parts, map(not_, worth)))


def without(campaigns: Iterable[Grouped], accounts: Ints, *, least: int = 1) -> list[Grouped]:
    """The groups without accounts that have a verdict of their own.

    Args:
        campaigns: groups.
        accounts: those accounts: accused of acting alone, or in a campaign that was found before.
        least: accounts that must be left of a group that loses some.
    """
    left = [replace(g, accounts=np.setdiff1d(g.accounts, accounts)) for g in campaigns]
    return [
        group
        for group, whole in zip(left, campaigns, strict=True)
        if len(group.accounts) >= min(least, len(whole.accounts))
    ]


def combine(
    judged: list[Judged],
    parts: list[Judged],
    membership: Membership,
    public: Ints,
    beside: Sequence[Judged] = (),
) -> list[Grouped]:
    """Groups of one verdict into campaigns, strongest verdict and largest group first.

    Args:
        judged: the groups that were tested.
        parts: groups inside them; of those that no campaign has yet, some may be one of their own.
        membership: by the court that judged them.
        public: bodies that accounts outside of the groups send too, sorted.
        beside: parts whose accounts were looked at in others: they bring no account, but the
            families that a campaign's members share.
    """
    order = sorted(
        (j for j in judged if j.verdict in VERDICT_ORDER),
        key=lambda j: (
            VERDICT_ORDER.index(j.verdict),
            -len(j.mined.candidate.accounts),
            j.coordination_p,
        ),
    )
    campaigns: list[tuple[list[Judged], list[int], set[int]]] = []
    taken: dict[int, int] = {}
    looked_at = ahead(lambda one: _with_members(one, membership, public), [*order, *parts])
    for group, members in looked_at:
        new = [account for account in members if account not in taken]
        # of a large group the sample tells whose it is: beyond it nobody was looked for twice
        told = np.intersect1d(members, group.mined.sample.account)
        if group.mined.around is not None:
            told = np.intersect1d(told, group.mined.around)
        told = told.tolist()
        claims = [taken[account] for account in told if account in taken]
        if claims and len(claims) >= ABSORBED * len(told):
            home = max(set(claims), key=lambda c: (claims.count(c), -c))
            if campaigns[home][0][0].verdict != group.verdict:
                continue
        elif group.verdict in VERDICT_ORDER and len(new) >= MIN_NEW and not group.mined.joins:
            home = len(campaigns)
            campaigns.append(([], [], set()))
        else:
            continue
        campaigns[home][0].append(group)
        campaigns[home][1].append(len(new))
        campaigns[home][2].update(new)
        taken |= dict.fromkeys(new, home)
    for group in beside:
        homes = [taken[a] for a in group.mined.anchor.tolist() if a in taken]
        if len(homes) < max(1, ABSORBED * len(group.mined.anchor)):
            continue
        home = max(set(homes), key=lambda c: (homes.count(c), -c))
        if campaigns[home][0][0].verdict == group.verdict:
            campaigns[home][0].append(group)
            campaigns[home][1].append(0)
    return [
        Grouped(tuple(groups), tuple(added), np.array(sorted(accounts), dtype=np.int64))
        for groups, added, accounts in campaigns
        if accounts
    ]
