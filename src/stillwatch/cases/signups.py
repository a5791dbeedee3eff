"""Sign-up risk: what to ask of somebody who registers, before there is an account.

Each registration is compared with those of the last weeks, with known accounts and with the traits
of accused campaigns. Every finding has points and a sentence; their sum asks for a level of
verification and never refuses: an operator pays for each account, an honest customer confirms once.
Where people is what makes a network busy (carriers' address translation, campuses, offices), a
network counts for little.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from stillwatch.cases.actors import Permission
from stillwatch.cases.errors import CaseError, ConflictError, RefusedError
from stillwatch.cases.models import Signup
from stillwatch.cases.signup_counts import COUNTS, parameters
from stillwatch.cases.signup_findings import Finding, Seen, findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from stillwatch.cases.actors import Actor
    from stillwatch.cases.registration import Registration
    from stillwatch.cases.signup_tokens import Tokens
    from stillwatch.cases.storage import Storage, Unit

LEVELS_FROM = ((7.0, "organisation"), (4.0, "payment"), (2.0, "phone"))
"""Points from which a level is asked for; e-mail is asked of everybody."""


_INSERT = insert(Signup.__table__)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Answer:
    """What to ask for, and why."""

    level: str
    score: float
    findings: tuple[Finding, ...]
    case_id: int | None


def score(unit: Unit, registration: Registration, tokens: Tokens) -> Answer:
    """Score a registration and remember it.

    The same reference again gives the same answer and counts once.

    Raises:
        ForbiddenError: the actor may not.
        RefusedError: there is no reference.
    """
    unit.actor.need(Permission.SIGNUPS)
    if not registration.reference or len(registration.reference) > 200:
        raise RefusedError("a registration needs a reference of 1 to 200 characters")
    at = registration.at or unit.now
    if at.tzinfo is None:
        raise RefusedError("a moment needs a time zone")
    values = parameters(registration.reference, registration.organization_id, tokens, at)
    connection = unit.session.connection()  # without the object mapper, which costs most here
    counts = connection.execute(COUNTS, values).one()
    if counts.known is not None:
        return _remembered(unit.session, registration.reference)
    found = findings(Seen(counts, tokens, registration.address_kind))
    total = sum(finding.points for finding in found)
    answer = Answer(_level(total), total, found, counts.case_id)
    connection.execute(
        _INSERT,
        [
            {
                "reference": registration.reference,
                "at": at,
                "organization_id": registration.organization_id,
                "email_domain": tokens.domain,
                "mailbox": tokens.mailbox,
                "payment": tokens.payment,
                "device": tokens.device,
                "network": tokens.network,
                "address_kind": registration.address_kind,
                "level": answer.level,
                "score": total,
                "reasons": [finding.text for finding in found],
                "case_id": counts.case_id,
            }
        ],
    )
    return answer


def score_together(
    storage: Storage, items: Sequence[tuple[Actor, Registration, Tokens]]
) -> list[Answer | Exception]:
    """Score registrations in their order, those of one actor in one transaction.

    What is wrong with one of them fails that one alone: where the database refuses all of a
    transaction, each is tried again by itself.

    Args:
        storage: the database.
        items: who asks, the registration, and its tokens.

    Returns:
        For each, the answer, which is committed, or the error that the one alone would get.
    """
    found: list[Answer | Exception] = []
    for actor, given in groupby(items, key=itemgetter(0)):
        group = list(given)
        try:
            with storage.write(actor) as unit:
                answers = [_score_or_why(unit, one, tokens) for _, one, tokens in group]
        except Exception as error:  # such as a text that no column takes
            answers = (
                [one for item in group for one in score_together(storage, [item])]
                if len(group) > 1
                else [error]
            )
        found += answers
    return found


def _score_or_why(unit: Unit, registration: Registration, tokens: Tokens) -> Answer | Exception:
    try:
        return score(unit, registration, tokens)
    except CaseError as error:
        return error


def _level(total: float) -> str:
    return next((level for least, level in LEVELS_FROM if total >= least), "email")


def _remembered(session: Session, reference: str) -> Answer:
    row = session.execute(select(Signup).where(Signup.reference == reference)).scalar_one_or_none()
    if row is None:
        raise ConflictError("this registration is being scored by somebody else; ask again")
    found = tuple(Finding("earlier", 0.0, text) for text in row.reasons)
    return Answer(row.level, row.score, found, row.case_id)
