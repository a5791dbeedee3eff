"""Runs cells side by side, each in a process of its own, and keeps what is finished.

A process of its own bounds memory and lets its peak be measured. A cell's
outcome is written at once under ``cells/``; a run that was interrupted, or asked for again with
more seeds, goes on from there.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import StillwatchError
from stillwatch.lab.evaluate.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from stillwatch.lab.evaluate.plan import Cell
    from stillwatch.progress import Progress

RUNNING = "running"
"""Folder of the logs of cells that run; it is gone when none does."""


def finished(file: Path, digest: str) -> Outcome | None:
    """A cell's outcome from an earlier run; None if there is none, or one of other code or data."""
    try:
        outcome = msgspec.json.decode(file.read_bytes(), type=Outcome)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return outcome if outcome.digest == digest else None


def run_all(
    cells: Sequence[Cell], folder: Path, *, code: str, jobs: int, progress: Progress
) -> list[Outcome]:
    """Run the cells that are not finished, `jobs` at a time.

    Args:
        cells: what to run.
        folder: where outcomes are kept, one file a cell; logs lie under its `running` meanwhile.
        code: digest of the code that runs.
        jobs: processes.
        progress: shows the cells.

    Returns:
        The outcomes in the cells' order.

    Raises:
        StillwatchError: a cell failed; those that were finished are kept.
    """
    (folder / RUNNING).mkdir(parents=True, exist_ok=True)
    files = [folder / f"{cell.name}.json" for cell in cells]
    digests = [cell.digest(code) for cell in cells]
    done = [finished(file, digest) for file, digest in zip(files, digests, strict=True)]
    waiting = [n for n, outcome in enumerate(done) if outcome is None]
    with progress.step("evaluating", len(cells)) as step:
        step.advance(len(cells) - len(waiting))
        running: dict[Connection, tuple[int, BaseProcess]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    number = waiting.pop(0)
                    step.note(cells[number].name)
                    connection, process = _start(cells[number], digests[number], files[number])
                    running[connection] = (number, process)
                wait(list(running))
                for connection in [one for one in running if one.poll()]:
                    number, process = running.pop(connection)
                    _collect(connection, process, cells[number])
                    step.advance()
        finally:
            for _, process in running.values():
                process.terminate()
                process.join()
            # a process that was ended could not clear up after itself
            shutil.rmtree(folder / RUNNING, ignore_errors=True)
    outcomes = [finished(file, digest) for file, digest in zip(files, digests, strict=True)]
    return [outcome for outcome in outcomes if outcome is not None]


def _start(cell: Cell, digest: str, file: Path) -> tuple[Connection, BaseProcess]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(cell, digest, file, theirs), daemon=True)
    process.start()
    theirs.close()
    return ours, process


def _work(cell: Cell, digest: str, file: Path, connection: Connection) -> None:
    from stillwatch.lab.evaluate.cell import run_cell  # noqa: PLC0415 - only the worker needs it

    # Control-C reaches the whole group of processes; the parent hears it and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # DuckDB takes a spawned process for an interactive one and draws bars on standard output,
    # which belongs to the results.
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path
        os.dup2(nowhere.fileno(), 1)
    try:
        outcome = run_cell(cell, digest, file.parent / RUNNING)
    except StillwatchError as error:
        connection.send(str(error))
        return
    partial = file.with_suffix(".partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(outcome), indent=1))
    partial.replace(file)
    connection.send("")


def _collect(connection: Connection, process: BaseProcess, cell: Cell) -> None:
    try:
        failure = connection.recv()
    except EOFError:
        failure = "its process ended; what it said stands above"
    process.join()
    if failure:
        raise StillwatchError(f"cell {cell.name} failed: {failure}")
