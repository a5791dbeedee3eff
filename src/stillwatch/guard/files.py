"""The files that a guard goes by: loaded, and loaded again when they change, without a pause."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stillwatch.errors import InputError
from stillwatch.guard.policy import load_policy
from stillwatch.guard.profiles import profiles_of
from stillwatch.readers import read_accounts
from stillwatch.standing import Snapshot, load_snapshot

if TYPE_CHECKING:
    from stillwatch.guard.guard import Guard

POLL = 1.0
"""Seconds between looks at the files."""

_log = logging.getLogger("stillwatch.guard")

_Mark = tuple[int, int, int] | None


class Files:
    """Keeps a guard at what its files say; a broken one is reported, and the last good one stays.

    Args:
        guard: made with the policy of its file.
        key: fingerprint of the sketches' key, which the snapshot's tokens must be made with; None
            where none is known.
        policy, snapshot, accounts: the files; empty for none.

    Attributes:
        problems: files that could not be loaded, and why.
        reloads: how often one was loaded.

    Raises:
        InputError: the account file is broken. A snapshot that is missing or half-written keeps
            nothing from starting.
    """

    def __init__(
        self,
        guard: Guard,
        key: str | None,
        *,
        policy: str = "",
        snapshot: str = "",
        accounts: str = "",
    ) -> None:
        self._guard, self._key = guard, key
        self._paths = {"policy": policy, "snapshot": snapshot, "accounts": accounts}
        self._loaders = {
            "policy": self._load_policy,
            "snapshot": self._load_snapshot,
            "accounts": self._load_accounts,
        }
        self._marks: dict[str, _Mark] = {"policy": _mark(policy)}
        self.problems: dict[str, str] = {}
        self.reloads = 0
        self._looked = time.monotonic()
        if accounts:
            self._load_accounts(Path(accounts))
            self._marks["accounts"] = _mark(accounts)
        self._reload("snapshot", force=True)

    def due(self) -> bool:
        """Whether the last look was `POLL` ago; the caller then has a look."""
        now = time.monotonic()
        if now - self._looked < POLL:
            return False
        self._looked = now
        return True

    def reload(self, *, force: bool = False) -> None:
        """Load the files that have changed.

        Args:
            force: load all of them.
        """
        for name in self._loaders:
            self._reload(name, force=force)

    def _reload(self, name: str, *, force: bool) -> None:
        path = self._paths[name]
        if not path:
            return
        mark = _mark(path)
        if not force and mark == self._marks.get(name):
            return
        self._marks[name] = mark
        try:
            self._loaders[name](Path(path))
        except InputError as error:
            self.problems[name] = str(error)
            _log.error("reload failed", extra={"file": name, "problem": str(error)})
        else:
            self.problems.pop(name, None)
            self.reloads += 1
            _log.info("reloaded", extra={"file": name})

    def _load_policy(self, path: Path) -> None:
        self._guard.apply_policy(load_policy(path))

    def _load_snapshot(self, path: Path) -> None:
        snapshot = load_snapshot(path) if path.exists() else Snapshot(sequence=0)
        if self._key is not None and snapshot.key_fingerprint not in ("", self._key):
            raise InputError(
                "its tokens were made with another sketch key; use the key of the scans",
                file=str(path),
            )
        if not self._guard.apply_snapshot(snapshot):
            raise InputError(
                f"it has sequence {snapshot.sequence}, older than what is in force", file=str(path)
            )

    def _load_accounts(self, path: Path) -> None:
        self._guard.profiles = profiles_of(read_accounts(path).table)


def _mark(path: str) -> _Mark:
    """What tells one version of a file from another without reading it."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
