"""Getting in: passwords, the limit on guessing, and sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from argon2.exceptions import Argon2Error
from sqlalchemy import delete, select

from stillwatch.cases.actors import Actor
from stillwatch.cases.errors import ForbiddenError
from stillwatch.cases.keys import new_token, stored
from stillwatch.cases.models import LoginAttempts, LoginSession, User
from stillwatch.cases.people import HASHER, LONGEST_PASSWORD, actor_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from stillwatch.cases.storage import Storage, Unit

SESSION_VALID = timedelta(hours=12)
SESSION_IDLE = timedelta(hours=2)
SEEN_EVERY = timedelta(minutes=1)
WINDOW = timedelta(minutes=15)
MOST_FAILURES = {"name": 5, "network": 30}
"""Failed logins in the window, after which the right password does not help either."""

_NOBODY = HASHER.hash("a password that nobody has, so that unknown names take as long to refuse")


class TooManyAttemptsError(ForbiddenError):
    """Too many wrong passwords for this name or from this network; waiting helps."""


def log_in(storage: Storage, name: str, password: str, network: str) -> str:
    """Check a password and open a session.

    The answer takes as long for an unknown name as for a known one.

    Args:
        storage: the database.
        name: as typed.
        password: as typed.
        network: where the attempt comes from, for the limit.

    Returns:
        The session's secret, for the cookie.

    Raises:
        TooManyAttemptsError: wait.
        ForbiddenError: name and password do not match.
    """
    name = name.strip().lower()[:64]
    keys = {"name": f"name:{name}", "network": f"network:{network}"}
    with storage.read() as session:
        _check_limit(session, keys, storage.clock())
        user = session.execute(select(User).where(User.name == name)).scalar_one_or_none()
        known = user.password if user and user.disabled_at is None else None
        user_id = user.id if user else None
    right = _verify(known or _NOBODY, password) and known is not None
    who = Actor(f"user:{name}" if user_id else "visitor", frozenset(), user_id)
    with storage.write(who) as unit:
        if right and user_id is not None:
            unit.session.execute(delete(LoginAttempts).where(LoginAttempts.key == keys["name"]))
            return open_session(unit, unit.session.get_one(User, user_id))
        _count_failure(unit, keys)
        unit.record("login.fail", f"user:{user_id}" if user_id else "login", "wrong password")
    raise ForbiddenError("name and password do not match")


def open_session(unit: Unit, user: User) -> str:
    """A new session for a user who has shown who they are; returns its secret."""
    token = new_token()
    unit.session.add(
        LoginSession(
            hash=stored(token),
            user_id=user.id,
            created_at=unit.now,
            seen_at=unit.now,
            expires_at=unit.now + SESSION_VALID,
        )
    )
    unit.session.execute(delete(LoginSession).where(LoginSession.expires_at <= unit.now))
    user.last_login_at = unit.now
    unit.record("login", f"user:{user.id}", f"{user.name} logged in", user=user.id)
    return token


def session_user(storage: Storage, token: str) -> User | None:
    """Whose session this is; None where it has ended."""
    now = storage.clock()
    with storage.read() as session:
        found = session.get(LoginSession, stored(token))
        if found is None or found.expires_at <= now or found.seen_at + SESSION_IDLE <= now:
            return None
        user = found.user
        if user.disabled_at is not None:
            return None
        seen_lately = found.seen_at + SEEN_EVERY > now
        session.expunge(user)
    if not seen_lately:
        with storage.write(actor_of(user)) as unit:
            kept = unit.session.get(LoginSession, stored(token))
            if kept is not None:
                kept.seen_at = now
    return user


def log_out(unit: Unit, token: str) -> None:
    """End a session."""
    unit.session.execute(delete(LoginSession).where(LoginSession.hash == stored(token)))
    unit.record("logout", f"user:{unit.actor.user_id}", "logged out")


def _verify(known: str, password: str) -> bool:
    if len(password) > LONGEST_PASSWORD:
        return False
    try:
        return HASHER.verify(known, password)
    except Argon2Error:
        return False


def _check_limit(session: Session, keys: dict[str, str], now: datetime) -> None:
    for kind, key in keys.items():
        found = session.get(LoginAttempts, key)
        if found and found.since + WINDOW > now and found.failures >= MOST_FAILURES[kind]:
            minutes = (found.since + WINDOW - now).total_seconds() // 60 + 1
            raise TooManyAttemptsError(
                f"too many wrong passwords: try again in {minutes:.0f} minutes"
            )


def _count_failure(unit: Unit, keys: dict[str, str]) -> None:
    for key in keys.values():
        found = unit.session.get(LoginAttempts, key)
        if found is None:
            unit.session.add(LoginAttempts(key=key, failures=1, since=unit.now))
        elif found.since + WINDOW <= unit.now:
            found.failures, found.since = 1, unit.now
        else:
            found.failures += 1
