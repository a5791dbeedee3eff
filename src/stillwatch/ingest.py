"""From log to store: read, sketch, keep. Interrupted, it goes on where the journal ends."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from stillwatch.ahead import with_ahead
from stillwatch.errors import InputError
from stillwatch.readers import RejectionFile, RejectionLimit
from stillwatch.schema import REQUESTS
from stillwatch.sealed import Position, Taken
from stillwatch.store import PART_ROWS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from stillwatch.readers import Batch, Log, Source
    from stillwatch.sketch import Sketched, Sketcher
    from stillwatch.store import SketchStore

AHEAD = 4
"""Batches that may wait for sketching: enough to keep the workers busy, few enough for memory."""

PIPE = ""
"""Stands in the journal for a source that has no content to know it by."""

OPTIONAL = tuple(f.name for f in REQUESTS if f.nullable)
"""Columns of a request that a log may lack."""


def ingest(
    log: Log,
    store: SketchStore,
    sketcher: Sketcher,
    rejected: Path,
    *,
    append: bool = False,
) -> None:
    """Take a log into a store, from where an earlier run of the same log was interrupted.

    A file is known by its content, whatever its name. What the store holds of files that the log
    has no longer is a reason to start anew, unless `append`; so is standard input, which cannot be
    read again. Of the files that the log shares with an earlier run only the rest is read.

    Args:
        log: what to read.
        store: where sketches go; what it holds of other logs is dropped unless `append`.
        sketcher: of the store's key.
        rejected: the JSON Lines file of rejected records.
        append: add this log to what the store already holds.

    Raises:
        InputError: a file cannot be read or written, or more than half of the records are rejected.
    """
    identities = _identities(log.sources)
    journal = store.taken()
    if not append and not _resumable(journal, identities.values(), rejected):
        store.clear()
        journal = []
    own = [entry for entry in journal if _names_any(entry, identities.values())]
    limit = RejectionLimit()
    limit.records = sum(entry.requests + entry.rejected for entry in own)
    limit.rejected = sum(entry.rejected for entry in own)
    _cut(rejected, journal[-1].rejected_bytes if journal else 0)
    with _parts(store, rejected, len(journal)) as parts:
        for batch, sketched in _sketched(log.batches(_positions(own, identities)), sketcher):
            parts.reject(batch)
            limit.add(batch.records, batch.rejections)
            parts.add(batch, sketched, identities[batch.source])
        parts.finish()
    limit.finish()


def _identities(sources: Sequence[Source]) -> dict[str, str | None]:
    """For the name of each source, what its content is called; None for a pipe.

    The second of two files with the same content is read as well: its requests are duplicates, and
    its lines may be rejected under its own name.
    """
    seen: Counter[str] = Counter()
    identities: dict[str, str | None] = {}
    for source in sources:
        fingerprint = source.fingerprint()
        if fingerprint is not None:
            seen[fingerprint] += 1
            if seen[fingerprint] > 1:
                fingerprint = f"{fingerprint}#{seen[fingerprint]}"
        identities[source.name] = fingerprint
    return identities


def _resumable(
    journal: Sequence[Taken], identities: Collection[str | None], rejected: Path
) -> bool:
    """Whether all that was taken in is of this log, and its rejections are still there."""
    known = {position.source for entry in journal for position in entry.positions}
    size = rejected.stat().st_size if rejected.exists() else 0
    return known <= set(identities) and not (journal and size < journal[-1].rejected_bytes)


def _names_any(entry: Taken, identities: Collection[str | None]) -> bool:
    return any(position.source in identities for position in entry.positions)


def _positions(
    journal: Sequence[Taken], identities: Mapping[str, str | None]
) -> dict[str, int | None]:
    """Where to go on in each source, as `Log.batches` takes it."""
    last = {position.source: position for entry in journal for position in entry.positions}
    return {
        name: None if last[identity].complete else last[identity].records
        for name, identity in identities.items()
        if identity in last
    }


def _sketched(batches: Iterator[Batch], sketcher: Sketcher) -> Iterator[tuple[Batch, Sketched]]:
    """Sketch batches in other threads while the next are read; the order stays."""
    return with_ahead(lambda batch: sketcher.sketch(batch.requests), batches, waiting=AHEAD)


@dataclass
class _Part:
    """Batches that will be one part of the store."""

    rows: int = 0
    rejected: int = 0
    positions: dict[str, Position] = field(default_factory=dict)
    sketches: list[pa.RecordBatch] = field(default_factory=list)
    names: list[pa.Table] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)

    def add(self, batch: Batch, sketched: Sketched, identity: str | None) -> None:
        requests = batch.requests
        self.rows += requests.num_rows
        self.rejected += len(batch.rejections)
        self.positions[batch.source] = Position(identity or PIPE, batch.stop, batch.last)
        self.sketches.append(sketched.sketches)
        self.names.append(sketched.accounts)
        self.columns |= {
            name for name in OPTIONAL if requests.column(name).null_count < requests.num_rows
        }

    def write(self, store: SketchStore, number: int, rejected_bytes: int) -> None:
        taken = Taken(
            part=f"{number:06d}",
            positions=tuple(self.positions.values()),
            requests=self.rows,
            rejected=self.rejected,
            rejected_bytes=rejected_bytes,
            columns=tuple(sorted(self.columns)),
        )
        store.add(pa.Table.from_batches(self.sketches), pa.concat_tables(self.names), taken)


@dataclass
class _Parts:
    """Gathers batches into parts and has each written while the next is gathered.

    The rejections of a part are on the disk before the journal counts them.
    """

    store: SketchStore
    rejected: Path
    rejections: RejectionFile
    writer: Executor
    number: int
    part: _Part = field(default_factory=_Part)
    writing: Future[None] | None = None

    def reject(self, batch: Batch) -> None:
        with _writing(self.rejected):
            self.rejections.write(batch.rejections)

    def add(self, batch: Batch, sketched: Sketched, identity: str | None) -> None:
        self.part.add(batch, sketched, identity)
        if self.part.rows >= PART_ROWS:
            self._write()

    def finish(self) -> None:
        if self.part.positions:
            self._write()
        if self.writing is not None:
            self.writing.result()

    def _write(self) -> None:
        if self.writing is not None:
            self.writing.result()
        with _writing(self.rejected):
            size = _sync(self.rejected)
        self.writing = self.writer.submit(self.part.write, self.store, self.number, size)
        self.part = _Part()
        self.number += 1


@contextmanager
def _parts(store: SketchStore, rejected: Path, number: int) -> Iterator[_Parts]:
    """Parts from `number` on, whose writing is over at the end, however it comes."""
    with RejectionFile(rejected, append=True) as rejections, ThreadPoolExecutor(1) as writer:
        yield _Parts(store, rejected, rejections, writer, number)


def _cut(rejected: Path, size: int) -> None:
    """Drop the rejections that the journal does not count."""
    with _writing(rejected):
        rejected.touch()
        if rejected.stat().st_size > size:
            os.truncate(rejected, size)


def _sync(path: Path) -> int:
    """Have a file on the disk; return its size."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"this file cannot be written: {error.strerror}", file=str(path)) from None
