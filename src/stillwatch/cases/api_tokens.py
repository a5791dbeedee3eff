"""Keys of programs: made by an administrator, limited to scopes, shown once."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from stillwatch.cases.actors import TOKEN_SCOPES, Actor, Permission
from stillwatch.cases.errors import ConflictError, NotFoundError, RefusedError
from stillwatch.cases.keys import new_token, stored
from stillwatch.cases.models import ApiToken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.cases.storage import Storage, Unit

PREFIX = "swt_"
"""Starts every token, so that scanners for leaked secrets know one when they see it."""

REMEMBERED_SECONDS = 5.0
"""How long a process trusts what it knows of a token: a revoked one dies within that time."""

USED_EVERY = timedelta(minutes=5)

_remembered: dict[tuple[int, str], tuple[float, Actor]] = {}


def make(
    unit: Unit, name: str, scopes: Sequence[str], *, valid: timedelta | None = None
) -> tuple[ApiToken, str]:
    """Make a token.

    Returns:
        The token, and its secret, which is shown once and kept nowhere.

    Raises:
        RefusedError: a scope is unknown, or there is none.
        ConflictError: the name is taken.
    """
    unit.actor.need(Permission.ADMINISTER)
    name = name.strip()
    if not name or len(name) > 64:
        raise RefusedError("a token has a name of 1 to 64 characters")
    unknown = set(scopes) - {str(scope) for scope in TOKEN_SCOPES}
    if unknown or not scopes:
        raise RefusedError(f"scopes are {', '.join(TOKEN_SCOPES)}; give at least one")
    if unit.session.execute(select(ApiToken.id).where(ApiToken.name == name)).first():
        raise ConflictError(f"there is a token {name!r} already")
    secret = PREFIX + new_token()
    token = ApiToken(
        name=name,
        hash=stored(secret),
        scopes=sorted(scopes),
        created_by=unit.actor.name,
        created_at=unit.now,
        expires_at=unit.now + valid if valid else None,
    )
    unit.session.add(token)
    unit.session.flush()
    unit.record(
        "token.make",
        f"token:{token.id}",
        f"{name}: {', '.join(token.scopes)}",
        token=token.id,
        scopes=" ".join(token.scopes),
    )
    return token, secret


def revoke(unit: Unit, token_id: int) -> ApiToken:
    """End a token."""
    unit.actor.need(Permission.ADMINISTER)
    token = unit.session.get(ApiToken, token_id)
    if token is None:
        raise NotFoundError("there is no such token")
    if token.revoked_at is None:
        token.revoked_at = unit.now
        unit.record("token.revoke", f"token:{token.id}", token.name, token=token.id)
    return token


def known(storage: Storage, secret: str) -> Actor | None:
    """The actor of a token that this process saw a moment ago, without asking the database."""
    entry = _remembered.get((id(storage), stored(secret)))
    if entry is None or entry[0] < time.monotonic():
        return None
    return entry[1]


def actor_of(storage: Storage, secret: str) -> Actor | None:
    """The actor of a token; None where it is unknown, revoked or expired."""
    hashed = stored(secret)
    now = storage.clock()
    with storage.read() as session:
        token = session.execute(
            select(ApiToken).where(ApiToken.hash == hashed)
        ).scalar_one_or_none()
        if token is None or token.revoked_at is not None:
            return None
        if token.expires_at is not None and token.expires_at <= now:
            return None
        actor = Actor(f"token:{token.name}", frozenset(Permission(scope) for scope in token.scopes))
        stale = token.used_at is None or token.used_at + USED_EVERY <= now
        number = token.id
    if stale:
        with storage.write(actor) as unit:
            unit.session.get_one(ApiToken, number).used_at = now
    if len(_remembered) > 1000:
        _remembered.clear()
    _remembered[id(storage), hashed] = (time.monotonic() + REMEMBERED_SECONDS, actor)
    return actor
