"""What people found out, for calibration: who was cleared, which case fell, and how many do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from scipy import stats
from sqlalchemy import func, select

from stillwatch.cases.models import Account, Case, CaseStatus, Member, Scan
from stillwatch.schema import Summary, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session


FALLEN = 0.5
"""Share of a group's members that must have been cleared for its accusation to have fallen."""

CERTAINTY = 0.95


@dataclass(frozen=True, slots=True)
class Realised:
    """How accusations fared with people, beside what scans promise.

    Attributes:
        judged: accused groups that people have come to an end about.
        fallen: of these, dismissed, or with at least half of the members cleared.
        low, high: bounds of the share that falls, by Clopper and Pearson.
        promised: the false discovery rate of the last scan.
    """

    judged: int
    fallen: int
    low: float
    high: float
    promised: float

    @property
    def broken(self) -> bool:
        """Whether more fell than promised, beyond chance."""
        return self.low > self.promised


def realised(session: Session) -> Realised | None:
    """How accusations fared; None before any was judged."""
    members = (
        select(func.count())
        .select_from(Member)
        .where(Member.case_id == Case.id)
        .correlate(Case)
        .scalar_subquery()
    )
    cleared = (
        select(func.count())
        .select_from(Member)
        .join(Account, Account.account_id == Member.account_id)
        .where(Member.case_id == Case.id, Account.cleared_at.is_not(None))
        .correlate(Case)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Case.status, members, cleared).where(
            Case.verdict == Verdict.DISTILLATION,
            Case.status.in_((CaseStatus.DECIDED, CaseStatus.DISMISSED)),
        )
    ).all()
    summary = session.execute(select(Scan.summary).order_by(Scan.id.desc()).limit(1)).scalar()
    if not rows or summary is None:
        return None
    judged = len(rows)
    fallen = sum(
        status == CaseStatus.DISMISSED or 0 < all_of * FALLEN <= some
        for status, all_of, some in rows
    )
    bounds = stats.binomtest(fallen, judged).proportion_ci(CERTAINTY, method="exact")
    promised = msgspec.json.decode(summary, type=Summary).fdr
    return Realised(judged, fallen, float(bounds.low), float(bounds.high), promised)


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
