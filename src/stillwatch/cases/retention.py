"""How long personal fields are kept, and how somebody is erased without breaking any proof.

The audit trail names accounts and texts by commitments whose salts lie beside the values. Erasing
deletes value and salt: the chain still verifies, and nobody can tell any more whom it spoke of.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete, or_, select, update

from stillwatch.cases import audit
from stillwatch.cases.accounts import find
from stillwatch.cases.actors import Permission
from stillwatch.cases.models import (
    Account,
    Appeal,
    Case,
    Decision,
    Delivery,
    LoginAttempts,
    Measure,
    Member,
    MemberTrait,
    Note,
    Signup,
    StepUp,
    Verification,
)

if TYPE_CHECKING:
    from stillwatch.cases.storage import Unit

ERASED = "(erased)"
_REFERENCES: tuple[Any, ...] = (
    Member,
    MemberTrait,
    Measure,
    Decision,
    Note,
    Verification,
    StepUp,
    Appeal,
)


def expire_personal(unit: Unit) -> int:
    """Empty personal fields whose time is over; returns how many accounts were emptied."""
    emptied = unit.session.execute(
        update(Account)
        .where(
            Account.seen_at <= unit.now - unit.rules.retention,
            Account.case_id.is_(None),
            Account.action == "allow",
            or_(
                Account.email_domain.is_not(None),
                Account.payment.is_not(None),
                Account.network.is_not(None),
            ),
        )
        .values(email_domain=None, payment=None, network=None)
        .execution_options(synchronize_session=False)
    )
    signups = unit.session.execute(
        delete(Signup).where(Signup.at <= unit.now - unit.rules.signup_retention)
    )
    yesterday = unit.now - timedelta(days=1)
    unit.session.execute(delete(Delivery).where(Delivery.received_at <= yesterday))
    unit.session.execute(delete(LoginAttempts).where(LoginAttempts.since <= yesterday))
    number, forgotten = int(emptied.rowcount), int(signups.rowcount)  # type: ignore[attr-defined]
    if number or forgotten:
        unit.record(
            "retention.expire",
            "retention",
            f"{number} accounts emptied, {forgotten} sign-ups forgotten",
            accounts=number,
            signups=forgotten,
        )
    return number


def mark_deleted(unit: Unit, account_id: str) -> Account:
    """Note that the provider deleted an account: nothing more is done to it."""
    unit.actor.need(Permission.IMPORT)
    account = find(unit.session, account_id)
    if account.deleted_at is None:
        account.deleted_at = unit.now
        unit.touch_standing()
        unit.record("account.delete", f"account:{account_id}", "deleted", about=account)
    return account


def erase(unit: Unit, account_id: str) -> str:
    """Erase a person's account: its name, its personal fields, and what was written about it.

    Counts stay, under a name that leads nowhere.

    Returns:
        The name under which the empty row goes on.

    Raises:
        NotFoundError: there is no such account.
    """
    unit.actor.need(Permission.ADMINISTER)
    account = find(unit.session, account_id)
    name = f"erased-{secrets.token_hex(8)}"
    unit.record("account.erase", f"account:{name}", "erased", about=account)
    session = unit.session
    empty = Account(
        account_id=name,
        verdict=account.verdict,
        requests=account.requests,
        case_id=account.case_id,
        seen_at=account.seen_at,
        deleted_at=account.deleted_at or unit.now,
    )
    session.add(empty)
    session.flush()
    empty.blinding = None  # only now: an insert would draw a new one
    session.flush()
    for table in _REFERENCES:
        session.execute(
            update(table)
            .where(table.account_id == account_id)
            .values(account_id=name)
            .execution_options(synchronize_session=False)
        )
    _forget_texts(unit, name)
    _forget_in_findings(unit, account_id, name)
    audit.forget(session, f"account:{account_id}")
    session.execute(
        delete(Account)
        .where(Account.account_id == account_id)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    unit.touch_standing()
    return name


def _forget_texts(unit: Unit, name: str) -> None:
    mine = {"synchronize_session": False}
    unit.session.execute(
        update(Note)
        .where(Note.account_id == name)
        .values(text=ERASED, salt=None)
        .execution_options(**mine)
    )
    unit.session.execute(
        update(Appeal)
        .where(Appeal.account_id == name)
        .values(text=ERASED, answer=ERASED, finding=ERASED, salt=None)
        .execution_options(**mine)
    )
    unit.session.execute(
        update(Decision)
        .where(Decision.account_id == name)
        .values(reason=ERASED, settled_why=None, salt=None)
        .execution_options(**mine)
    )
    unit.session.execute(
        update(Verification)
        .where(Verification.account_id == name)
        .values(reference=None)
        .execution_options(**mine)
    )


def _forget_in_findings(unit: Unit, account_id: str, name: str) -> None:
    """Rename the account inside the stored findings of its cases."""
    cases = unit.session.execute(
        select(Case).join(Member, Member.case_id == Case.id).where(Member.account_id == name)
    ).scalars()
    for case in cases:
        finding = msgspec.json.decode(case.finding)
        for member in finding["members"]:
            if member["account_id"] == account_id:
                member["account_id"] = name
        case.finding = msgspec.json.encode(finding).decode()
