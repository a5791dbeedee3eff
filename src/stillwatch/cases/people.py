"""Users: who they are, what they may do, and the link that lets them in for the first time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from sqlalchemy import delete, func, select, update

from stillwatch.cases.actors import Actor, Permission, Role
from stillwatch.cases.errors import ConflictError, NotFoundError, RefusedError
from stillwatch.cases.keys import new_token, stored
from stillwatch.cases.models import LoginSession, SetupLink, User

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from stillwatch.cases.storage import Unit

SETUP_VALID = timedelta(hours=24)
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")

HASHER = PasswordHasher()
"""Argon2id with the library's current parameters (RFC 9106's second recommendation)."""


def actor_of(user: User) -> Actor:
    """A user as an actor."""
    return Actor(f"user:{user.name}", Role(user.role).permissions, user.id)


def invite(unit: Unit, name: str, role: Role) -> tuple[User, str]:
    """Make a user and the one-time link that sets its password.

    Returns:
        The user, and the link's secret, which is shown once and kept nowhere.

    Raises:
        RefusedError: the name cannot be used.
        ConflictError: there is such a user.
    """
    unit.actor.need(Permission.ADMINISTER)
    name = name.strip().lower()
    if not _NAME.fullmatch(name):
        raise RefusedError(
            "a user's name has 1 to 64 characters: small letters, digits and . _ @ + -"
        )
    if unit.session.execute(select(User.id).where(User.name == name)).first():
        raise ConflictError(f"there is a user {name!r} already")
    user = User(name=name, role=Role(role), created_at=unit.now)
    unit.session.add(user)
    unit.session.flush()
    unit.record("user.invite", f"user:{user.id}", f"{name} as {role}", user=user.id, role=role)
    return user, setup_link(unit, user)


def usable_name(wished: str) -> str:
    """What can be used of a name that an identity provider gives."""
    kept = re.sub(r"[^a-z0-9._@+-]", "-", wished.strip().lower())[:56].lstrip("._@+-")
    return kept or "user"


def setup_link(unit: Unit, user: User) -> str:
    """A new one-time link for a user; older ones stop working."""
    unit.session.execute(
        delete(SetupLink).where(SetupLink.user_id == user.id, SetupLink.used_at.is_(None))
    )
    token = new_token()
    unit.session.add(
        SetupLink(hash=stored(token), user_id=user.id, expires_at=unit.now + SETUP_VALID)
    )
    unit.record("user.link", f"user:{user.id}", f"setup link for {user.name}", user=user.id)
    return token


def first_link(unit: Unit) -> tuple[User, str] | None:
    """The link for the first administrator; None once somebody can log in."""
    able = unit.session.execute(
        select(func.count())
        .select_from(User)
        .where((User.password.is_not(None)) | (User.subject.is_not(None)))
    ).scalar_one()
    if able:
        return None
    admin = unit.session.execute(select(User).where(User.name == "admin")).scalar_one_or_none()
    if admin is None:
        return invite(unit, "admin", Role.ADMIN)
    return admin, setup_link(unit, admin)


def invited(session: Session, token: str, unit: Unit | None = None) -> SetupLink:
    """An unused link.

    Raises:
        NotFoundError: it is wrong, was used, or is too old.
    """
    link = session.get(SetupLink, stored(token))
    if link is None or link.used_at is not None:
        raise NotFoundError("this link is not valid (any more): ask an administrator for another")
    if unit is not None and link.expires_at <= unit.now:
        raise NotFoundError("this link is too old: ask an administrator for another")
    return link


def set_password(unit: Unit, token: str, password: str) -> User:
    """Use a setup link: the password counts from now on, the link no more.

    Raises:
        NotFoundError: the link is not valid.
        RefusedError: the password is too short or too long.
    """
    link = invited(unit.session, token, unit)
    user = unit.session.get_one(User, link.user_id)
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise RefusedError(f"a password has at least {SHORTEST_PASSWORD} characters")
    if user.name in password.lower() and len(password) < 2 * SHORTEST_PASSWORD:
        raise RefusedError("the password must not be built on the user's name")
    user.password = HASHER.hash(password)
    link.used_at = unit.now
    unit.session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    unit.record("user.password", f"user:{user.id}", f"{user.name} set a password", user=user.id)
    return user


def change_role(unit: Unit, user_id: int, role: Role) -> User:
    """Give a user another role.

    Raises:
        ConflictError: nobody would be left who can administer.
    """
    unit.actor.need(Permission.ADMINISTER)
    user = _user(unit, user_id)
    if Role(user.role) is Role.ADMIN and role is not Role.ADMIN:
        _keep_an_admin(unit, user)
    user.role = Role(role)
    unit.record("user.role", f"user:{user.id}", f"{user.name} is {role}", user=user.id, role=role)
    return user


def disable(unit: Unit, user_id: int) -> User:
    """Shut a user out, at once.

    Raises:
        ConflictError: nobody would be left who can administer.
    """
    unit.actor.need(Permission.ADMINISTER)
    user = _user(unit, user_id)
    _keep_an_admin(unit, user)
    user.disabled_at = unit.now
    unit.session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    unit.session.execute(
        update(SetupLink).where(SetupLink.user_id == user.id).values(used_at=unit.now)
    )
    unit.record("user.disable", f"user:{user.id}", f"{user.name} disabled", user=user.id)
    return user


def enable(unit: Unit, user_id: int) -> User:
    """Let a user in again."""
    unit.actor.need(Permission.ADMINISTER)
    user = _user(unit, user_id)
    user.disabled_at = None
    unit.record("user.enable", f"user:{user.id}", f"{user.name} enabled", user=user.id)
    return user


def _user(unit: Unit, user_id: int) -> User:
    user = unit.session.get(User, user_id)
    if user is None:
        raise NotFoundError("there is no such user")
    return user


def _keep_an_admin(unit: Unit, user: User) -> None:
    others = unit.session.execute(
        select(func.count())
        .select_from(User)
        .where(User.role == Role.ADMIN, User.disabled_at.is_(None), User.id != user.id)
    ).scalar_one()
    if Role(user.role) is Role.ADMIN and not others:
        raise ConflictError("this is the last administrator; make another one first")
