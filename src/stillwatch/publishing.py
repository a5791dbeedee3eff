"""From a scan to the snapshot that the guard reads: what is in force, and how to recognise it.

A scan's verdicts become actions as the policy sentences them. A later scan's verdict replaces an
earlier one, so an account that is not accused any more is free again.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import structs

from stillwatch.guard.tracing import PAYMENT_TRAIT
from stillwatch.schema import TEMPLATE_KEYS, Verdict
from stillwatch.standing import Action, KnownCampaign, Snapshot, Standing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import ibis.expr.types as ir

    from stillwatch.guard import Policy
    from stillwatch.schema import Campaign
    from stillwatch.sketch import Sketcher

MIN_REQUESTS = 10
"""A family that members used less often than this is no mark of theirs yet."""

MIN_MEMBERS = 3
"""Members that must use a family, in a campaign of several."""

OWN_FOR = timedelta(days=1)
"""For how long members must have used a family before it is known that nobody else does: what is
new to everybody is first seen with whoever sends most, and on the next day with the others."""

MAX_FAMILIES = 256
"""Families kept of a campaign, those with most requests."""


def snapshot_of(
    campaigns: Sequence[Campaign],
    requests: ir.Table,
    declared: pa.Table | None,
    sketcher: Sketcher,
    *,
    policy: Policy,
    as_of: datetime,
    previous: Snapshot,
    key_fingerprint: str,
) -> Snapshot:
    """The snapshot that follows from a scan.

    Args:
        campaigns: what the scan found.
        requests: the sketches that it looked at.
        declared: the account file, or None.
        sketcher: of the sketches' key.
        policy: sentences the verdicts.
        as_of: event time up to which was scanned.
        previous: the snapshot in force, for the names of budgets.
        key_fingerprint: of the sketches' key.
    """
    marks = _marks(campaigns, requests, sketcher)
    payments = _payments(campaigns, declared, sketcher)
    budgets = _budgets(campaigns, previous)
    known = tuple(
        KnownCampaign(
            campaign_id=campaign.campaign_id,
            verdict=campaign.verdict,
            families=marks.get(campaign.campaign_id, ()),
            payments=payments.get(campaign.campaign_id, ()),
            accounts=len(campaign.members),
            budget=budgets[campaign.campaign_id],
        )
        for campaign in sorted(campaigns, key=lambda c: c.campaign_id)
    )
    standings = [
        _standing(campaign, member.account_id, policy, as_of)
        for campaign in campaigns
        for member in campaign.members
    ]
    return Snapshot(
        sequence=previous.sequence + 1,
        as_of=as_of,
        key_fingerprint=key_fingerprint,
        standings=tuple(sorted(standings, key=lambda s: s.account_id)),
        campaigns=known,
    )


def with_step_up(snapshot: Snapshot, asked: Sequence[Standing]) -> Snapshot:
    """The same, with accounts that are asked to verify because of what partners have shared.

    Nothing stricter becomes milder, and what has ended at the snapshot's moment is left out.
    """
    standings = {standing.account_id: standing for standing in snapshot.standings}
    for standing in asked:
        known = standings.get(standing.account_id, Standing(account_id=standing.account_id))
        ended = standing.expires_at is None or (
            snapshot.as_of is not None and standing.expires_at <= snapshot.as_of
        )
        if not ended and known.action.severity < standing.action.severity:
            standings[standing.account_id] = structs.replace(
                known,
                action=standing.action,
                reason=standing.reason,
                notice=standing.notice,
                author=standing.author,
                since=standing.since,
                expires_at=standing.expires_at,
            )
    return structs.replace(snapshot, standings=tuple(s for _, s in sorted(standings.items())))


def sentenced(snapshot: Snapshot, policy: Policy) -> Snapshot:
    """A snapshot as if all of it had been known from the beginning, to try a policy on past data.

    What people decided stands; members of campaigns that nobody decided about get what the policy
    does with their verdict. Nothing has a beginning or an end.

    Args:
        snapshot: what is in force now.
        policy: the one that is tried.
    """
    standings = (
        msgspec.structs.replace(
            standing,
            action=_sentence(policy, standing.verdict),
            reason=f"{standing.verdict} in campaign {standing.campaign_id}",
            author="scan:past",
        )
        if standing.action is Action.ALLOW and standing.verdict and standing.campaign_id
        else standing
        for standing in snapshot.standings
    )
    return msgspec.structs.replace(
        snapshot,
        standings=tuple(
            msgspec.structs.replace(one, since=None, expires_at=None) for one in standings
        ),
    )


def _sentence(policy: Policy, verdict: Verdict) -> Action:
    sentence = getattr(policy.verdicts, verdict)
    suspend = sentence.suspension != "never" and sentence.action is not Action.ALLOW
    return Action.SUSPEND if suspend else sentence.action


def _standing(campaign: Campaign, account: str, policy: Policy, as_of: datetime) -> Standing:
    lasts = getattr(policy.verdicts, campaign.verdict).lasts
    return Standing(
        account_id=account,
        action=_sentence(policy, campaign.verdict),
        verdict=campaign.verdict,
        campaign_id=campaign.campaign_id,
        reason=_reason(campaign),
        author=f"scan:{as_of:%Y-%m-%dT%H:%M:%SZ}",
        since=as_of,
        expires_at=as_of + timedelta(seconds=lasts.seconds),
    )


def _reason(campaign: Campaign) -> str:
    fact = f": {campaign.facts[0].text}" if campaign.facts else ""
    return f"{campaign.verdict} in campaign {campaign.campaign_id}{fact}"


def _budgets(campaigns: Sequence[Campaign], previous: Snapshot) -> dict[str, str]:
    """Names of budgets: a campaign inherits the one that most of its members drew on."""
    names = {known.campaign_id: known.budget for known in previous.campaigns}
    drew = {
        standing.account_id: names.get(standing.campaign_id, "")
        for standing in previous.standings
        if standing.campaign_id
    }
    found: dict[str, str] = {}
    taken: set[str] = set()
    for campaign in sorted(campaigns, key=lambda c: (-len(c.members), c.campaign_id)):
        votes = Counter(name for m in campaign.members if (name := drew.get(m.account_id)))
        free = [(n, name) for name, n in votes.items() if name not in taken]
        budget = max(free)[1] if free else campaign.campaign_id
        taken.add(budget)
        found[campaign.campaign_id] = budget
    return found


def _marks(
    campaigns: Sequence[Campaign], requests: ir.Table, sketcher: Sketcher
) -> dict[str, tuple[tuple[str, int], ...]]:
    """Templates that members of an accused campaign have used for a while, and nobody else ever."""
    accused = [c for c in campaigns if c.verdict is Verdict.DISTILLATION]
    if not accused:
        return {}
    members = _members(accused, sketcher)
    sizes = {c.campaign_id: len(c.members) for c in accused}
    found: dict[str, list[tuple[str, int]]] = {}
    for row in _only_members(requests, members).to_pyarrow().to_pylist():
        families = found.setdefault(row["campaign"], [])
        if row["accounts"] >= min(MIN_MEMBERS, sizes[row["campaign"]]):
            families.append((TEMPLATE_KEYS[row["kind"]], row["key"]))
    return {name: tuple(sorted(families[:MAX_FAMILIES])) for name, families in found.items()}


def _members(campaigns: Sequence[Campaign], sketcher: Sketcher) -> ir.Table:
    ids = pa.array([m.account_id for c in campaigns for m in c.members])
    names = pa.array([c.campaign_id for c in campaigns for _ in c.members])
    return ibis.memtable(pa.table({"account": sketcher.account_keys(ids), "campaign": names}))


def _only_members(requests: ir.Table, members: ir.Table) -> ir.Table:
    """Families of one campaign and nobody else: `campaign`, `kind`, `key`, `accounts`, most first.

    Counted over all requests, so a phrase that one outsider used once is no mark.
    """
    parts = [
        requests.select("account", "timestamp", kind=ibis.literal(code, "int8"), key=requests[name])
        for code, name in enumerate(TEMPLATE_KEYS)
    ]
    keys = ibis.union(*parts, distinct=False)
    keys = keys.filter(keys.key.notnull())
    counted = keys.group_by("kind", "key", "account").agg(
        requests=keys.count(), first=keys.timestamp.min(), last=keys.timestamp.max()
    )
    joined = counted.left_join(members, "account")
    families = joined.group_by("kind", "key").agg(
        accounts=joined.count(),
        inside=joined.campaign.count(),
        campaigns=joined.campaign.nunique(),
        campaign=joined.campaign.max(),
        requests=joined.requests.sum(),
        first=joined["first"].min(),
        last=joined["last"].max(),
    )
    own_for = ibis.interval(seconds=int(OWN_FOR.total_seconds()))
    kept = families.filter(
        (families.accounts == families.inside)
        & (families.campaigns == 1)
        & (families.requests >= MIN_REQUESTS)
        & (families["last"] >= families["first"] + own_for)
    )
    return kept.order_by(ibis.desc("requests"), "kind", "key")


def _payments(
    campaigns: Sequence[Campaign], declared: pa.Table | None, sketcher: Sketcher
) -> dict[str, tuple[int, ...]]:
    """Payers that only members of an accused campaign have, and at least two of them."""
    if declared is None:
        return {}
    of_member = {
        m.account_id: c.campaign_id
        for c in campaigns
        if c.verdict is Verdict.DISTILLATION
        for m in c.members
    }
    paid = declared.select(["account_id", "payment_fingerprint"]).filter(
        pc.is_valid(declared.column("payment_fingerprint"))
    )
    payers: dict[str, list[str | None]] = {}
    columns = (paid.column(name).to_pylist() for name in paid.column_names)
    for account, payer in zip(*columns, strict=True):
        payers.setdefault(payer, []).append(of_member.get(account))
    exclusive: dict[str, list[str]] = {}
    for payer, owners in sorted(payers.items()):
        if len(owners) >= 2 and owners[0] is not None and len(set(owners)) == 1:
            exclusive.setdefault(owners[0], []).append(payer)
    return {name: payment_keys(found, sketcher) for name, found in exclusive.items()}


def payment_keys(payers: Sequence[str], sketcher: Sketcher) -> tuple[int, ...]:
    """Payment fingerprints as `KnownCampaign.payments` has them, sorted."""
    keys = sketcher.trait_keys(pa.array(payers, pa.string()), PAYMENT_TRAIT)
    return tuple(sorted(keys.to_pylist()))
