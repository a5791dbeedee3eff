"""Appeals: a reason, a status, a deadline, another pair of eyes, and a way back.

Whoever decided or approved does not judge. An upheld appeal ends everything in force for the
account, spares it from decisions about whole cases, and is kept as evidence for calibration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from stillwatch.cases import verification
from stillwatch.cases.accounts import find
from stillwatch.cases.actors import Permission, Role
from stillwatch.cases.decisions import LEAST_REASON
from stillwatch.cases.errors import ConflictError, ForbiddenError, RefusedError
from stillwatch.cases.keys import commitment
from stillwatch.cases.lookup import look_up
from stillwatch.cases.measures import lift
from stillwatch.cases.models import (
    Account,
    Appeal,
    AppealState,
    Decision,
    Measure,
    MeasureState,
    StepUp,
    User,
)
from stillwatch.standing import Action

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from stillwatch.cases.storage import Unit

LONGEST_TEXT = 5_000
MOST_APPEALS = 2
"""Appeals against one decision: the second goes to yet another person and is the last."""


def against(session: Session, account: Account, now: datetime) -> Decision | None:
    """The decision behind the strictest measure in force for an account."""
    rows = session.execute(
        select(Decision, Measure.action)
        .join(Measure, Measure.decision_id == Decision.id)
        .where(
            Measure.account_id == account.account_id,
            Measure.state == MeasureState.APPLIED,
            or_(Measure.expires_at.is_(None), Measure.expires_at > now),
        )
        .order_by(Measure.id)
    ).all()
    if not rows:
        return None
    strictest: Decision = max(rows, key=lambda row: Action(row.action).severity)[0]
    return strictest


def file(unit: Unit, account: Account, text: str) -> Appeal:
    """File an appeal for the customer who holds the account's link.

    Raises:
        RefusedError: there is nothing to appeal against, no text, or too much of it.
        ConflictError: one is open already, or both appeals were used.
    """
    text = text.strip()
    if not text or len(text) > LONGEST_TEXT:
        raise RefusedError(f"say in 1 to {LONGEST_TEXT} characters why you think it is wrong")
    decision = against(unit.session, account, unit.now)
    if decision is None:
        raise RefusedError("nothing is in force against this account (any more)")
    earlier = (
        unit.session.execute(
            select(Appeal).where(
                Appeal.account_id == account.account_id, Appeal.decision_id == decision.id
            )
        )
        .scalars()
        .all()
    )
    if any(AppealState(one.state).open for one in earlier):
        raise ConflictError("your appeal is being looked at already")
    if len(earlier) >= MOST_APPEALS:
        raise ConflictError("this decision was appealed against twice: the answer stands")
    appeal = Appeal(
        account_id=account.account_id,
        decision_id=decision.id,
        case_id=decision.case_id,
        action=account.action,
        state=AppealState.OPEN,
        text=text,
        created_at=unit.now,
        deadline=unit.now + unit.rules.appeal_deadline,
        assignee_id=_judge(unit, decision, {one.decided_by for one in earlier}),
    )
    unit.session.add(appeal)
    unit.session.flush()
    unit.record(
        "appeal.file",
        f"account:{account.account_id}",
        f"{appeal.name} against {decision.name}",
        about=account,
        appeal=appeal.id,
        decision=decision.id,
        text=commitment(appeal.salt, text),
    )
    return appeal


def involved(session: Session, appeal: Appeal) -> set[str]:
    """Who must not judge: the author of the decision, who approved it, who judged before."""
    decision = session.get_one(Decision, appeal.decision_id)
    judged = session.execute(
        select(Appeal.decided_by).where(
            Appeal.decision_id == appeal.decision_id,
            Appeal.account_id == appeal.account_id,
            Appeal.id != appeal.id,
        )
    ).scalars()
    return {name for name in (decision.author, decision.approved_by, *judged) if name}


def uphold(
    unit: Unit, appeal_id: int, *, answer: str, finding: str, version: int | None = None
) -> Appeal:
    """Agree with the customer: the account is restored and remembered as cleared.

    Raises:
        ForbiddenError: the actor may not judge, or is involved.
        ConflictError: it was answered already, or somebody changed it since.
    """
    appeal = _mine(unit, appeal_id, version, answer)
    account = find(unit.session, appeal.account_id)
    _settle(unit, appeal, AppealState.UPHELD, answer, finding)
    _clear(unit, account, f"{appeal.name} upheld")
    return appeal


def reject(
    unit: Unit, appeal_id: int, *, answer: str, finding: str, version: int | None = None
) -> Appeal:
    """Disagree: what is in force stays, and the customer reads why.

    Raises:
        ForbiddenError: the actor may not judge, or is involved.
        ConflictError: it was answered already, or somebody changed it since.
    """
    appeal = _mine(unit, appeal_id, version, answer)
    _settle(unit, appeal, AppealState.REJECTED, answer, finding)
    return appeal


def offer_verification(
    unit: Unit, appeal_id: int, *, wanted: str | None = None, version: int | None = None
) -> StepUp:
    """Let the customer verify instead: success restores the account without a judgement.

    Raises:
        ForbiddenError: the actor may not judge, or is involved.
        ConflictError: it was answered already, or somebody changed it since.
    """
    appeal = _mine(unit, appeal_id, version, "x" * LEAST_REASON)
    account = find(unit.session, appeal.account_id)
    appeal.state = AppealState.VERIFYING
    unit.record(
        "appeal.offer",
        f"account:{account.account_id}",
        appeal.name,
        about=account,
        appeal=appeal.id,
    )
    return verification.ask(
        unit,
        account,
        reason=f"{appeal.name}: verification instead of a judgement",
        wanted=wanted,
        appeal_id=appeal.id,
    )


def uphold_verified(unit: Unit, appeal: Appeal, account: Account) -> None:
    """The customer verified instead: restored like an upheld appeal."""
    if not AppealState(appeal.state).open:
        return
    _settle(
        unit,
        appeal,
        AppealState.UPHELD,
        "Thank you. The account is verified and works again.",
        "verified instead of a judgement",
    )
    _clear(unit, account, f"{appeal.name}: verified")


def verification_failed(unit: Unit, appeal: Appeal) -> None:
    """The customer did not verify: the appeal is judged after all."""
    if appeal.state == AppealState.VERIFYING:
        appeal.state = AppealState.OPEN
        appeal.deadline = max(appeal.deadline, unit.now + unit.rules.appeal_deadline)


def _mine(unit: Unit, appeal_id: int, version: int | None, answer: str) -> Appeal:
    unit.actor.need(Permission.APPEALS)
    appeal = look_up(unit.session, Appeal, appeal_id, version)
    if not AppealState(appeal.state).open:
        raise ConflictError(f"{appeal.name} is {appeal.state} already")
    if unit.actor.name in involved(unit.session, appeal):
        raise ForbiddenError(
            f"you had a part in what {appeal.name} is against: somebody else has to judge"
        )
    if len(answer.strip()) < LEAST_REASON:
        raise RefusedError("write an answer that the customer can understand")
    return appeal


def _settle(unit: Unit, appeal: Appeal, state: AppealState, answer: str, finding: str) -> None:
    appeal.state, appeal.answer, appeal.finding = state, answer.strip(), finding.strip()
    appeal.decided_by, appeal.decided_at = unit.actor.name, unit.now
    account = find(unit.session, appeal.account_id)
    unit.record(
        f"appeal.{state}",
        f"account:{account.account_id}",
        f"{appeal.name} {state}",
        about=account,
        appeal=appeal.id,
        decision=appeal.decision_id,
        answer=commitment(appeal.salt, appeal.answer),
    )


def _clear(unit: Unit, account: Account, why: str) -> None:
    account.cleared_at, account.cleared_why = unit.now, why
    lift(unit, account, why=why)


def _judge(unit: Unit, decision: Decision, before: set[str | None]) -> int | None:
    """The uninvolved judge with the fewest open appeals; None where there is none."""
    barred = {decision.author, decision.approved_by, *before}
    able = [role for role in Role if Permission.APPEALS in role.permissions]
    load = (
        select(Appeal.assignee_id, func.count().label("open"))
        .where(Appeal.state.in_((AppealState.OPEN, AppealState.VERIFYING)))
        .group_by(Appeal.assignee_id)
        .subquery()
    )
    rows = unit.session.execute(
        select(User.id, User.name)
        .outerjoin(load, load.c.assignee_id == User.id)
        .where(User.disabled_at.is_(None), User.role.in_(able))
        .order_by(func.coalesce(load.c.open, 0), User.id)
    )
    return next((row.id for row in rows if f"user:{row.name}" not in barred), None)
