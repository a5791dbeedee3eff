"""What can go wrong when people act: each says what to do next."""

from __future__ import annotations

from stillwatch.errors import StillwatchError


class CaseError(StillwatchError):
    """Root of the errors of this package."""


class NotFoundError(CaseError):
    """There is no such case, account, decision, appeal or link."""


class ForbiddenError(CaseError):
    """The actor may not do this."""


class ConflictError(CaseError):
    """Somebody else was faster, or the thing is in another state than was thought."""


class RefusedError(CaseError):
    """The input makes no sense; nothing was changed."""


class UnavailableError(CaseError):
    """The database cannot be reached; nothing was changed, trying again later is safe."""
