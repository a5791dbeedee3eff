"""Working on a case: who has it, what was written about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.cases.accounts import find
from stillwatch.cases.actors import Permission
from stillwatch.cases.errors import RefusedError
from stillwatch.cases.keys import commitment
from stillwatch.cases.lookup import look_up
from stillwatch.cases.models import Case, CaseStatus, Note, User

if TYPE_CHECKING:
    from stillwatch.cases.storage import Unit

LONGEST_NOTE = 20_000


def assign(unit: Unit, case_id: int, user_id: int | None, *, version: int | None = None) -> Case:
    """Give a case to somebody, or to nobody; a new case is under review from then on.

    Raises:
        ConflictError: somebody changed the case since.
        RefusedError: there is no such user.
    """
    unit.actor.need(Permission.TRIAGE)
    case = look_up(unit.session, Case, case_id, version)
    user = unit.session.get(User, user_id) if user_id is not None else None
    if user_id is not None and (user is None or user.disabled_at is not None):
        raise RefusedError("there is no such user")
    case.assignee_id, case.updated_at = user_id, unit.now
    if case.status == CaseStatus.NEW and user is not None:
        case.status = CaseStatus.REVIEWING
    who = user.name if user else "nobody"
    unit.record("case.assign", f"case:{case.id}", f"to {who}", case=case.id, user=user_id)
    return case


def add_note(
    unit: Unit, text: str, *, case_id: int | None = None, account_id: str | None = None
) -> Note:
    """Write something down about a case or an account.

    Raises:
        RefusedError: there is no text, or too much of it.
    """
    unit.actor.need(Permission.TRIAGE)
    if not text.strip() or len(text) > LONGEST_NOTE:
        raise RefusedError(f"a note has 1 to {LONGEST_NOTE} characters")
    account = find(unit.session, account_id) if account_id is not None else None
    if case_id is not None:
        look_up(unit.session, Case, case_id)
    note = Note(
        case_id=case_id,
        account_id=account_id,
        author=unit.actor.name,
        at=unit.now,
        text=text.strip(),
    )
    unit.session.add(note)
    unit.session.flush()
    unit.record(
        "note.add",
        f"case:{case_id}" if case_id is not None else f"account:{account_id}",
        f"note {note.id}",
        about=account,
        text=commitment(note.salt, note.text),
    )
    return note
