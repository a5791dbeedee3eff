"""What follows from verification: success restores, failure and silence lead on.

The vendor's report arrives through `webhooks`; time runs out in `expire`. A late success still
counts and lifts what the delay led to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update

from stillwatch.cases.accounts import find, refresh
from stillwatch.cases.actors import system
from stillwatch.cases.appeals import uphold_verified, verification_failed
from stillwatch.cases.errors import ConflictError, RefusedError
from stillwatch.cases.measures import impose
from stillwatch.cases.models import (
    Account,
    Appeal,
    Decision,
    Measure,
    MeasureState,
    RequestState,
    StepUp,
    Verification,
)
from stillwatch.cases.verification import record_proof, update_level
from stillwatch.standing import Action

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from stillwatch.cases.storage import Unit

MOST_AT_ONCE = 500
"""Requests that one transaction settles when their time is over."""

ESCALATION = system("verification")
"""Author of what follows when an account does not verify."""


def passed(
    unit: Unit, request: StepUp, *, level: str, evidence: str, reference: str | None
) -> Verification:
    """An account has verified: service is restored with this transaction.

    A late success counts too, and lifts what the delay led to.

    Raises:
        ConflictError: the request was settled by success or failure already.
        RefusedError: less was proved than was asked for.
    """
    if request.state not in {RequestState.OPEN, RequestState.EXPIRED}:
        raise ConflictError(f"this request is {request.state} already")
    asked_for_level = unit.rules.programme(request.wanted) is None
    if asked_for_level and _rank(unit, level) < unit.rules.rank(request.wanted):
        raise RefusedError(f"{request.wanted!r} was asked for, {level!r} is less")
    account = find(unit.session, request.account_id)
    proved = record_proof(unit, account, name=level, evidence=evidence, reference=reference)
    _close(unit, request, RequestState.PASSED, f"{level} by {evidence}")
    _restore(unit, account, request)
    return proved


def failed(unit: Unit, request: StepUp, *, why: str) -> None:
    """An account could not verify: what the rules say follows.

    Raises:
        ConflictError: the request was settled already.
    """
    if request.state != RequestState.OPEN:
        raise ConflictError(f"this request is {request.state} already")
    _close(unit, request, RequestState.FAILED, why)
    _escalate(unit, request, "could not verify")


def due(session: Session, now: datetime) -> bool:
    """Whether the time of some request or proof is over."""
    found = (session.execute(query.limit(1)).first() for query in (_overdue(now), _old(now)))
    return any(row is not None for row in found)


def expire(unit: Unit) -> int:
    """Settle requests and proofs whose time is over; some at once, the rest next time."""
    overdue = unit.session.execute(
        _overdue(unit.now).order_by(StepUp.id).limit(MOST_AT_ONCE).with_for_update(skip_locked=True)
    ).scalars()
    settled = 0
    for request in overdue:
        _close(unit, request, RequestState.EXPIRED, "no answer in time")
        _escalate(unit, request, "did not verify in time")
        settled += 1
    old = unit.session.execute(
        _old(unit.now).order_by(Verification.id).limit(MOST_AT_ONCE)
    ).scalars()
    for proof in old:
        proof.revoked_at, proof.revoked_why = unit.now, "expired"
        account = find(unit.session, proof.account_id)
        unit.session.flush()
        update_level(unit, account)
        unit.record(
            "verification.expire",
            f"account:{account.account_id}",
            f"{proof.name} expired",
            about=account,
            name=proof.name,
        )
        settled += 1
    return settled


def _overdue(now: datetime) -> Select[StepUp]:
    return select(StepUp).where(StepUp.state == RequestState.OPEN, StepUp.expires_at <= now)


def _old(now: datetime) -> Select[Verification]:
    return select(Verification).where(
        Verification.expires_at <= now, Verification.revoked_at.is_(None)
    )


def _rank(unit: Unit, name: str) -> int:
    programme = unit.rules.programme(name)
    return unit.rules.rank(programme.level if programme else name)


def _close(unit: Unit, request: StepUp, state: RequestState, why: str) -> None:
    request.state, request.settled_at, request.settled_why = state, unit.now, why
    account = find(unit.session, request.account_id)
    unit.record(
        f"verification.{state}",
        f"account:{account.account_id}",
        why,
        about=account,
        request=request.id,
    )


def _restore(unit: Unit, account: Account, request: StepUp) -> None:
    """End what asked for verification; an appeal that allowed it is upheld by it."""
    if request.appeal_id is not None:
        uphold_verified(unit, unit.session.get_one(Appeal, request.appeal_id), account)
        return
    milder = [one for one in Action if one.severity <= Action.VERIFY.severity]
    ours = select(Decision.id).where(Decision.author == ESCALATION.name)
    unit.session.execute(
        update(Measure)
        .where(
            Measure.account_id == account.account_id,
            Measure.state.in_((MeasureState.APPLIED, MeasureState.PENDING)),
            or_(Measure.action.in_(milder), Measure.decision_id.in_(ours)),
        )
        .values(state=MeasureState.ENDED, ended_at=unit.now, ended_why="verified")
        .execution_options(synchronize_session=False)
    )
    refresh(unit, [account.account_id])


def _escalate(unit: Unit, request: StepUp, why: str) -> None:
    action = Action(request.on_failure)
    account = find(unit.session, request.account_id)
    if request.appeal_id is not None:
        verification_failed(unit, unit.session.get_one(Appeal, request.appeal_id))
    if action is Action.ALLOW or account.deleted_at is not None:
        return
    before, unit.actor = unit.actor, ESCALATION
    impose(unit, account, action=action, reason=f"{why} ({request.wanted} asked for)")
    unit.actor = before
