"""Cases, decisions and appeals by their numbers, in the version that somebody looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from stillwatch.cases.errors import ConflictError, NotFoundError
from stillwatch.cases.models import Appeal, Case, Decision

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Numbered = TypeVar("Numbered", Case, Decision, Appeal)


def look_up(
    session: Session, kind: type[Numbered], number: int, version: int | None = None
) -> Numbered:
    """A case, a decision or an appeal.

    Args:
        session: a transaction.
        kind: which of them.
        number: its number.
        version: that somebody looked at before acting; None where that does not matter.

    Raises:
        NotFoundError: there is none.
        ConflictError: it was changed since.
    """
    found = session.get(kind, number)
    if found is None:
        name = kind.__name__
        raise NotFoundError(f"there is no {name.lower()} {name[0]}-{number}")
    if version is not None and found.version != version:
        state = found.status if isinstance(found, Case) else found.state
        raise ConflictError(
            f"{found.name} was changed since you opened it (it is {state!r} now); look at it again "
            "before you act"
        )
    return found
