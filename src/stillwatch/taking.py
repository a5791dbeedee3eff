"""What is read of a log, sketched and gathered into parts of a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from stillwatch.ahead import with_ahead
from stillwatch.schema import REQUESTS
from stillwatch.sealed import Position, Taken
from stillwatch.store import PART_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stillwatch.readers import Batch
    from stillwatch.sketch import Sketched, Sketcher

AHEAD = 4
"""Batches that may wait for sketching: enough to keep the workers busy, few enough for memory."""

PIPE = ""
"""Stands in the journal for a source that has no content to know it by."""

OPTIONAL = tuple(f.name for f in REQUESTS if f.nullable)
"""Columns of a request that a log may lack."""


@dataclass
class Part:
    """Batches that will be one part of the store."""

    rows: int = 0
    rejected: int = 0
    positions: dict[str, Position] = field(default_factory=dict)
    batches: list[pa.RecordBatch] = field(default_factory=list)
    accounts: list[pa.Table] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)

    @property
    def sketches(self) -> pa.Table:
        """Its requests, in `SKETCHES`."""
        return pa.Table.from_batches(self.batches)

    @property
    def names(self) -> pa.Table:
        """Its accounts, in `NAMES`."""
        return pa.concat_tables(self.accounts)

    def add(self, batch: Batch, sketched: Sketched, identity: str | None) -> None:
        """Take in a batch.

        Args:
            batch: as it was read.
            sketched: what was made of it.
            identity: what the content of its source is called; None for a pipe.
        """
        requests = batch.requests
        self.rows += requests.num_rows
        self.rejected += len(batch.rejections)
        self.positions[batch.source] = Position(identity or PIPE, batch.stop, batch.last)
        self.batches.append(sketched.sketches)
        self.accounts.append(sketched.accounts)
        self.columns |= {
            name for name in OPTIONAL if requests.column(name).null_count < requests.num_rows
        }

    def taken(self, name: str, rejected_bytes: int) -> Taken:
        """What the journal says of it."""
        return Taken(
            part=name,
            positions=tuple(self.positions.values()),
            requests=self.rows,
            rejected=self.rejected,
            rejected_bytes=rejected_bytes,
            columns=tuple(sorted(self.columns)),
        )


def parts_of(
    batches: Iterator[Batch],
    sketcher: Sketcher,
    identities: Mapping[str, str | None],
    reject: Callable[[Batch], None],
    *,
    workers: int | None = None,
) -> Iterator[Part]:
    """Sketch batches in other threads while the next are read, and gather them; the order stays.

    Args:
        batches: of a log.
        sketcher: of the store's key.
        identities: for the name of each source, what its content is called.
        reject: called with each batch before it is in a part.
        workers: threads; as many as there are cores where not given.
    """
    part = Part()
    done = with_ahead(
        lambda batch: sketcher.sketch(batch.requests), batches, waiting=AHEAD, workers=workers
    )
    for batch, sketched in done:
        reject(batch)
        part.add(batch, sketched, identities[batch.source])
        if part.rows >= PART_ROWS:
            yield part
            part = Part()
    if part.positions:
        yield part
