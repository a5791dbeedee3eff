from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest

from stillwatch.cli import progress

if TYPE_CHECKING:
    from collections.abc import Callable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_quiet_writes_nothing() -> None:
    stream = Terminal()
    with progress.watch(quiet=True, stream=stream) as shown, shown.step("reading") as step:
        step.advance(5)
        step.note("a file")
    assert stream.getvalue() == ""


def test_file_gets_one_plain_line_a_short_step() -> None:
    stream = io.StringIO()
    with progress.watch(stream=stream) as shown, shown.step("reading", total=10) as step:
        for _ in range(10):
            step.advance()
    assert re.fullmatch(r"reading: \d+\.\d s\n", stream.getvalue())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def set_clock(seconds: float) -> None:
        now[0] = seconds

    return set_clock


def test_file_gets_a_line_now_and_then_while_a_long_step_runs(
    clock: Callable[[float], None],
) -> None:
    stream = io.StringIO()
    with progress.watch(stream=stream) as shown, shown.step("reading", total=4) as step:
        step.note("one.jsonl")
        for second in (1, 11, 12, 25):
            clock(second)
            step.advance()
    assert stream.getvalue().splitlines() == [
        "reading: 50% one.jsonl",
        "reading: 100% one.jsonl",
        "reading: 25.0 s",
    ]


def test_step_of_unknown_size_counts(clock: Callable[[float], None]) -> None:
    stream = io.StringIO()
    with progress.watch(stream=stream) as shown, shown.step("reading") as step:
        clock(60)
        step.advance(1234)
    assert stream.getvalue().splitlines()[0] == "reading: 1,234"


def test_failed_step_does_not_say_that_it_ended() -> None:
    stream = io.StringIO()
    with (
        pytest.raises(ValueError, match="broken"),
        progress.watch(stream=stream) as shown,
        shown.step("reading"),
    ):
        raise ValueError("broken")
    assert stream.getvalue() == ""


def test_terminal_gets_bars_without_what_a_note_smuggles_in() -> None:
    stream = Terminal()
    with progress.watch(stream=stream) as shown, shown.step("reading", total=2) as step:
        step.note("\x1b]0;owned\x07[/bold]x")
        step.advance(2)
    drawn = stream.getvalue()
    assert "reading" in drawn
    assert "100%" in drawn
    assert "\x1b]0;" not in drawn
