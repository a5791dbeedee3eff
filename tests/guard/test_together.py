from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from stillwatch.guard import Ask, Guard
from stillwatch.sketch import Sketcher, SketchKey

if TYPE_CHECKING:
    from stillwatch.guard import Traces

BROKEN = "\ud800"
"""Half of a character, which cannot be written as UTF-8."""


@pytest.fixture(scope="module")
def sketcher() -> Sketcher:
    return Sketcher(SketchKey.load())


def asks() -> list[Ask]:
    chats: list[Any] = [[{"role": "user", "content": f"What is {n}?"}] for n in range(30)]
    return [*(Ask(account_id="a", messages=chat) for chat in chats), Ask(account_id="a")]


def together(guard: Guard, asked: list[Ask]) -> list[Traces | None]:
    async def run() -> list[Traces | None]:
        return await asyncio.gather(*map(guard.traced, asked))

    return asyncio.run(run())


def test_asks_that_wait_together_are_sketched_in_few_goes_and_as_each_by_itself(
    sketcher: Sketcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard, asked = Guard(sketcher=sketcher), asks()
    expected = [guard.trace(ask) for ask in asked]
    assert len(set(expected)) == 31
    assert expected[-1] is None
    sizes, sketch = [], sketcher.sketch

    def counted(rows: Any) -> Any:
        sizes.append(rows.num_rows)
        return sketch(rows)

    monkeypatch.setattr(sketcher, "sketch", counted)
    assert together(guard, asked) == expected
    assert sum(sizes) == 30
    assert len(sizes) <= 2


def test_what_cannot_be_sketched_harms_nobody_else(
    sketcher: Sketcher, caplog: pytest.LogCaptureFixture
) -> None:
    guard, asked = Guard(sketcher=sketcher), asks()[:3]
    expected = [guard.trace(ask) for ask in asked]
    found = together(guard, [asked[0], Ask(account_id="b", prompt=BROKEN), *asked[1:]])
    assert found == [expected[0], None, *expected[1:]]
    assert "could not be sketched" in caplog.text


def test_without_a_key_text_is_not_looked_at() -> None:
    assert together(Guard(), asks()) == [None] * 31
