"""Keyed commitments for personal data, so that it can be erased and every proof still holds.

Each identifier has a random secret in the vault. What enters a ledger or a bundle is

    opening    = HMAC-SHA256(secret, "opening" 0x00 context)
    commitment = HMAC-SHA256(opening, identifier)

Whoever is given identifier and opening can check a commitment; without the opening nothing can be
tried, however few identifiers there are. Erasing the secret makes every commitment to that
identifier a random number for good, while the hashes above it stay as they were.
"""

from __future__ import annotations

import hmac
import os
import secrets
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

_PREFIX = "hmac:"


def opening_of(secret: bytes, context: str) -> bytes:
    """The key of an identifier's commitments in one context; another context's tells nothing."""
    return hmac.digest(secret, b"opening\x00" + context.encode(), "sha256")


def commitment_of(opening: bytes, identifier: str) -> str:
    """The commitment to an identifier."""
    data = identifier.encode("utf-8", "surrogatepass")
    return _PREFIX + hmac.digest(opening, data, "sha256").hex()


class Vault:
    """The secrets behind commitments, in an SQLite file that only its user can open.

    Args:
        path: made if it is new.

    Raises:
        InputError: the file is no vault, or open to other users.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            mode = os.fstat(descriptor).st_mode
            os.close(descriptor)
        except OSError as error:
            raise InputError(f"cannot be used: {error.strerror}", file=str(path)) from None
        if mode & 0o077:
            raise InputError(f"is open to other users: chmod 600 {path}", file=str(path))
        try:
            with closing(self._open()) as database, database:
                database.execute(
                    "CREATE TABLE IF NOT EXISTS secrets "
                    "(identifier TEXT PRIMARY KEY, secret BLOB NOT NULL) STRICT, WITHOUT ROWID"
                )
        except sqlite3.DatabaseError as error:
            raise InputError(f"is no vault: {error}", file=str(path)) from None

    def openings(self, identifiers: Iterable[str], context: str) -> dict[str, bytes]:
        """The openings of some identifiers in a context; new identifiers get a secret."""
        wanted = sorted(set(identifiers))
        with closing(self._open()) as database, database:
            database.executemany(
                "INSERT OR IGNORE INTO secrets VALUES (?, ?)",
                ((name, secrets.token_bytes(32)) for name in wanted),
            )
            rows = (
                database.execute("SELECT secret FROM secrets WHERE identifier = ?", (name,))
                for name in wanted
            )
            return {
                name: opening_of(row.fetchone()[0], context)
                for name, row in zip(wanted, rows, strict=True)
            }

    def commitments(self, identifiers: Iterable[str], context: str) -> dict[str, str]:
        """The commitments to some identifiers in a context."""
        openings = self.openings(identifiers, context)
        return {name: commitment_of(opening, name) for name, opening in openings.items()}

    def commit_fields(self, payload: Mapping[str, Any], personal: Collection[str]) -> Any:
        """A payload with the values of personal fields as commitments in the context ``ledger``."""
        found: set[str] = set()
        _personal(payload, personal, found)
        if not found:
            return dict(payload)
        return _committed(payload, personal, self.commitments(found, "ledger"))

    def erase(self, identifiers: Iterable[str]) -> int:
        """Forget identifiers, and overwrite their secrets on disk; how many were known.

        Copies of the file elsewhere, and what file system and disk keep, are beyond its reach.
        """
        names = [(name,) for name in sorted(set(identifiers))]
        with closing(self._open()) as database:
            with database:
                done = database.executemany("DELETE FROM secrets WHERE identifier = ?", names)
            database.execute("VACUUM")
            return done.rowcount

    def knows(self, identifier: str) -> bool:
        """Whether there is a secret for an identifier."""
        with closing(self._open()) as database:
            query = "SELECT 1 FROM secrets WHERE identifier = ?"
            return database.execute(query, (identifier,)).fetchone() is not None

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=30)
        database.execute("PRAGMA secure_delete = ON")
        return database


def _personal(value: Any, personal: Collection[str], found: set[str], inside: bool = False) -> None:
    if isinstance(value, dict):
        for name, part in value.items():
            _personal(part, personal, found, inside or name in personal)
    elif isinstance(value, (list, tuple)):
        for part in value:
            _personal(part, personal, found, inside)
    elif inside and isinstance(value, str) and value:
        found.add(value)


def _committed(
    value: Any, personal: Collection[str], known: Mapping[str, str], inside: bool = False
) -> Any:
    if isinstance(value, dict):
        return {
            name: _committed(part, personal, known, inside or name in personal)
            for name, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_committed(part, personal, known, inside) for part in value]
    return known.get(value, value) if inside and isinstance(value, str) else value
