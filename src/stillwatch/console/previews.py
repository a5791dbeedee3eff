"""Previews of a policy: the command line's own, in a process beside this one, one at a time.

Replaying a log takes a processor for seconds or minutes. In a process of its own, with low
priority, it delays neither the pages nor the guard's decisions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from stillwatch.cases.errors import ConflictError, RefusedError
from stillwatch.standing import write_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from stillwatch.sketch.key import SketchKey
    from stillwatch.standing import Snapshot

LONGEST_POLICY = 20_000
MOST_SECONDS = 3_600
NICENESS = 10


class Row(msgspec.Struct, frozen=True):
    """What one action would have come to; outside: of these, not in any known campaign."""

    action: str
    accounts: int
    requests: int
    outside_accounts: int
    outside_requests: int


class Outcome(msgspec.Struct, frozen=True):
    """What the command prints.

    Attributes:
        accounts, requests: of the whole log.
        actions: those that would have affected somebody, or nobody.
    """

    accounts: int
    requests: int
    actions: list[Row]


@dataclass(frozen=True, slots=True)
class Preview:
    """One preview, running or done.

    Attributes:
        text: the policy.
        author: who asked.
        at: when.
        logs: what was replayed.
        outcome: None while it runs, and where it failed.
        problem: why it failed, for a person; the policy's line and key where that is it.
    """

    text: str
    author: str
    at: datetime
    logs: tuple[str, ...]
    outcome: Outcome | None = None
    problem: str = ""

    @property
    def running(self) -> bool:
        """Whether neither outcome nor problem is known yet."""
        return self.outcome is None and not self.problem


class Previews:
    """The last preview of this process.

    Args:
        key: that sketches the log, as the cases' marks were.
    """

    def __init__(self, key: SketchKey) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self.last: Preview | None = None

    def start(self, wanted: Preview, snapshot: Snapshot, accounts: Path | None) -> None:
        """Begin a preview.

        Args:
            wanted: the policy and the logs.
            snapshot: what is in force.
            accounts: the account file.

        Raises:
            RefusedError: there is no policy, or no log.
            ConflictError: one is running already.
        """
        if not wanted.text.strip() or len(wanted.text) > LONGEST_POLICY:
            raise RefusedError(f"a policy has 1 to {LONGEST_POLICY:,} characters")
        if not wanted.logs:
            raise RefusedError("there is no past data here: name `logs` in the console's settings")
        with self._lock:
            if self.last is not None and self.last.running:
                raise ConflictError("a preview is running: wait until it is done")
            self.last = wanted
        self._thread = threading.Thread(
            target=self._run, args=(wanted, snapshot, accounts), name="preview", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End a preview that is running."""
        if self._process is not None:
            self._process.terminate()
        if self._thread is not None:
            self._thread.join()

    def _run(self, wanted: Preview, snapshot: Snapshot, accounts: Path | None) -> None:
        with tempfile.TemporaryDirectory(prefix="stillwatch-preview-") as folder:
            policy, known = Path(folder, "policy.toml"), Path(folder, "snapshot.json")
            policy.write_text(wanted.text, encoding="utf-8")
            write_snapshot(snapshot, known)
            options = ["--snapshot", str(known), "--json", "--quiet"]
            if accounts is not None:
                options += ["--accounts", str(accounts)]
            try:
                said, problem = self._call([*options, "--", str(policy), *wanted.logs])
                outcome = None if problem else msgspec.json.decode(said, type=Outcome)
            except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError) as error:
                outcome, problem = None, f"the preview failed: {error}"
            self.last = replace(
                wanted, outcome=outcome, problem=problem.replace(f"{folder}{os.sep}", "")
            )

    def _call(self, arguments: Sequence[str]) -> tuple[str, str]:
        """The command's output, and why it failed, if it did."""
        command = [sys.executable, "-m", "stillwatch.cli", "policy", "preview"]
        with subprocess.Popen(  # noqa: S603 - our own command; the policy is a file's content
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "STILLWATCH_KEY": self._key.secret.hex()},
        ) as process:
            self._process = process
            _yield_to_others(process.pid)
            try:
                said, problem = process.communicate(timeout=MOST_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        if process.returncode == 0:
            return said, ""
        return "", problem.strip().removeprefix("error: ") or "the preview was ended"


def _yield_to_others(pid: int) -> None:
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
