"""Registrations that arrive together are scored together, in one transaction.

A transaction costs about as much as what is done in it. While one runs, whoever arrives waits; the
next one takes all of them. An answer is given after its commit, so what was answered is never lost,
and where nobody waits nothing is put off.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from stillwatch.cases import signups
from stillwatch.cases.signup_tokens import Tokeniser

if TYPE_CHECKING:
    from stillwatch.cases.actors import Actor
    from stillwatch.cases.registration import Registration
    from stillwatch.cases.storage import Storage

MOST = 64
"""Registrations of one transaction: the longest wait of others who write."""

_Waiting = tuple["Actor", "Registration", "asyncio.Future[signups.Answer]"]


class Scoring:
    """Scores registrations for the tasks of one event loop.

    It has a thread of its own, so that a busy console does not make people who register wait; one,
    because SQLite lets one write at a time and a second one would only sleep.

    Args:
        storage: the database.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="signups")
        self._waiting: list[_Waiting] = []
        self._busy: asyncio.Task[None] | None = None

    async def score(self, actor: Actor, registration: Registration) -> signups.Answer:
        """Score and remember a registration.

        Raises:
            CaseError: as `signups.score`, and of the database.
        """
        future: asyncio.Future[signups.Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((actor, registration, future))
        if self._busy is None:
            self._busy = asyncio.create_task(self._work())
        return await future

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown()

    async def _work(self) -> None:
        """Score until nobody waits."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                try:
                    answers = await loop.run_in_executor(self._pool, self._together, batch)
                except Exception as error:
                    answers = [error] * len(batch)
                for (_, _, future), answer in zip(batch, answers, strict=True):
                    if future.cancelled():
                        continue
                    if isinstance(answer, Exception):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)
        finally:
            self._busy = None

    @cached_property
    def _tokeniser(self) -> Tokeniser:
        return Tokeniser(self._storage.key)

    def _together(self, batch: list[_Waiting]) -> list[signups.Answer | Exception]:
        tokens = self._tokeniser.tokens
        return signups.score_together(
            self._storage, [(actor, one, tokens(one)) for actor, one, _ in batch]
        )
