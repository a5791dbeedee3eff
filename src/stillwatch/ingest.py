"""From log to store: read, sketch, keep. Interrupted, it goes on where the journal ends."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from stillwatch.readers import RejectionFile, RejectionLimit
from stillwatch.schema import REQUESTS
from stillwatch.sketch import Sketched, Sketcher
from stillwatch.store import PART_ROWS, Position, SketchStore, Taken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stillwatch.readers import Batch, Log

WORKERS = 2
AHEAD = 4
"""Batches that may wait for sketching: enough to keep the workers busy, few enough for memory."""

OPTIONAL = tuple(f.name for f in REQUESTS if f.nullable)


@dataclass
class Examples:
    """Raw prompts kept at an investigator's request: the first few of each account and no more."""

    per_account: int
    prompts: dict[str, list[str]] = field(default_factory=dict)

    def keep(self, requests: pa.RecordBatch) -> None:
        """Add prompts of a batch up to the bound."""
        accounts = requests.column("account_id").to_pylist()
        for i, account in enumerate(accounts):
            kept = self.prompts.setdefault(account, [])
            if len(kept) < self.per_account:
                kept.append(requests.column("prompt")[i].as_py())


def ingest(
    log: Log,
    store: SketchStore,
    sketcher: Sketcher,
    rejected: Path,
    *,
    append: bool = False,
    examples: Examples | None = None,
) -> None:
    """Take a log into a store, from where an earlier run of the same log was interrupted.

    Args:
        log: what to read.
        store: where sketches go; what it holds of other logs is dropped unless `append`.
        sketcher: of the store's key.
        rejected: the JSON Lines file of rejected records.
        append: add this log to what the store already holds.
        examples: keeps raw prompts, where asked for.

    Raises:
        InputError: a file cannot be read, or more than half of the records are rejected.
    """
    fingerprints = {source.name: source.fingerprint() or "" for source in log.sources}
    journal = store.taken()
    known = {position.source for entry in journal for position in entry.positions}
    stale = not known <= set(fingerprints.values()) or "" in known
    if journal and stale and not append:
        store.clear()
        journal = []
    limit = RejectionLimit()
    limit.records = sum(entry.requests + entry.rejected for entry in journal)
    limit.rejected = sum(entry.rejected for entry in journal)
    written = journal[-1].rejected_bytes if journal else 0
    rejected.touch()
    with rejected.open("r+b") as file:
        file.truncate(written)
    after: dict[str, int | None] = {}
    for entry in journal:
        for position in entry.positions:
            for name, fingerprint in fingerprints.items():
                if position.source == fingerprint:
                    after[name] = None if position.complete else position.records
    part = _Part(len(journal))
    with RejectionFile(rejected, append=True) as rejections:
        for batch, sketched in _sketched(log.batches(after), sketcher):
            limit.add(batch.records, batch.rejections)
            rejections.write(batch.rejections)
            if examples is not None:
                examples.keep(batch.requests)
            part.add(batch, sketched, fingerprints[batch.source])
            if part.rows >= PART_ROWS:
                part.write(store, rejected)
                part = _Part(part.number + 1)
        if part.positions:
            part.write(store, rejected)
    limit.finish()


def _sketched(batches: Iterator[Batch], sketcher: Sketcher) -> Iterator[tuple[Batch, Sketched]]:
    """Sketch batches in other threads while the next are read; the order stays."""
    waiting: deque[tuple[Batch, Future[Sketched]]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for batch in batches:
            waiting.append((batch, pool.submit(sketcher.sketch, batch.requests)))
            if len(waiting) > AHEAD:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()


class _Part:
    """Batches that will be one part of the store."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.rows = 0
        self.rejected = 0
        self.positions: dict[str, Position] = {}
        self._sketches: list[pa.RecordBatch] = []
        self._names: list[pa.Table] = []
        self._columns: set[str] = set()

    def add(self, batch: Batch, sketched: Sketched, fingerprint: str) -> None:
        self._sketches.append(sketched.sketches)
        self._names.append(sketched.accounts)
        self.rows += batch.requests.num_rows
        self.rejected += len(batch.rejections)
        self.positions[batch.source] = Position(fingerprint, batch.stop, batch.last)
        self._columns.update(
            name
            for name in OPTIONAL
            if batch.requests.column(name).null_count < batch.requests.num_rows
        )

    def write(self, store: SketchStore, rejected: Path) -> None:
        names = pa.concat_tables(self._names).group_by(["account", "account_id"]).aggregate([])
        store.add(
            pa.Table.from_batches(self._sketches),
            names,
            Taken(
                part=f"{self.number:06d}",
                positions=tuple(self.positions.values()),
                requests=self.rows,
                rejected=self.rejected,
                rejected_bytes=rejected.stat().st_size,
                columns=tuple(sorted(self._columns)),
            ),
        )
