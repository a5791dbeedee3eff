"""Scans during a replay: what has come so far, judged, and published to the guard."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from stillwatch.publishing import snapshot_of
from stillwatch.scanning import detected
from stillwatch.schema import SKETCHES
from stillwatch.sealed import NAMES, Position, Taken
from stillwatch.standing import load_snapshot, write_snapshot
from stillwatch.taking import OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from stillwatch.declared import Entry
    from stillwatch.guard import Guard
    from stillwatch.replay.schedule import Schedule
    from stillwatch.sketch import Sketcher
    from stillwatch.standing import Snapshot
    from stillwatch.store import SketchStore

_COLUMNS = tuple(sorted(set(SKETCHES.names) & set(OPTIONAL)))


class Rescans:
    """Keeps what has been played in a store of its own, and scans it when the schedule says so.

    Args:
        store: empty.
        sketcher: of its key.
        declared: the account file, or None.
        guard: gets the snapshots.
        schedule: says when.
        entries: of the list of declared structure.
        key_fingerprint: of the key.
        memory: most memory that a scan may take.
        found: folder of the snapshots that an earlier replay of the same log came to; None where
            the log changes while it is played.
    """

    def __init__(  # noqa: PLR0913 - what a scan on the way needs
        self,
        store: SketchStore,
        sketcher: Sketcher,
        declared: pa.Table | None,
        guard: Guard,
        schedule: Schedule,
        *,
        entries: Sequence[Entry] = (),
        key_fingerprint: str,
        memory: str,
        found: Path | None,
    ) -> None:
        self._store, self._sketcher, self._declared = store, sketcher, declared
        self._guard, self.schedule, self._entries = guard, schedule, entries
        self._fingerprint, self._memory = key_fingerprint, memory
        self._found = found
        self._waiting: list[pa.Table] = []
        self._rows = self._parts = 0
        self.scans = 0

    def take(self, rows: pa.Table) -> None:
        """Keep rows (`events.EVENTS`) that have been played."""
        if len(rows):
            self._waiting.append(rows)
            self._rows += len(rows)

    def declare(self, accounts: pa.Table) -> None:
        """Learn of accounts (`schema.ACCOUNTS`) that were opened meanwhile."""
        if self._declared is not None:
            self._declared = pa.concat_tables([self._declared, accounts])

    def at(self, micros: int) -> None:
        """Scan all that was taken, if it is enough, as of a moment."""
        if self.schedule.wants(self._rows):
            with _without_the_old():
                self._scan_at(micros)

    def _scan_at(self, micros: int) -> None:
        self._keep()
        path = self._found / f"{micros}.json" if self._found is not None else None
        if path is not None and path.exists():
            snapshot = load_snapshot(path)
        else:
            snapshot = self._scan(datetime.fromtimestamp(micros / 1e6, UTC))
            if path is not None:
                write_snapshot(snapshot, path)
        self._guard.apply_snapshot(snapshot)
        self.schedule.scanned = self._rows
        self.scans += 1

    def _scan(self, as_of: datetime) -> Snapshot:
        with detected(
            self._store,
            self._sketcher,
            self._declared,
            entries=self._entries,
            memory=self._memory,
        ) as (requests, found):
            return snapshot_of(
                found.campaigns,
                requests,
                self._declared,
                self._sketcher,
                policy=self._guard.policy,
                as_of=as_of,
                previous=self._guard.snapshot,
                key_fingerprint=self._fingerprint,
            )

    def _keep(self) -> None:
        rows = pa.concat_tables(self._waiting)
        names = pa.table([rows["account"], rows["account_id"]], schema=NAMES)
        self._parts += 1
        taken = Taken(
            part=f"{self._parts:06d}",
            positions=(Position("replay", self._rows, complete=False),),
            requests=len(rows),
            rejected=0,
            rejected_bytes=0,
            columns=_COLUMNS,
        )
        distinct = names.group_by(NAMES.names).aggregate([])
        self._store.add(rows.select(SKETCHES.names).cast(SKETCHES), distinct, taken)
        self._store.seal(memory=self._memory)
        self._waiting.clear()


@contextmanager
def _without_the_old() -> Iterator[None]:
    """Leave what is there by now out of garbage collections.

    A scan collects its garbage several times, and the guard's memory, which holds none, is large.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
