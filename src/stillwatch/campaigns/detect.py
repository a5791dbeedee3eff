"""The whole of detection: from sketches and account traits to verdicts.

    mine ──▶ judge ──▶ combine ──▶ describe ──▶ write
      └──▶ lone extractors, payers ───┘

Mining sees one half of the evidence and judging the other. Nothing here reads a clock or a random
source but the seed of the halves, and every table is sorted before it is used, so the same sketches
give the same verdicts byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.before import NOTHING_BEFORE, Before, accounts_of
from stillwatch.campaigns.beyond import look_beyond, look_elsewhere
from stillwatch.campaigns.describe import deeds
from stillwatch.campaigns.exercise import look_at_length
from stillwatch.campaigns.judge import Background, Court, Judged
from stillwatch.campaigns.lone import lone_extractors
from stillwatch.campaigns.membership import (
    IN_QUESTION,
    MIN_NEW,
    Membership,
    combine,
    divided,
    without,
)
from stillwatch.campaigns.mine import mine
from stillwatch.campaigns.moves import moves
from stillwatch.campaigns.payer import one_payers
from stillwatch.campaigns.prior import NO_PRIORS, Priors
from stillwatch.campaigns.trial import Trial
from stillwatch.campaigns.write import Directory, account_table, in_order, write
from stillwatch.schema import Campaign, DeclaredEntry, PriorSource, Verdict

Ints = NDArray[np.int64]

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.evidence import Evidence
    from stillwatch.campaigns.individuals import Floors
    from stillwatch.campaigns.lone import Lone
    from stillwatch.campaigns.membership import Grouped
    from stillwatch.campaigns.payer import OnePayer
    from stillwatch.campaigns.sampling import Mined
    from stillwatch.progress import Step

STEPS = 9


@dataclass(frozen=True)
class Detection:
    """The outcome of detection.

    Attributes:
        campaigns: what was tested first, most certain verdict first, then largest.
        accounts: `schema.ACCOUNT_VERDICTS`, ordered by account id.
        floors: what the benign-group null asked for; a habit that could not be used is None.
        judged: every group that was tested.
        looked_at: groups that mining looked at.
        customers: whole customers in the harvest test's reference.
        examples: request keys by campaign id, as many as were asked for.
        trial: what the verdicts follow from, to reach them again.
        members: account keys by campaign id, in the order of the campaign's members, of what was
            found now.
        standing: ids of campaigns that an earlier scan found and that stand as they were.
        declared: entries of declared structure, and what they covered.
        priors: partners who said where to look, and what came of it.
    """

    campaigns: tuple[Campaign, ...]
    accounts: pa.Table
    floors: Floors
    judged: tuple[Judged, ...]
    looked_at: int
    customers: int
    examples: dict[str, tuple[int, ...]]
    trial: Trial
    members: dict[str, tuple[int, ...]]
    standing: frozenset[str] = frozenset()
    declared: tuple[DeclaredEntry, ...] = ()
    priors: tuple[PriorSource, ...] = ()


def _public_items(evidence: Evidence, judged: list[Judged]) -> Ints:
    """Bodies in looks at accused groups that accounts outside of these groups send too."""
    accused = [j.mined for j in judged if j.verdict is Verdict.DISTILLATION]
    none = np.zeros(0, dtype=np.int64)
    bodies = np.concatenate([none, *(m.bodies for m in accused)])
    inside = np.concatenate([none, *(m.candidate.accounts for m in accused)])
    return evidence.senders(bodies, without=inside)


def _seen_elsewhere(evidence: Evidence, groups: list[Judged], known: Ints) -> list[Judged]:
    """The same, with what accounts do outside of the group's stream, of those in question."""
    unseen = [
        place
        for place, group in enumerate(groups)
        if group.verdict in IN_QUESTION and group.mined.elsewhere is None
    ]
    seen = look_elsewhere(evidence, [groups[place].mined for place in unseen], known)
    return _with(groups, unseen, seen)


def _at_length(evidence: Evidence, court: Court, groups: list[Judged]) -> list[Judged]:
    """The same parts, with what some accounts of each in question show at full length."""
    places = [place for place, group in enumerate(groups) if group.verdict in IN_QUESTION]
    seen = look_at_length(evidence, [groups[p].mined for p in places], court.floors.telling)
    return _with(groups, places, seen)


def _seen_whole(
    evidence: Evidence, judged: list[Judged], parts: list[Judged], membership: Membership
) -> tuple[list[Judged], list[Judged], list[Judged]]:
    """The groups looked at closely: elsewhere, and at the accounts that the samples lack.

    Returns:
        The whole groups; the parts that may add members to what these have, looked at closely only
        for accounts that are no members yet; and the other parts as they are.
    """
    nobody = np.zeros(0, dtype=np.int64)
    court = membership.court
    judged = _looked_beyond(evidence, _seen_elsewhere(evidence, judged, nobody), nobody)
    if not parts:
        return judged, [], []
    found = combine(judged, [], membership, _public_items(evidence, judged))
    members = np.concatenate([nobody, *(group.accounts for group in found)])
    adding, beside = divided([part for part in parts if part.coordinated], members)
    others = [*beside, *(part for part in parts if not part.coordinated)]
    adding = court.adding(_at_length(evidence, court, adding), others, judged, members)
    adding = _looked_beyond(evidence, _seen_elsewhere(evidence, adding, members), members)
    return judged, adding, beside


