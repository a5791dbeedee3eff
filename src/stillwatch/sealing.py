"""Sealing: parts that came in become days, each request once and in a fixed order.

A request that came more than once is counted where its time is earliest; of several that are equal
in time, the first in the order of their columns is kept. So the same requests give the same bytes,
in whatever order and in however many parts they came.
"""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.engine import Backend, literals, session
from stillwatch.place import sync
from stillwatch.schema import SKETCHES

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400_000_000
"""Microseconds."""

ROW_GROUP = 122_880
"""Rows; what DuckDB reads in one piece."""

_REPEATING = ["account", "model", "system_key", "network_key", "client_key", "access_path"]
"""Columns that a dictionary makes smaller; most others are hashes that hardly repeat."""

_EPOCH = date(1970, 1, 1)
_NUMBER = f"epoch_us(timestamp) // {DAY}"

_MOVED = f"""
    CREATE TEMP TABLE moved AS
    SELECT request_key, min({_NUMBER}) AS day
    FROM read_parquet($2, hive_partitioning = false)
    SEMI JOIN read_parquet($1, hive_partitioning = false) AS arrived USING (request_key)
    GROUP BY request_key HAVING min({_NUMBER}) < max({_NUMBER})
"""
"""Requests that came with times of several days belong to the first of them."""

_LOSING = f"""
    SELECT DISTINCT {_NUMBER} FROM read_parquet($1, hive_partitioning = false) AS kept
    JOIN moved USING (request_key) WHERE {_NUMBER} > moved.day
"""

_IDENTITY = ", ".join(
    name for name in SKETCHES.names if name not in {"request_key", "bands", "tokens"}
)
"""Orders rows of one request id that differ, so that the same one is kept every time."""

_MERGE = f"""
    WITH came AS NOT MATERIALIZED (
        SELECT {", ".join(SKETCHES.names)} FROM read_parquet($1, hive_partitioning = false)
        ANTI JOIN (SELECT request_key FROM moved WHERE day < $2) USING (request_key)
    ),
    again AS (SELECT request_key FROM came GROUP BY request_key HAVING count(*) > 1)
    SELECT * FROM came ANTI JOIN again USING (request_key)
    UNION ALL
    SELECT * FROM came SEMI JOIN again USING (request_key)
    QUALIFY row_number() OVER (PARTITION BY request_key ORDER BY {_IDENTITY}) = 1
    ORDER BY account, timestamp, request_key
"""
"""Requests that came again are few as a rule: only these are put in order to choose one."""


def seal_days(path: Path, *, memory: str) -> None:
    """Merge `path`/incoming into `path`/days.

    Interrupted at any point, sealing again gives the same days: a part that is merged twice adds
    no row, and a part is removed only when its day holds it.

    Args:
        path: the store's folder.
        memory: most that the engine may take; it spills into `path`/spill.
    """
    arrived = {folder.name for folder in (path / "incoming").iterdir()}
    if not arrived:
        return
    with session(memory=memory, spill=path / "spill") as backend:
        for day in sorted(arrived | _find_moved(backend, path)):
            _seal_day(backend, path, day)


def _find_moved(backend: Backend, path: Path) -> set[str]:
    """Note requests that came under several days, and name the sealed days that lose them."""
    parts, sealed = sorted(path.glob("incoming/*/*.parquet")), sorted(path.glob("days/*.parquet"))
    if not parts:  # a kill left folders that were emptied already
        return set()
    # DuckDB's own SQL, not Ibis: only this engine seals days
    backend.con.execute(_MOVED, [literals(parts), literals([*parts, *sealed])])
    if not sealed:
        return set()
    losing = backend.con.execute(_LOSING, [literals(sealed)]).fetchall()
    return {day_name(number) for (number,) in losing}


def _seal_day(backend: Backend, path: Path, day: str) -> None:
    folder, target = path / "incoming" / day, path / "days" / f"{day}.parquet"
    partial = target.with_suffix(".partial")
    parts = sorted(folder.glob("*.parquet"))
    if parts or not folder.exists():
        files = [*parts, *([target] if target.exists() else [])]
        number = (date.fromisoformat(day) - _EPOCH).days
        merged = backend.con.sql(_MERGE, params=[literals(files), number])
        rows = _write(merged.to_arrow_reader(ROW_GROUP), partial)
        partial.replace(target)
        if not rows:
            target.unlink()
    if folder.exists():
        shutil.rmtree(folder)


def _write(batches: pa.RecordBatchReader, path: Path) -> int:
    """Write a day; return its rows.

    Arrow writes it, since what DuckDB writes (which columns are marked as never null) depends on
    the statistics of the files that it came from.
    """
    rows = 0
    with day_writer(path) as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_batches([batch]).cast(SKETCHES), ROW_GROUP)
            rows += batch.num_rows
    sync(path)
    return rows


def day_writer(path: Path) -> pq.ParquetWriter:
    """Writes sealed days, in row groups of `ROW_GROUP`."""
    return pq.ParquetWriter(path, SKETCHES, compression="zstd", use_dictionary=_REPEATING)


def day_name(number: int) -> str:
    """RFC 3339 date of a day counted from 1970."""
    return (_EPOCH + timedelta(days=number)).isoformat()
