"""Whom a decision about a case hits and whom it spares, before anything happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from stillwatch.cases.models import Account, Case, Member
from stillwatch.standing import Action

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from stillwatch.cases.rules import Rules


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom a decision about a case would hit, and whom it would spare.

    Attributes:
        targets: accounts that would get the action.
        cleared: members with an upheld appeal, who are spared.
        deleted: members that the provider deleted, who are spared.
        left: former members that the last scan did not find again, who are spared.
        stricter: targets for whom something stricter is in force and stays so.
        verified: targets that have reached at least the payment level.
        organisations: declared organisations among the targets.
        requests: all requests of the targets in the last scan.
        stream_requests: their requests in the campaign's stream.
        needs_approval: whether a second person must agree.
    """

    targets: int
    cleared: int
    deleted: int
    left: int
    stricter: int
    verified: int
    organisations: int
    requests: int
    stream_requests: int
    needs_approval: bool


def targets_of(case: Case) -> Select[str]:
    """Current members of a case that a decision may hit: not cleared by an appeal, not deleted."""
    return (
        select(Member.account_id)
        .join(Account, Account.account_id == Member.account_id)
        .where(
            Member.case_id == case.id,
            Member.scan_id == case.scan_id,
            Account.deleted_at.is_(None),
            Account.cleared_at.is_(None),
        )
        .order_by(Member.stream_requests.desc(), Member.account_id)
    )


def preview(session: Session, rules: Rules, case: Case, action: Action) -> Preview:
    """Count whom a decision about a case would hit."""
    hit = targets_of(case).order_by(None).subquery()
    severities = [one for one in Action if one.severity > action.severity]
    row = session.execute(
        select(
            func.count(),
            func.count().filter(Account.action.in_(severities)),
            func.count().filter(Account.level.in_(("payment", "organisation"))),
            func.count(func.distinct(Account.organization_id)),
            func.coalesce(func.sum(Account.requests), 0),
        )
        .select_from(hit)
        .join(Account, Account.account_id == hit.c.account_id)
    ).one()
    spared = session.execute(
        select(
            func.count().filter(Account.cleared_at.is_not(None)),
            func.count().filter(Account.deleted_at.is_not(None)),
            func.count().filter(Member.scan_id != case.scan_id),
            func.coalesce(
                func.sum(Member.stream_requests).filter(Member.scan_id == case.scan_id), 0
            ),
        )
        .select_from(Member)
        .join(Account, Account.account_id == Member.account_id)
        .where(Member.case_id == case.id)
    ).one()
    return Preview(
        targets=row[0],
        cleared=spared[0],
        deleted=spared[1],
        left=spared[2],
        stricter=row[1],
        verified=row[2],
        organisations=row[3],
        requests=row[4],
        stream_requests=spared[3],
        needs_approval=needs_approval(rules, action, row[0]),
    )


def needs_approval(rules: Rules, action: Action, targets: int) -> bool:
    """Whether a second person must agree: suspensions in bulk."""
    return action is Action.SUSPEND and targets >= rules.four_eyes_from
