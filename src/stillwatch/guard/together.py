"""Asks whose text is sketched together.

A sketch of one ask costs milliseconds and one of a hundred asks hardly more. So asks that wait at
the same time are sketched in one go, in a thread, while other requests are decided.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stillwatch.guard.ask import Ask, Traces
    from stillwatch.guard.tracing import Tracer

MOST = 256
"""Asks in one go: the first of them waits for the last."""

_log = logging.getLogger("stillwatch.guard")


class Together:
    """Sketches asks; for one event loop.

    Args:
        tracer: of the deployment's key.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._waiting: list[tuple[Ask, asyncio.Future[Traces | None]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def traces(self, ask: Ask) -> Traces | None:
        """The sketch of an ask; None where it holds no text, or none that can be sketched."""
        future: asyncio.Future[Traces | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            now, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            found = await asyncio.to_thread(self._sketch, [ask for ask, _ in now])
            for (_, future), traces in zip(now, found, strict=True):
                if not future.done():
                    future.set_result(traces)

    def _sketch(self, asks: list[Ask]) -> list[Traces | None]:
        try:
            return self._tracer.many(asks)
        except Exception:  # whoever sent what cannot be sketched is decided about without it
            if len(asks) > 1:
                return [traces for ask in asks for traces in self._sketch([ask])]
            _log.exception("an ask could not be sketched")
            return [None]
