"""Verification: what an account has proved, what it is asked to prove, and what follows.

A step-up request is opened by a `verify` decision, by the guard through the API, by a reviewer of
an appeal, or because a trait changed in bulk. What follows from its outcome is in `outcomes`.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update

from stillwatch.cases.accounts import living
from stillwatch.cases.actors import Permission
from stillwatch.cases.errors import NotFoundError, RefusedError
from stillwatch.cases.keys import LINK_BYTES, derived, stored
from stillwatch.cases.models import (
    Account,
    RequestState,
    StepUp,
    Verification,
)
from stillwatch.standing import LEVELS, SATISFYING, Action

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from stillwatch.cases.storage import Unit
    from stillwatch.sketch.key import SketchKey

LEAST_STEP = "phone"
"""A step-up asks for at least this: an e-mail address costs an operator nothing."""


def next_level(unit: Unit, account: Account) -> str:
    """What to ask an account for: one level more than it has."""
    rank = max(unit.rules.rank(account.level) + 1, unit.rules.rank(LEAST_STEP))
    return LEVELS[min(rank, len(LEVELS) - 1)]


def verify_link(key: SketchKey, step_up_id: int) -> str:
    """The unguessable name of a request's page; derived, so that the database opens nobody's."""
    mac = hmac.new(derived(key, "verify link"), str(step_up_id).encode(), "sha256")
    return base64.b32encode(mac.digest()[:LINK_BYTES]).decode().lower()


def ask(
    unit: Unit,
    account: Account,
    *,
    reason: str,
    wanted: str | None = None,
    decision_id: int | None = None,
    appeal_id: int | None = None,
) -> StepUp:
    """Open a request, or return the one that is open.

    Args:
        unit: the transaction.
        account: who is asked.
        reason: for the operator's people.
        wanted: a level or a programme; one level more than now where not given.
        decision_id: the decision that asks.
        appeal_id: the appeal that success would settle.

    Raises:
        RefusedError: there is no such level or programme.
    """
    known = unit.session.execute(
        select(StepUp).where(
            StepUp.account_id == account.account_id, StepUp.state == RequestState.OPEN
        )
    ).scalar()
    if known is not None:
        known.appeal_id = known.appeal_id or appeal_id
        return known
    wanted = wanted or next_level(unit, account)
    if unit.rules.programme(wanted) is None:
        unit.rules.rank(wanted)
    request = StepUp(
        token="",
        account_id=account.account_id,
        decision_id=decision_id,
        appeal_id=appeal_id,
        wanted=wanted,
        reason=reason,
        on_failure=Action.ALLOW if appeal_id else unit.rules.after_failure,
        state=RequestState.OPEN,
        created_by=unit.actor.name,
        created_at=unit.now,
        expires_at=unit.now + unit.rules.step_up_wait,
    )
    request.token = f"new {account.account_id}"
    unit.session.add(request)
    unit.session.flush()
    request.token = stored(verify_link(unit.key, request.id))
    unit.record(
        "verification.ask",
        f"account:{account.account_id}",
        f"asked for {wanted}",
        about=account,
        request=request.id,
        wanted=wanted,
    )
    return request


def request_step_up(unit: Unit, account_id: str, *, reason: str, wanted: str | None) -> StepUp:
    """Open a request for a program, such as the guard when it answers `verify` by itself.

    Where nothing is wanted in particular, at least what satisfies the guard: else it would go on
    challenging an account that has done what it was asked for.
    """
    unit.actor.need(Permission.VERIFY)
    account = living(unit.session, account_id)
    if wanted is None:
        wanted = max(next_level(unit, account), SATISFYING, key=unit.rules.rank)
    return ask(unit, account, reason=reason, wanted=wanted)


def by_link(session: Session, token: str) -> StepUp:
    """The request that a customer's link names.

    Raises:
        NotFoundError: the link is wrong.
    """
    found = session.execute(select(StepUp).where(StepUp.token == stored(token))).scalar()
    if found is None:
        raise NotFoundError("this link is not valid (any more)")
    return found


def record_proof(
    unit: Unit, account: Account, *, name: str, evidence: str, reference: str | None
) -> Verification:
    """Write down a level or programme that an account has proved.

    Raises:
        RefusedError: there is no such level or programme, the evidence is of no kind that the
            programme accepts, or the level that it needs is missing.
    """
    programme = unit.rules.programme(name)
    if programme is None:
        unit.rules.rank(name)
        valid = unit.rules.level_valid.get(name)
    else:
        if evidence not in programme.evidence:
            raise RefusedError(
                f"{programme.name!r} accepts {', '.join(programme.evidence)}, not {evidence!r}"
            )
        if unit.rules.rank(account.level) < unit.rules.rank(programme.level):
            raise RefusedError(f"{programme.name!r} needs the level {programme.level!r} first")
        valid = programme.valid
    proved = Verification(
        account_id=account.account_id,
        name=name,
        evidence=evidence,
        reference=reference,
        source=unit.actor.name,
        verified_at=unit.now,
        expires_at=unit.now + valid if valid else None,
    )
    unit.session.add(proved)
    unit.session.flush()
    update_level(unit, account)
    unit.record(
        "verification.prove",
        f"account:{account.account_id}",
        f"{name} by {evidence}",
        about=account,
        name=name,
        evidence=evidence,
    )
    return proved


def grant(
    unit: Unit, account_id: str, *, name: str, evidence: str, reference: str | None
) -> Verification:
    """Write down by hand what an investigator has seen proof of.

    Raises:
        RefusedError: as `record_proof`.
    """
    unit.actor.need(Permission.VERIFY)
    account = living(unit.session, account_id)
    return record_proof(unit, account, name=name, evidence=evidence, reference=reference)


def revoke(unit: Unit, account: Account, name: str, why: str) -> int:
    """Take a level or programme back; the level falls to the best that is left."""
    changed = unit.session.execute(
        update(Verification)
        .where(
            Verification.account_id == account.account_id,
            Verification.name == name,
            Verification.revoked_at.is_(None),
        )
        .values(revoked_at=unit.now, revoked_why=why)
    )
    if account.declared_level == name:
        account.declared_level = LEVELS[max(0, unit.rules.rank(name) - 1)]
    update_level(unit, account)
    unit.record(
        "verification.revoke",
        f"account:{account.account_id}",
        f"{name}: {why}",
        about=account,
        name=name,
    )
    return int(changed.rowcount)  # type: ignore[attr-defined]


def programmes(session: Session, account_id: str) -> list[str]:
    """Programmes that an account is in now."""
    rows = session.execute(
        select(Verification.name).where(
            Verification.account_id == account_id,
            Verification.revoked_at.is_(None),
            Verification.name.not_in(LEVELS),
        )
    )
    return sorted(set(rows.scalars()))


def update_level(unit: Unit, account: Account) -> None:
    """Bring an account's level up to date with what it declared and proved."""
    proved = unit.session.execute(
        select(Verification.name).where(
            Verification.account_id == account.account_id,
            Verification.revoked_at.is_(None),
            Verification.name.in_(LEVELS),
            or_(Verification.expires_at.is_(None), Verification.expires_at > unit.now),
        )
    ).scalars()
    account.level = max((account.declared_level, *proved), key=unit.rules.rank)
    unit.touch_standing()
