"""Accounts that the guard has challenged by itself, until a worker asks them to verify.

The guard's event loop must not wait for a database, and a challenged client comes again and again:
each account is remembered here once, and a worker opens one request for it.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from stillwatch.cases import verification
from stillwatch.cases.actors import system
from stillwatch.cases.errors import ConflictError, NotFoundError, RefusedError

if TYPE_CHECKING:
    from stillwatch.cases.storage import Storage

MOST = 10_000
"""Accounts that are remembered; beyond, the oldest are forgotten and may be asked twice, which
changes nothing."""

AGAIN_SECONDS = 3600.0
"""How long an account is not asked again: its request may be settled meanwhile."""

_log = logging.getLogger(__name__)


class Challenged:
    """What waits to be asked; one thread adds, another one asks."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._waiting: deque[tuple[str, str]] = deque(maxlen=MOST)

    def add(self, account_id: str, reason: str) -> None:
        """Remember that the guard has challenged an account; quick, and never fails."""
        now = time.monotonic()
        if now - self._seen.get(account_id, -AGAIN_SECONDS) < AGAIN_SECONDS:
            return
        self._seen[account_id] = now
        self._seen.move_to_end(account_id)
        if len(self._seen) > MOST:
            self._seen.popitem(last=False)
        self._waiting.append((account_id, reason))

    def ask_all(self, storage: Storage) -> int:
        """Open a request for each account that waits; returns how many.

        Accounts that the database does not know, or that were deleted, are left alone.

        Raises:
            UnavailableError: the database cannot be reached; nothing is forgotten.
        """
        asked = 0
        while self._waiting:
            account_id, reason = self._waiting[0]
            try:
                with storage.write(system("guard")) as unit:
                    verification.request_step_up(unit, account_id, reason=reason, wanted=None)
                asked += 1
            except (NotFoundError, ConflictError, RefusedError) as error:
                _log.info("a challenged account is not asked to verify: %s", error)
            self._waiting.popleft()
        return asked