def _accounts(campaigns: Iterable[Grouped]) -> Ints:
    """All accounts of some campaigns, sorted."""
    return np.unique(np.concatenate([np.zeros(0, np.int64), *(g.accounts for g in campaigns)]))


def _says_more(lone: Lone, doubtful: Ints) -> bool:
    """Whether the verdict on an account alone says more than that of a group that is in doubt."""
    if lone.verdict is Verdict.INCONCLUSIVE:
        return lone.account not in doubtful
    return lone.verdict is not Verdict.CLEAR


def _looked_beyond(evidence: Evidence, groups: list[Judged], known: Ints) -> list[Judged]:
    doubtful = [place for place, group in enumerate(groups) if group.verdict is not Verdict.CLEAR]
    closer = look_beyond(evidence, [groups[place].mined for place in doubtful], known)
    return _with(groups, doubtful, closer)


def _with(groups: list[Judged], places: list[int], mined: list[Mined]) -> list[Judged]:
    """Groups of which some have been looked at more closely."""
    found = list(groups)
    for place, closer in zip(places, mined, strict=True):
        found[place] = replace(groups[place], mined=closer)
    return found


def detect(
    evidence: Evidence,
    names: pa.Table,
    traits: Traits,
    step: Step,
    *,
    level: float,
    examples: int = 0,
    priors: Priors = NO_PRIORS,
    before: Before = NOTHING_BEFORE,
) -> Detection:
    """Find the campaigns among the requests of a store.

    Args:
        evidence: the requests.
        names: `account`, `account_id` of every account, ordered by id.
        traits: what the accounts declare, of every account.
        step: advanced `STEPS` times.
        level: false discovery rate of accused groups.
        examples: requests of each campaign to name, for its examples.
        priors: families that are looked at in any case.
        before: what an earlier scan found, where `evidence` shows what has grown since.
    """
    activity = evidence.activity
    directory = Directory.of(names, activity)
    traits = traits.seen_from(activity.column("first_seen"))
    step.advance()
    mined = mine(evidence, traits, step, priors, before)
    groups = mined.candidates + mined.parts
    feeders = evidence.feeding.of(
        {family for group in groups for family in group.candidate.carrying}
    )
    background = Background.of(activity, feeders, groups, before.questioned)
    court = Court(mined.floors, mined.reference, mined.glimpse, traits, background, level)
    judged = court.judge(mined.candidates, before.tested)
    parts = court.judge_parts(mined.parts, judged)
    membership = Membership(court)
    judged, parts, beside = _seen_whole(evidence, judged, parts, membership)
    public = _public_items(evidence, [*judged, *parts])
    campaigns = combine(judged, parts, membership, public, beside)
    standing = before.standing(campaigns)
    kept = accounts_of(standing)
    campaigns = without(campaigns, kept, least=MIN_NEW)
    step.advance()
    doubtful = _accounts(g for g in campaigns if g.lead.verdict is Verdict.INCONCLUSIVE)
    explained = np.union1d(np.setdiff1d(_accounts(campaigns), doubtful), kept)
    settled = np.union1d(explained, before.settled)
    alone = lone_extractors(evidence, settled, mined.reference, traits, level)
    lone = [x for x in alone if _says_more(x, doubtful)]
    accused = np.array([x.account for x in lone], dtype=np.int64)
    campaigns = without(campaigns, accused)
    known = np.concatenate([_accounts(campaigns), accused, kept])
    beside_them = before.of_payers(known)
    paid = one_payers(evidence, traits, np.union1d(known, accounts_of(beside_them)))
    step.advance()
    found: list[Grouped | Lone | OnePayer] = [*campaigns, *lone, *paid]
    done = deeds(evidence, [one.candidate for one in found], examples)
    new = [
        write(one, d, directory, traits, mined.floors, level, moves=over).named(
            priors.of(one.candidate.families)
        )
        for one, d, over in zip(found, done, moves(evidence, done), strict=True)
    ]
    standing += beside_them
    written = in_order([*standing, *new])
    step.advance()
    return Detection(
        campaigns=tuple(entry.campaign for entry in written),
        accounts=account_table(written, directory, judged=mined.floors.content is not None),
        floors=mined.floors,
        judged=tuple(judged),
        looked_at=mined.looked_at,
        examples={entry.campaign.campaign_id: entry.examples for entry in written},
        customers=len(mined.reference.features),
        trial=Trial.of(court, judged, parts, campaigns, public, lone, paid).after(before, kept),
        members={entry.campaign.campaign_id: entry.keys for entry in new},
        standing=frozenset(entry.campaign.campaign_id for entry in standing),
    )
