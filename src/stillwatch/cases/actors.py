"""Who acts, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stillwatch.cases.errors import ForbiddenError


class Permission(StrEnum):
    """What a change needs; also the scopes of API tokens."""

    VIEW = "view"
    TRIAGE = "triage"
    DECIDE = "decide"
    APPROVE = "approve"
    APPEALS = "appeals"
    VERIFY = "verify"
    SIGNUPS = "signups"
    LINKS = "links"
    IMPORT = "import"
    ADMINISTER = "administer"


class Role(StrEnum):
    """Roles of users; each may do what the one before may."""

    VIEWER = "viewer"
    INVESTIGATOR = "investigator"
    APPROVER = "approver"
    ADMIN = "admin"

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the role may do."""
        return _PERMISSIONS[self]


_INVESTIGATOR = frozenset(
    {Permission.VIEW, Permission.TRIAGE, Permission.DECIDE, Permission.APPEALS, Permission.VERIFY}
)
_PERMISSIONS = {
    Role.VIEWER: frozenset({Permission.VIEW}),
    Role.INVESTIGATOR: _INVESTIGATOR,
    Role.APPROVER: _INVESTIGATOR | {Permission.APPROVE},
    Role.ADMIN: frozenset(Permission),
}

TOKEN_SCOPES = (
    Permission.VIEW,
    Permission.SIGNUPS,
    Permission.LINKS,
    Permission.VERIFY,
    Permission.IMPORT,
)
"""What a program may be allowed. Decisions and approvals are for people."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that changes the database.

    Attributes:
        name: as it is written down: ``user:ada``, ``token:portal``, ``system:import``,
            ``customer``.
        permissions: what it may do.
        user_id: of a user, else None.
    """

    name: str
    permissions: frozenset[Permission]
    user_id: int | None = None

    def may(self, permission: Permission) -> bool:
        """Whether it is allowed to."""
        return permission in self.permissions

    def need(self, permission: Permission) -> None:
        """Insist on a permission.

        Raises:
            ForbiddenError: it is not allowed to.
        """
        if not self.may(permission):
            raise ForbiddenError(f"{self.name} may not do this: it needs {permission.value!r}")


def system(part: str) -> Actor:
    """A part of Stillwatch that acts on its own, such as ``system:import``."""
    return Actor(f"system:{part}", frozenset(Permission))


CUSTOMER = Actor("customer", frozenset())
"""Whoever holds a customer's link: may appeal and verify, which need no permission."""
