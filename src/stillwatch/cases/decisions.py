"""Decisions: who is hit is fixed when one is made, every one has a reason, an author and an undo.

A decision about many accounts is applied in batches by `bulk`; one that needs a second person waits
for `approvals`. Of all measures applied to an account the strictest is in force, so that a mild
decision about a whole case never softens a strict one about a member.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from stillwatch.cases.accounts import living, refresh
from stillwatch.cases.actors import Permission
from stillwatch.cases.errors import ConflictError, RefusedError
from stillwatch.cases.keys import commitment
from stillwatch.cases.lookup import look_up
from stillwatch.cases.measures import impose, lift, pending, record_decision
from stillwatch.cases.models import (
    Case,
    CaseStatus,
    Decision,
    DecisionState,
    Measure,
    MeasureState,
)
from stillwatch.cases.notices import notice_for
from stillwatch.cases.targets import needs_approval, targets_of
from stillwatch.cases.verification import ask
from stillwatch.standing import Action

if TYPE_CHECKING:
    from datetime import datetime

    from stillwatch.cases.storage import Unit

LEAST_REASON = 10
"""Characters of a reason: an empty one explains nothing to whoever has to judge an appeal."""


def decide_case(
    unit: Unit,
    case_id: int,
    *,
    action: Action,
    reason: str,
    version: int | None = None,
    notice: str = "",
    expires_at: datetime | None = None,
) -> Decision:
    """Decide about all members of a case.

    Args:
        unit: the transaction.
        case_id: the case.
        action: what shall happen to its members' requests; `allow` dismisses the case.
        reason: for the operator's own people.
        version: of the case that the author looked at; None where that does not matter.
        notice: for the customers; a plain one where not given.
        expires_at: when it ends by itself.

    Returns:
        The decision: proposed where it needs a second person, else being applied.

    Raises:
        ConflictError: somebody changed the case since.
        RefusedError: the reason is missing, the expiry has passed, or nobody would be hit.
    """
    unit.actor.need(Permission.DECIDE)
    case = look_up(unit.session, Case, case_id, version)
    _check(unit, reason, expires_at)
    if action is Action.ALLOW:
        return _dismiss(unit, case, reason)
    ids = list(unit.session.execute(targets_of(case)).scalars())
    if not ids:
        raise RefusedError("this decision would hit nobody: no member is left that it may touch")
    waiting = needs_approval(unit.rules, action, len(ids))
    decision = Decision(
        case_id=case.id,
        action=action,
        reason=reason.strip(),
        notice=notice.strip() or notice_for(action),
        state=DecisionState.PROPOSED if waiting else DecisionState.APPLYING,
        author=unit.actor.name,
        created_at=unit.now,
        expires_at=expires_at,
        needs_approval=waiting,
        targets=len(ids),
    )
    unit.session.add(decision)
    unit.session.flush()
    rows = [pending(decision, account_id) for account_id in ids]
    unit.session.execute(insert(Measure), rows)
    case.status = CaseStatus.WAITING if waiting else CaseStatus.DECIDED
    case.joined = 0
    case.updated_at = unit.now
    record_decision(unit, decision, "decision.propose" if waiting else "decision.make")
    return decision


def decide_account(
    unit: Unit,
    account_id: str,
    *,
    action: Action,
    reason: str,
    notice: str = "",
    expires_at: datetime | None = None,
) -> Decision:
    """Decide about one account; it is in force with the commit.

    Raises:
        NotFoundError, RefusedError: there is no such account, it was deleted, or the input makes
            no sense.
    """
    unit.actor.need(Permission.DECIDE)
    account = living(unit.session, account_id)
    _check(unit, reason, expires_at)
    if action is Action.ALLOW:
        raise RefusedError("to let an account through again, lift what is in force for it")
    made = impose(unit, account, action=action, reason=reason, notice=notice, expires_at=expires_at)
    if action is Action.VERIFY:
        ask(unit, account, reason=made.name, decision_id=made.id)
    return made


def undo(unit: Unit, decision_id: int, *, why: str, version: int | None = None) -> Decision:
    """Take a decision back, for all accounts that it hit; what else was in force stays in force.

    Raises:
        ConflictError: it was undone or rejected already, or somebody changed it since.
        RefusedError: no reason is given.
    """
    unit.actor.need(Permission.DECIDE)
    decision = look_up(unit.session, Decision, decision_id, version)
    if decision.state in {DecisionState.UNDONE, DecisionState.REJECTED}:
        raise ConflictError(f"{decision.name} is {decision.state} already")
    _check(unit, why, None)
    ids = list(
        unit.session.execute(
            select(Measure.account_id).where(
                Measure.decision_id == decision.id, Measure.state == MeasureState.APPLIED
            )
        ).scalars()
    )
    unit.session.execute(
        update(Measure)
        .where(
            Measure.decision_id == decision.id,
            Measure.state.in_((MeasureState.APPLIED, MeasureState.PENDING)),
        )
        .values(state=MeasureState.ENDED, ended_at=unit.now, ended_why=f"{decision.name} undone")
    )
    _settle(unit, decision, DecisionState.UNDONE, why)
    refresh(unit, ids)
    _reopen(unit, decision)
    unit.record(
        "decision.undo",
        f"decision:{decision.id}",
        f"{decision.name}: {decision.action} of {len(ids)} accounts undone",
        decision=decision.id,
        why=commitment(decision.salt, why),
        accounts=len(ids),
    )
    return decision


def lift_account(unit: Unit, account_id: str, *, why: str) -> int:
    """Let an account through again because an investigator says so.

    Raises:
        ConflictError: nothing is in force for it.
    """
    unit.actor.need(Permission.DECIDE)
    account = living(unit.session, account_id)
    _check(unit, why, None)
    if account.action == Action.ALLOW:
        raise ConflictError("nothing is in force for this account (any more)")
    return lift(unit, account, why=why.strip())


def _dismiss(unit: Unit, case: Case, reason: str) -> Decision:
    decision = Decision(
        case_id=case.id,
        action=Action.ALLOW,
        reason=reason.strip(),
        notice="",
        state=DecisionState.APPLIED,
        author=unit.actor.name,
        created_at=unit.now,
        needs_approval=False,
        targets=0,
    )
    unit.session.add(decision)
    case.status, case.updated_at = CaseStatus.DISMISSED, unit.now
    case.joined = 0
    unit.session.flush()
    unit.touch_standing()
    record_decision(unit, decision, "case.dismiss")
    return decision


def _settle(unit: Unit, decision: Decision, state: DecisionState, why: str) -> None:
    decision.state = state
    decision.settled_by, decision.settled_at = unit.actor.name, unit.now
    decision.settled_why = why.strip()


def _reopen(unit: Unit, decision: Decision) -> None:
    """A case whose last decision fell is open again."""
    if decision.case_id is None or decision.account_id is not None:
        return
    standing = unit.session.execute(
        select(func.count())
        .select_from(Decision)
        .where(
            Decision.case_id == decision.case_id,
            Decision.account_id.is_(None),
            Decision.id != decision.id,
            Decision.state.in_((DecisionState.APPLIED, DecisionState.APPLYING)),
        )
    ).scalar_one()
    if not standing:
        case = unit.session.get_one(Case, decision.case_id)
        case.status, case.updated_at = CaseStatus.REVIEWING, unit.now


def _check(unit: Unit, reason: str, expires_at: datetime | None) -> None:
    if len(reason.strip()) < LEAST_REASON:
        raise RefusedError(
            f"give a reason of at least {LEAST_REASON} characters: whoever judges an appeal will "
            "read it"
        )
    if expires_at is not None and expires_at <= unit.now:
        raise RefusedError("the expiry must lie in the future")
