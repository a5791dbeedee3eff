"""The log in the order of its events, each request once: sketches, and what the guard asks for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.engine import session
from stillwatch.errors import InputError
from stillwatch.readers import RejectionFile, RejectionLimit
from stillwatch.schema import SKETCHES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stillwatch.readers import Log
    from stillwatch.sketch import Sketcher

NAMED = ("request_id", "account_id", "api_key_id")
"""Identifiers in clear that a decision names; they stay in the folder only while it is replayed."""

EVENTS = pa.schema([*SKETCHES, *(pa.field(name, pa.string()) for name in NAMED)])

BATCH = 8_192
"""Rows that are played at a time."""

_ORDERED = """
    SELECT * FROM read_parquet($1, hive_partitioning = false)
    QUALIFY row_number() OVER (PARTITION BY request_key ORDER BY timestamp, body_key) = 1
    ORDER BY timestamp, request_id
"""


@contextmanager
def events(
    log: Log, sketcher: Sketcher, folder: Path, rejected: Path, *, memory: str
) -> Iterator[pq.ParquetFile]:
    """Read and sketch a log, and put it in the order of time; if that is not done already.

    Args:
        log: what to read.
        sketcher: makes the sketches.
        folder: for the ordered log, see `interrupted`.
        rejected: where rejected records are written.
        memory: most memory that sorting may take.

    Raises:
        InputError: nothing can be read, or most of it was rejected.
    """
    ordered = folder / "events.parquet"
    if not (ordered.exists() and rejected.exists()):
        _spool(log, sketcher, folder / "parts.parquet", rejected)
        _order(folder / "parts.parquet", ordered, memory)
    with pq.ParquetFile(ordered) as file:
        if not file.metadata.num_rows:
            raise InputError("the log holds no usable request; see rejected.jsonl for the reasons")
        yield file


def _order(parts: Path, ordered: Path, memory: str) -> None:
    partial = ordered.with_name(f"{ordered.name}.partial")
    with session(memory=memory, spill=parts.parent / "spill") as backend:
        rows = backend.con.sql(_ORDERED, params=[[str(parts)]]).to_arrow_reader(BATCH)
        with pq.ParquetWriter(partial, EVENTS, compression="lz4") as writer:
            for batch in rows:
                writer.write_table(pa.Table.from_batches([batch]).cast(EVENTS), 16 * BATCH)
    partial.replace(ordered)
    parts.unlink()


def _spool(log: Log, sketcher: Sketcher, path: Path, rejected: Path) -> None:
    limit = RejectionLimit()
    rejected.unlink(missing_ok=True)
    with (
        RejectionFile(rejected, append=True) as rejections,
        pq.ParquetWriter(path, EVENTS, compression="lz4") as writer,
    ):
        for batch in log:
            rejections.write(batch.rejections)
            limit.add(batch.records, batch.rejections)
            sketches = sketcher.sketch(batch.requests).sketches
            named = [batch.requests.column(name) for name in NAMED]
            writer.write_batch(
                pa.RecordBatch.from_arrays([*sketches.columns, *named], schema=EVENTS)
            )
    limit.finish()
