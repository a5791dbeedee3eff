"""Measures: what is in force for single accounts, put there and ended, whoever decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from stillwatch.cases.accounts import refresh
from stillwatch.cases.keys import commitment
from stillwatch.cases.models import Account, Decision, DecisionState, Measure, MeasureState
from stillwatch.cases.notices import notice_for

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from stillwatch.cases.storage import Unit
    from stillwatch.standing import Action


EXPIRED = "expired"
"""Why a measure ended whose time was over."""


def impose(
    unit: Unit,
    account: Account,
    *,
    action: Action,
    reason: str,
    notice: str = "",
    expires_at: datetime | None = None,
) -> Decision:
    """Put an action in force for one account, whoever asks.

    People go through `decisions.decide_account`.
    """
    decision = Decision(
        account_id=account.account_id,
        case_id=account.case_id,
        action=action,
        reason=reason.strip(),
        notice=notice.strip() or notice_for(action),
        state=DecisionState.APPLIED,
        author=unit.actor.name,
        created_at=unit.now,
        expires_at=expires_at,
        needs_approval=False,
        targets=1,
    )
    unit.session.add(decision)
    unit.session.flush()
    measure = {**pending(decision, account.account_id), "since": unit.now}
    unit.session.execute(insert(Measure), [{**measure, "state": MeasureState.APPLIED}])
    refresh(unit, [account.account_id])
    record_decision(unit, decision, "decision.make", account)
    return decision


def lift(unit: Unit, account: Account, *, why: str) -> int:
    """End every measure in force for one account, and say how many there were."""
    ended = unit.session.execute(
        update(Measure)
        .where(
            Measure.account_id == account.account_id,
            Measure.state.in_((MeasureState.APPLIED, MeasureState.PENDING)),
        )
        .values(state=MeasureState.ENDED, ended_at=unit.now, ended_why=why)
    )
    refresh(unit, [account.account_id])
    number = int(ended.rowcount)  # type: ignore[attr-defined]
    unit.record(
        "account.lift",
        f"account:{account.account_id}",
        f"{number} measures ended: {why}",
        about=account,
        measures=number,
    )
    return number


def due(session: Session, now: datetime) -> bool:
    """Whether the time of some measure is over."""
    return session.execute(_over(now).limit(1)).first() is not None


def expire(unit: Unit) -> int:
    """End measures whose time is over; the guard has stopped to apply them on its own already."""
    rows = unit.session.execute(_over(unit.now)).scalars()
    ids = []
    for measure in rows:
        measure.state, measure.ended_at = MeasureState.ENDED, unit.now
        measure.ended_why = EXPIRED
        ids.append(measure.account_id)
    if ids:
        refresh(unit, ids)
        unit.record("measure.expire", "measures", f"{len(ids)} expired", accounts=len(ids))
    return len(ids)


def _over(now: datetime) -> Select[Measure]:
    return select(Measure).where(Measure.state == MeasureState.APPLIED, Measure.expires_at <= now)


def pending(decision: Decision, account_id: str) -> dict[str, object]:
    """The row of a decision for one account, before it is applied."""
    return {
        "decision_id": decision.id,
        "account_id": account_id,
        "action": decision.action,
        "state": MeasureState.PENDING,
        "since": None,
        "expires_at": decision.expires_at,
    }


def record_decision(
    unit: Unit, decision: Decision, what: str, account: Account | None = None
) -> None:
    """Note a decision for the audit trail."""
    of = f"{decision.targets} accounts" if account is None else f"account {account.account_id}"
    unit.record(
        what,
        _about(decision, account),
        f"{decision.name}: {decision.action} for {of}",
        about=account,
        decision=decision.id,
        decided=decision.action,
        reason=commitment(decision.salt, decision.reason),
        targets=decision.targets,
        expires=decision.expires_at.isoformat() if decision.expires_at else None,
    )


def _about(decision: Decision, account: Account | None) -> str:
    if account is not None:
        return f"account:{account.account_id}"
    return f"case:{decision.case_id}" if decision.case_id else f"decision:{decision.id}"
