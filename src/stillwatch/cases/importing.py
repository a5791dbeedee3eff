"""A scan's results into the database: accounts, campaigns as cases, members, traits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete, insert, select, update

from stillwatch.cases import traits
from stillwatch.cases.account_rows import read_declared, usable, write_accounts
from stillwatch.cases.accounts import chunks
from stillwatch.cases.actors import Permission
from stillwatch.cases.matching import Match, matches
from stillwatch.cases.models import (
    Account,
    Case,
    CaseLink,
    CaseShare,
    CaseStatus,
    Member,
    MemberTrait,
    Scan,
    Sighting,
    Trait,
)
from stillwatch.findings import load_findings
from stillwatch.progress import Silent
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.orm import Session

    from stillwatch.cases.actors import Actor
    from stillwatch.cases.storage import Storage, Unit
    from stillwatch.cases.traits import Shared
    from stillwatch.progress import Progress
    from stillwatch.schema import Campaign

BATCH = 2_000
"""Rows of one statement; an import of many accounts is several transactions, each of which may be
repeated without harm."""

_WEIGHT = {Verdict.DISTILLATION: 2.0, Verdict.POOLED: 1.0, Verdict.INCONCLUSIVE: 0.0}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: cases that are new, and known ones that were seen again."""

    scan_id: int
    opened: tuple[int, ...]
    seen_again: tuple[int, ...]
    accounts: int
    already: bool = False


