"""What runs beside the pages: publishing, bulk decisions, requests, deadlines, retention."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from stillwatch.cases import bulk, measures, outcomes
from stillwatch.cases.actors import system
from stillwatch.cases.errors import CaseError
from stillwatch.cases.publish import Publisher
from stillwatch.cases.retention import expire_personal
from stillwatch.console.challenged import Challenged

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.cases.storage import Storage

TICK_SECONDS = 1.0
TIDY_TICKS = 10
"""Ticks between two tidyings. The first write after one waits for the disk, so that with one a
second every fiftieth registration would wait."""
RETENTION_TICKS = 3600

_log = logging.getLogger(__name__)


class Workers:
    """Threads of one process; every replica may run them, the database keeps them apart.

    Args:
        storage: the database.
        snapshot: file to publish to; None to publish nothing.

    Attributes:
        challenged: accounts that the guard has challenged, to be asked to verify.
    """

    def __init__(self, storage: Storage, snapshot: Path | None) -> None:
        self._storage = storage
        self.challenged = Challenged()
        self._publisher = Publisher(storage, snapshot) if snapshot else None
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start working."""
        if self._publisher:
            self._publisher.start()
        self._thread = threading.Thread(target=self._run, name="workers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being done and stop; the snapshot is brought up to date."""
        self._stop.set()
        self._wake.set()
        if self._thread:
            self._thread.join()
        if self._publisher:
            self._publisher.stop()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def _run(self) -> None:
        ticks = 0
        while not self._stop.is_set():
            try:
                self._work(ticks)
            except CaseError as error:
                _log.warning("work is put off: %s", error)
            ticks += 1
            self._wake.wait(TICK_SECONDS)
            self._wake.clear()

    def _work(self, ticks: int) -> None:
        storage = self._storage
        bulk.apply_all(storage)
        self.challenged.ask_all(storage)
        if self._time_is_over():
            with storage.write(system("deadlines")) as unit:
                measures.expire(unit)
                outcomes.expire(unit)
        if ticks % TIDY_TICKS == 0:
            storage.tidy()
        if ticks % RETENTION_TICKS == 0:
            with storage.write(system("retention")) as unit:
                expire_personal(unit)

    def _time_is_over(self) -> bool:
        """Whether a deadline has passed; to look makes nobody wait who writes."""
        storage = self._storage
        with storage.read() as session:
            now = storage.clock()
            return measures.due(session, now) or outcomes.due(session, now)
