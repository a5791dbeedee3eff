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
                self._work(retention=ticks % RETENTION_TICKS == 0)
            except CaseError as error:
                _log.warning("work is put off: %s", error)
            ticks += 1
            self._wake.wait(TICK_SECONDS)
            self._wake.clear()

    def _work(self, *, retention: bool) -> None:
        bulk.apply_all(self._storage)
        self.challenged.ask_all(self._storage)
        with self._storage.write(system("deadlines")) as unit:
            measures.expire(unit)
            outcomes.expire(unit)
        self._storage.tidy()
        if retention:
            with self._storage.write(system("retention")) as unit:
                expire_personal(unit)
