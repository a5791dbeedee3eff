"""An application inside another: its start and its end, by the ASGI lifespan protocol 2.0."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Handler = Callable[
        [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
        Awaitable[None],
    ]


class Nested:
    """Starts and stops an application that an outer one hands requests to.

    Args:
        application: takes part in the lifespan protocol.
    """

    def __init__(self, application: Handler) -> None:
        self._application = application
        self._asks: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it.

        Raises:
            RuntimeError: it says that it cannot start, and why.
        """
        scope: Message = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
        running = self._application(scope, self._asks.get, self._answers.put)
        self._task = asyncio.ensure_future(running)
        answer = await self._ask("lifespan.startup")
        if answer["type"] == "lifespan.startup.failed":
            raise RuntimeError(answer.get("message", "the pages did not start"))

    async def stop(self) -> None:
        """Stop it; what it does not end by itself is cancelled."""
        await self._ask("lifespan.shutdown")
        if self._task is not None:
            self._task.cancel()

    async def _ask(self, question: str) -> Message:
        await self._asks.put({"type": question})
        answer = asyncio.ensure_future(self._answers.get())
        assert self._task is not None  # noqa: S101 - `start` has set it
        done, _ = await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if answer in done:
            return answer.result()
        answer.cancel()
        self._task.result()  # raises what ended it
        return {"type": f"{question}.complete"}
