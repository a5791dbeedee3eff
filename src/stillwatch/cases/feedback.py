"""What people found out, for the calibration of the detector: who was cleared, which case fell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from stillwatch.cases.models import Account, Case, CaseStatus, Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session


def feedback(session: Session) -> Iterator[dict[str, Any]]:
    """One row for each account of a case on which people have come to an end.

    Rows have `account_id`, `campaign_id`, `verdict` of the scan, `label` (``cleared`` by an appeal
    or by verification, ``dismissed`` with its case, ``confirmed`` by a decision that stands and was
    not appealed against with success) and `why`. Accounts that nobody judged are left out: silence
    is no label.
    """
    rows = session.execute(
        select(Account, Member, Case)
        .join(Member, Member.account_id == Account.account_id)
        .join(Case, Case.id == Member.case_id)
        .where(Account.deleted_at.is_(None) | Account.cleared_at.is_not(None))
        .order_by(Case.id, Account.account_id)
    )
    for account, member, case in rows.yield_per(1000):
        label, why = _label(account, case)
        if label:
            yield {
                "account_id": account.account_id,
                "campaign_id": case.campaign_id,
                "verdict": case.verdict,
                "label": label,
                "why": why,
                "stream_requests": member.stream_requests,
            }


def _label(account: Account, case: Case) -> tuple[str, str]:
    if account.cleared_at is not None:
        return "cleared", account.cleared_why or ""
    if case.status == CaseStatus.DISMISSED:
        return "dismissed", case.name
    if case.status == CaseStatus.DECIDED and account.action != "allow":
        return "confirmed", case.name
    return "", ""
