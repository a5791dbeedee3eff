from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stillwatch.serving.nested import Nested


def application(events: list[str], answer: str = "complete") -> Any:
    async def run(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        for step in ("startup", "shutdown"):
            message = await receive()
            events.append(message["type"])
            await send({"type": f"lifespan.{step}.{answer}", "message": "no disk"})

    return run


def test_it_starts_and_stops_with_the_outer_one() -> None:
    events: list[str] = []

    async def live() -> None:
        nested = Nested(application(events))
        await nested.start()
        assert events == ["lifespan.startup"]
        await nested.stop()

    asyncio.run(live())
    assert events == ["lifespan.startup", "lifespan.shutdown"]


def test_it_says_why_it_cannot_start() -> None:
    with pytest.raises(RuntimeError, match="no disk"):
        asyncio.run(Nested(application([], "failed")).start())


def test_an_application_that_breaks_breaks_the_start() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("no schema")

    with pytest.raises(ValueError, match="no schema"):
        asyncio.run(Nested(broken).start())