def import_scan(
    storage: Storage,
    folder: Path,
    *,
    actor: Actor,
    accounts: Path | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Take the results of a scan in.

    Importing the same results again changes nothing. An import that was interrupted is repeated:
    accounts are written first, each to the same values, and the cases come in one transaction.

    Args:
        storage: the database.
        folder: what `stillwatch scan --out` wrote.
        actor: who imports.
        accounts: the provider's account file.
        progress: shows the steps.

    Raises:
        InputError: a file cannot be used.
        ForbiddenError: the actor may not import.
    """
    actor.need(Permission.IMPORT)
    progress = progress or Silent()
    path = folder / "campaigns.json"
    findings = load_findings(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with storage.read() as session:
        known = session.execute(select(Scan.id).where(Scan.digest == digest)).scalar_one_or_none()
    if known is not None:
        return Imported(known, (), (), 0, already=True)
    declared = read_declared(accounts, storage.key) if accounts else None
    # who only has a payer in common is no case: there is nothing to decide
    tested = [one for one in findings.campaigns if not one.by_payer]
    members = {one.campaign_id: [member.account_id for member in one.members] for one in tested}
    with progress.step("reading what campaigns share"):
        shared = traits.shared_traits(folder, members, declared)
    count = write_accounts(storage, folder / "accounts.parquet", declared, progress)
    with (
        progress.step("opening cases", len(tested)) as step,
        storage.write(actor) as unit,
    ):
        scan = Scan(
            digest=digest,
            folder=str(folder),
            imported_at=unit.now,
            as_of=_moment(findings.summary.last_seen),
            key_fingerprint=storage.key.fingerprint,
            requests=findings.summary.requests,
            accounts=findings.summary.accounts,
            rejected=findings.summary.rejected,
            campaigns=len(findings.campaigns),
            summary=msgspec.json.encode(findings.summary).decode(),
        )
        unit.session.add(scan)
        unit.session.flush()
        unit.record("scan.import", f"scan:{scan.id}", f"{scan.campaigns} campaigns", digest=digest)
        opened, again = _cases(unit, scan, tested, shared, step)
        unit.touch_standing()
        number = scan.id
    return Imported(number, tuple(opened), tuple(again), count)


def _cases(
    unit: Unit,
    scan: Scan,
    campaigns: Sequence[Campaign],
    shared: dict[str, list[Shared]],
    step: Any,
) -> tuple[list[int], list[int]]:
    """Open or continue a case for each campaign; a case takes one campaign of a scan."""
    opened: list[int] = []
    again: list[int] = []
    largest = sorted(campaigns, key=lambda one: (-len(one.members), one.campaign_id))
    for campaign in largest:
        mine = shared[campaign.campaign_id]
        ids = [member.account_id for member in campaign.members]
        found = matches(unit.session, campaign.campaign_id, ids, mine)
        taken = {*opened, *again}
        same = next((one for one in found if one.same and one.case_id not in taken), None)
        if same is None:
            case = _open(unit, scan, campaign)
            opened.append(case.id)
        else:
            case = unit.session.get_one(Case, same.case_id)
            _continue(unit, case, scan, campaign, same)
            again.append(case.id)
        _write_members(unit, case, scan, campaign)
        _write_traits(unit.session, case, mine)
        _write_shares(unit.session, case, campaign)
        _link(unit.session, case, found)
        step.advance()
    return opened, again


def _open(unit: Unit, scan: Scan, campaign: Campaign) -> Case:
    case = Case(
        status=CaseStatus.NEW, opened_at=unit.now, updated_at=unit.now, **_facts(scan, campaign)
    )
    unit.session.add(case)
    unit.session.flush()
    _sighting(unit, case, scan, campaign, "first found")
    unit.record(
        "case.open",
        f"case:{case.id}",
        f"{campaign.verdict}, {len(campaign.members)} accounts",
        campaign=campaign.campaign_id,
        verdict=str(campaign.verdict),
        accounts=len(campaign.members),
    )
    return case


def _continue(unit: Unit, case: Case, scan: Scan, campaign: Campaign, match: Match) -> None:
    """Bring a case up to date; one that was settled reopens if accounts joined since."""
    before = case.accounts
    for name, value in _facts(scan, campaign).items():
        setattr(case, name, value)
    case.updated_at = unit.now
    joined = len(campaign.members) - match.members
    case.joined = joined
    decided = case.status in {CaseStatus.DECIDED, CaseStatus.DISMISSED}
    if decided and joined > 0 and campaign.verdict == Verdict.DISTILLATION:
        case.status = CaseStatus.REVIEWING
        unit.record("case.reopen", f"case:{case.id}", f"{joined} accounts joined", joined=joined)
    _sighting(unit, case, scan, campaign, match.why)
    unit.record(
        "case.again",
        f"case:{case.id}",
        match.why,
        campaign=campaign.campaign_id,
        verdict=str(campaign.verdict),
        accounts=len(campaign.members),
        accounts_before=before,
    )


def _facts(scan: Scan, campaign: Campaign) -> dict[str, Any]:
    """The columns of a case that come from its campaign."""
    strongest = campaign.facts[0].text if campaign.facts else ""
    evidence = min(campaign.e_value or 0.0, 1e300)
    return {
        "campaign_id": campaign.campaign_id,
        "verdict": str(campaign.verdict),
        # verdict first, then size; strength of evidence only parts equals
        "rank": _WEIGHT.get(campaign.verdict, 0.0) * 1e12
        + campaign.requests
        + evidence / (1.0 + evidence),
        "first_seen": campaign.first_seen,
        "last_seen": campaign.last_seen,
        "accounts": len(campaign.members),
        "requests": campaign.requests,
        "cost_usd": campaign.cost_usd,
        "headline": strongest,
        "finding": msgspec.json.encode(linked_only(campaign)).decode(),
        "scan_id": scan.id,
    }


def linked_only(campaign: Campaign) -> Campaign:
    """A campaign whose members are cut to those that its links name: bounded, and drawable."""
    named = sorted({end for link in campaign.links for end in (link.source, link.target)})
    place = {member: index for index, member in enumerate(named)}
    return replace(
        campaign,
        members=tuple(campaign.members[member] for member in named),
        links=tuple(
            replace(link, source=place[link.source], target=place[link.target])
            for link in campaign.links
        ),
    )


def _sighting(unit: Unit, case: Case, scan: Scan, campaign: Campaign, why: str) -> None:
    unit.session.add(
        Sighting(
            case_id=case.id,
            scan_id=scan.id,
            campaign_id=campaign.campaign_id,
            verdict=str(campaign.verdict),
            accounts=len(campaign.members),
            requests=campaign.requests,
            e_value=campaign.e_value,
            matched_by=why,
        )
    )


def _write_members(unit: Unit, case: Case, scan: Scan, campaign: Campaign) -> None:
    """Members of this scan; who was one before and is no more stays with its old scan's number."""
    session = unit.session
    known: set[str] = set()
    members = [member for member in campaign.members if usable(member.account_id)]
    for chunk in chunks([member.account_id for member in members]):
        known.update(
            session.execute(
                select(Member.account_id).where(
                    Member.case_id == case.id, Member.account_id.in_(chunk)
                )
            ).scalars()
        )
        session.execute(
            update(Account).where(Account.account_id.in_(chunk)).values(case_id=case.id)
        )
    fresh: list[dict[str, Any]] = []
    old: list[dict[str, Any]] = []
    for member in members:
        row = {
            "case_id": case.id,
            "account_id": member.account_id,
            "requests": member.requests,
            "stream_requests": member.stream_requests,
            "first_seen": member.first_seen,
            "last_seen": member.last_seen,
            "reasons": list(member.reasons),
            "scan_id": scan.id,
        }
        (old if member.account_id in known else fresh).append(row)
    for batch in _batches([{**row, "first_scan_id": scan.id} for row in fresh]):
        session.execute(insert(Member), batch)
    for batch in _batches(old):
        session.execute(update(Member), batch)


def _write_traits(session: Session, case: Case, shared: Sequence[Shared]) -> None:
    """Traits add up over scans; what is seen again takes its new counts."""
    known = {
        (trait.kind, trait.key): trait
        for trait in session.execute(select(Trait).where(Trait.case_id == case.id)).scalars()
    }
    for one in shared:
        trait = known.get((one.kind, one.key))
        if trait is None:
            trait = Trait(case_id=case.id, kind=one.kind, key=one.key)
            session.add(trait)
        trait.accounts, trait.others, trait.requests = one.accounts, one.others, one.requests
    session.flush()
    have = set(
        session.execute(
            select(MemberTrait.account_id, MemberTrait.kind, MemberTrait.key).where(
                MemberTrait.case_id == case.id
            )
        )
    )
    rows = [
        {"case_id": case.id, "account_id": member, "kind": one.kind, "key": one.key}
        for one in shared
        for member in one.members
        if (member, one.kind, one.key) not in have
    ]
    for batch in _batches(rows):
        session.execute(insert(MemberTrait), batch)


def _write_shares(session: Session, case: Case, campaign: Campaign) -> None:
    """Shares are those of the last scan alone."""
    session.execute(delete(CaseShare).where(CaseShare.case_id == case.id))
    rows = [
        {"case_id": case.id, "kind": kind, "value": value, "share": share}
        for kind, shares in _shares_of(campaign).items()
        for value, share in shares.items()
        if share > 0
    ]
    for batch in _batches(rows):
        session.execute(insert(CaseShare), batch)


def _shares_of(campaign: Campaign) -> dict[str, dict[str, float]]:
    """Shares of a campaign's requests by what cases are looked up by."""
    return {
        "capability": campaign.capabilities,
        "model": campaign.models,
        "hour": {str(hour): share for hour, share in enumerate(campaign.hours)},
    }


def _link(session: Session, case: Case, found: Sequence[Match]) -> None:
    """Remember other cases that an investigator should look at beside this one."""
    for match in found:
        if match.case_id == case.id or not match.linked:
            continue
        first, second = sorted((case.id, match.case_id))
        if session.get(CaseLink, (first, second)) is None:
            session.add(CaseLink(case_id=first, other_id=second, why=match.why))


def _batches(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
