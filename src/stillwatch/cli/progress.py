"""Progress on standard error: bars for a terminal, a line now and then for a file."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    ProgressColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from stillwatch.cli.text import plain
from stillwatch.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from rich.progress import Task, TaskID

    from stillwatch.progress import Progress, Step

NOTE_WIDTH = 40
LINE_EVERY_SECONDS = 10.0


@contextmanager
def watch(*, quiet: bool = False, stream: TextIO | None = None) -> Iterator[Progress]:
    """Open the progress display that fits where standard error goes.

    Args:
        quiet: show nothing.
        stream: where to draw; standard error unless given.
    """
    stream = stream or sys.stderr
    if quiet:
        yield Silent()
    elif stream.isatty():
        with _bars(stream) as bars:
            yield Bars(bars)
    else:
        yield Lines(stream)


def _bars(stream: TextIO) -> RichProgress:
    return RichProgress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        _Amount(),
        TimeElapsedColumn(),
        TextColumn("left", style="dim"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
        console=Console(file=stream),
    )


class _Amount(ProgressColumn):
    """A percentage where the size is known, else what was done so far."""

    def __init__(self) -> None:
        super().__init__()
        self._percentage = TaskProgressColumn()

    def render(self, task: Task) -> Text:
        if task.total is not None:
            return self._percentage.render(task)
        return Text(f"{task.completed:,.0f}" if task.completed else "")


class Bars:
    """Progress bars on a terminal, one a step."""

    def __init__(self, display: RichProgress) -> None:
        self._display = display

    @contextmanager
    def step(self, name: str, total: float | None = None) -> Iterator[Step]:
        """Draw a bar until the work is left; it stays on the screen when it ended well."""
        task = self._display.add_task(name, total=total, note="")
        yield _BarStep(self._display, task)
        completed = self._display.tasks[self._display.task_ids.index(task)].completed
        final = total if total is not None else max(completed, 1)
        self._display.update(task, total=final, completed=final, note="")


class _BarStep:
    def __init__(self, display: RichProgress, task: TaskID) -> None:
        self._display, self._task = display, task

    def advance(self, amount: float = 1) -> None:
        self._display.advance(self._task, amount)

    def note(self, text: str) -> None:
        self._display.update(self._task, note=plain(text, NOTE_WIDTH))


class Lines:
    """Plain lines: when a step ends, and every few seconds while it runs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def step(self, name: str, total: float | None = None) -> Iterator[Step]:
        """Print how far the work is, now and then, and how long it took."""
        started = time.monotonic()
        yield _LineStep(self._say, name, total)
        self._say(f"{name}: {time.monotonic() - started:.1f} s")

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class _LineStep:
    def __init__(self, say: Callable[[str], None], name: str, total: float | None) -> None:
        self._say, self._name, self._total = say, name, total
        self._done, self._note = 0.0, ""
        self._next_line = time.monotonic() + LINE_EVERY_SECONDS

    def advance(self, amount: float = 1) -> None:
        self._done += amount
        now = time.monotonic()
        if now < self._next_line:
            return
        self._next_line = now + LINE_EVERY_SECONDS
        done = f"{self._done / self._total:.0%}" if self._total else f"{self._done:,.0f}"
        self._say(f"{self._name}: {done} {self._note}".rstrip())

    def note(self, text: str) -> None:
        self._note = plain(text, NOTE_WIDTH)
