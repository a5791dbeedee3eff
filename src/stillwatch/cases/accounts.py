"""Accounts: look up, recompute what is in force, customers' links."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import or_, select

from stillwatch.cases.errors import NotFoundError, RefusedError
from stillwatch.cases.keys import customer_link, stored
from stillwatch.cases.models import Account, Measure, MeasureState
from stillwatch.standing import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from stillwatch.cases.storage import Unit

T = TypeVar("T")

CHUNK = 500
"""Ids in one query: below what any database takes as parameters."""


def find(session: Session, account_id: str) -> Account:
    """An account by its id.

    Raises:
        NotFoundError: it was never seen, or was erased.
    """
    account = session.get(Account, account_id)
    if account is None:
        raise NotFoundError(f"there is no account {account_id[:60]!r}")
    return account


def living(session: Session, account_id: str) -> Account:
    """An account that can still be acted on.

    Raises:
        NotFoundError: there is none of that id.
        RefusedError: the provider has deleted it.
    """
    account = find(session, account_id)
    if account.deleted_at is not None:
        raise RefusedError(
            f"account {account_id[:60]!r} was deleted on {account.deleted_at:%d %B %Y}: "
            "nothing can be done to it"
        )
    return account


def by_link(session: Session, token: str) -> Account:
    """The account whose customer holds this link.

    Raises:
        NotFoundError: the link is wrong, or was replaced by a newer one.
    """
    account = session.execute(
        select(Account).where(Account.link == stored(token))
    ).scalar_one_or_none()
    if account is None:
        raise NotFoundError("this link is not valid (any more)")
    return account


def link(unit: Unit, account: Account) -> str:
    """The customer's link to its status page; made valid at first use."""
    token = customer_link(unit.key, account.account_id, account.link_epoch)
    if account.link is None:
        account.link = stored(token)
    return token


def replace_link(unit: Unit, account: Account) -> str:
    """Give the customer another link; the old one stops working."""
    account.link_epoch += 1
    account.link = None
    unit.record("account.link", f"account:{account.account_id}", "new link", about=account)
    unit.touch_standing()
    return link(unit, account)


def in_force(session: Session, ids: Iterable[str], now: datetime) -> dict[str, Action]:
    """The strictest applied and unexpired measure of each account; absent where there is none."""
    found: dict[str, Action] = {}
    for chunk in chunks(list(ids)):
        rows = session.execute(
            select(Measure.account_id, Measure.action).where(
                Measure.account_id.in_(chunk),
                Measure.state == MeasureState.APPLIED,
                or_(Measure.expires_at.is_(None), Measure.expires_at > now),
            )
        )
        for account_id, action in rows:
            best = found.get(account_id, Action.ALLOW)
            found[account_id] = max(best, Action(action), key=lambda one: one.severity)
    return found


def refresh(unit: Unit, ids: Sequence[str]) -> None:
    """Bring `Account.action` up to date with the measures of these accounts."""
    unit.session.flush()
    strictest = in_force(unit.session, ids, unit.now)
    for chunk in chunks(list(ids)):
        accounts = unit.session.execute(
            select(Account).where(Account.account_id.in_(chunk))
        ).scalars()
        for account in accounts:
            action = strictest.get(account.account_id, Action.ALLOW)
            if account.action != action:
                account.action = action
            if account.link is None and action is not Action.ALLOW:
                link(unit, account)
    unit.touch_standing()


def chunks(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """Slices that fit into one query."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
