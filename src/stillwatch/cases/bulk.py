"""Decisions about many accounts, applied in batches: stops anywhere, goes on, never applies twice.

Each account's measure goes from pending to applied in the transaction that changes the account, so
a crash between two batches loses nothing and repeats nothing. Several workers may run at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from stillwatch.cases.accounts import find, refresh
from stillwatch.cases.actors import system
from stillwatch.cases.models import (
    Account,
    Decision,
    DecisionState,
    Measure,
    MeasureState,
)
from stillwatch.cases.verification import ask
from stillwatch.standing import Action

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from stillwatch.cases.storage import Storage, Unit


def apply_all(storage: Storage) -> int:
    """Apply every decision that waits to be applied; returns how many accounts were changed."""
    changed = 0
    for decision_id in _waiting(storage):
        while True:
            with storage.write(system("bulk")) as unit:
                done = apply_batch(unit, decision_id)
            if done is None:
                break
            changed += done
    return changed


def apply_batch(unit: Unit, decision_id: int) -> int | None:
    """Apply a decision to its next accounts.

    Returns:
        How many accounts got the action; None when the decision has nothing left to do.
    """
    session = unit.session
    decision = session.execute(
        select(Decision).where(Decision.id == decision_id).with_for_update()
    ).scalar_one()
    if decision.state != DecisionState.APPLYING:
        return None
    pending = session.execute(
        select(Measure.id, Measure.account_id)
        .where(Measure.decision_id == decision_id, Measure.state == MeasureState.PENDING)
        .order_by(Measure.id)
        .limit(unit.rules.bulk_batch)
    ).all()
    if not pending:
        _finish(unit, decision)
        return None
    return _apply(unit, decision, {row.account_id: row.id for row in pending})


def progress(session: Session, decision_id: int) -> dict[str, int]:
    """Measures of a decision by state."""
    rows = session.execute(
        select(Measure.state, func.count())
        .where(Measure.decision_id == decision_id)
        .group_by(Measure.state)
    )
    return {state: int(number) for state, number in rows}


def _apply(unit: Unit, decision: Decision, measures: dict[str, int]) -> int:
    """Apply to those that may still be touched; who was cleared or deleted meanwhile is skipped."""
    spared = set(
        unit.session.execute(
            select(Account.account_id).where(
                Account.account_id.in_(list(measures)),
                (Account.deleted_at.is_not(None)) | (Account.cleared_at.is_not(None)),
            )
        ).scalars()
    )
    hit = [account for account in measures if account not in spared]
    _mark(unit, [measures[account] for account in hit], MeasureState.APPLIED)
    _mark(unit, [measures[account] for account in spared], MeasureState.SKIPPED)
    refresh(unit, hit)
    if decision.action == Action.VERIFY:
        for account_id in hit:
            ask(unit, find(unit.session, account_id), reason=decision.name, decision_id=decision.id)
    unit.record(
        "bulk.apply",
        f"decision:{decision.id}",
        f"{decision.name}: {decision.action} for {len(hit)} accounts, {len(spared)} spared",
        decision=decision.id,
        accounts=len(hit),
        spared=len(spared),
    )
    return len(hit)


def _mark(unit: Unit, ids: list[int], state: MeasureState) -> None:
    if ids:
        unit.session.execute(
            update(Measure)
            .where(Measure.id.in_(ids), Measure.state == MeasureState.PENDING)
            .values(state=state, since=unit.now)
        )


def _finish(unit: Unit, decision: Decision) -> None:
    counts = progress(unit.session, decision.id)
    decision.state = DecisionState.APPLIED
    unit.record(
        "bulk.finish",
        f"decision:{decision.id}",
        f"{decision.name} applied to {counts.get(MeasureState.APPLIED, 0)} accounts",
        decision=decision.id,
        accounts=counts.get(MeasureState.APPLIED, 0),
        spared=counts.get(MeasureState.SKIPPED, 0),
    )


def _waiting(storage: Storage) -> list[int]:
    with storage.read() as session:
        return list(
            session.execute(
                select(Decision.id)
                .where(Decision.state == DecisionState.APPLYING)
                .order_by(Decision.id)
            ).scalars()
        )
