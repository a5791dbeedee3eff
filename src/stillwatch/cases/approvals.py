"""Four eyes: a suspension in bulk takes effect when somebody other than its author agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from stillwatch.cases.actors import Permission, Role
from stillwatch.cases.errors import ConflictError, ForbiddenError
from stillwatch.cases.keys import commitment
from stillwatch.cases.lookup import look_up
from stillwatch.cases.models import (
    Case,
    CaseStatus,
    Decision,
    DecisionState,
    Measure,
    MeasureState,
    User,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from stillwatch.cases.actors import Actor
    from stillwatch.cases.storage import Unit


def others_who_may(session: Session, actor: Actor) -> int:
    """How many users other than the actor may approve."""
    roles = [str(role) for role in Role if Permission.APPROVE in role.permissions]
    query = select(func.count()).where(
        User.role.in_(roles), User.disabled_at.is_(None), User.id != actor.user_id
    )
    return session.execute(query.select_from(User)).scalar_one()


def approve(unit: Unit, decision_id: int, *, version: int | None = None) -> Decision:
    """Agree to a proposed decision; `bulk` then applies it.

    Raises:
        ForbiddenError: the actor may not approve, or proposed it.
        ConflictError: it is not waiting (any more).
    """
    decision = _waiting(unit, decision_id, version)
    decision.state = DecisionState.APPLYING
    decision.approved_by = unit.actor.name
    decision.settled_by, decision.settled_at = unit.actor.name, unit.now
    _move_case(unit, decision, CaseStatus.DECIDED)
    unit.record(
        "decision.approve",
        f"decision:{decision.id}",
        f"{decision.name}: {decision.action} for {decision.targets} accounts approved",
        decision=decision.id,
        targets=decision.targets,
    )
    return decision


def reject(unit: Unit, decision_id: int, *, why: str, version: int | None = None) -> Decision:
    """Turn a proposed decision down; nobody is touched.

    Raises:
        ForbiddenError: the actor may not approve, or proposed it.
        ConflictError: it is not waiting (any more).
    """
    decision = _waiting(unit, decision_id, version)
    decision.state = DecisionState.REJECTED
    decision.settled_by, decision.settled_at = unit.actor.name, unit.now
    decision.settled_why = why.strip()
    unit.session.execute(
        update(Measure)
        .where(Measure.decision_id == decision.id, Measure.state == MeasureState.PENDING)
        .values(state=MeasureState.ENDED, ended_at=unit.now, ended_why="rejected")
    )
    _move_case(unit, decision, CaseStatus.REVIEWING)
    unit.record(
        "decision.reject",
        f"decision:{decision.id}",
        f"{decision.name} rejected",
        decision=decision.id,
        why=commitment(decision.salt, why),
    )
    return decision


def _waiting(unit: Unit, decision_id: int, version: int | None) -> Decision:
    unit.actor.need(Permission.APPROVE)
    decision = look_up(unit.session, Decision, decision_id, version)
    if decision.state != DecisionState.PROPOSED:
        raise ConflictError(f"{decision.name} does not wait for approval: it is {decision.state}")
    if decision.author == unit.actor.name:
        raise ForbiddenError(
            f"you proposed {decision.name} yourself: somebody else has to look at it"
        )
    return decision


def _move_case(unit: Unit, decision: Decision, status: CaseStatus) -> None:
    if decision.case_id is None:
        return
    case = unit.session.get_one(Case, decision.case_id)
    case.status, case.updated_at = status, unit.now
