"""Says which extra is missing, before an import fails with words that help nobody."""

from __future__ import annotations

from importlib.util import find_spec

from stillwatch.errors import MissingExtraError


def need_server() -> None:
    """Insist on the extra `server`.

    Raises:
        MissingExtraError: it is not installed.
    """
    if any(find_spec(name) is None for name in ("sqlalchemy", "alembic", "argon2", "litestar")):
        raise MissingExtraError("server", "the console and its database")
