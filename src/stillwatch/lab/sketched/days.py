"""Writes a store's sealed days directly, from blocks that come in the order of accounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stillwatch.place import sync
from stillwatch.sealing import DAY, ROW_GROUP, day_name, day_writer

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow.parquet as pq


@dataclass
class _Day:
    path: Path
    writer: pq.ParquetWriter
    waiting: list[pa.Table] = field(default_factory=list)
    rows: int = 0


@dataclass
class DayFiles:
    """One open file a day; full row groups are written, the rest waits for more."""

    folder: Path
    _days: dict[int, _Day] = field(default_factory=dict)

    def add(self, sketches: pa.Table) -> None:
        """Add requests, in the order of account and time, whose accounts come after all before."""
        numbers = sketches.column("timestamp").cast(pa.int64()).to_numpy() // DAY
        order = np.argsort(numbers, kind="stable")
        values, starts = np.unique(numbers[order], return_index=True)
        for value, (start, stop) in zip(
            values.tolist(), pairwise([*starts, len(order)]), strict=True
        ):
            self._add(value, sketches.take(pa.array(order[start:stop])))

    def _add(self, number: int, rows: pa.Table) -> None:
        day = self._days.get(number)
        if day is None:
            path = self.folder / f"{day_name(number)}.partial"
            day = self._days[number] = _Day(path, day_writer(path))
        day.waiting.append(rows)
        day.rows += len(rows)
        if day.rows >= ROW_GROUP:
            gathered = pa.concat_tables(day.waiting)
            full = day.rows // ROW_GROUP * ROW_GROUP
            day.writer.write_table(gathered.slice(0, full).combine_chunks(), ROW_GROUP)
            day.waiting, day.rows = [gathered.slice(full).combine_chunks()], day.rows - full

    def finish(self) -> None:
        """Write what waits, and give the files their names."""
        for day in self._days.values():
            if day.rows:
                day.writer.write_table(pa.concat_tables(day.waiting).combine_chunks(), ROW_GROUP)
            day.writer.close()
            sync(day.path)
        for day in self._days.values():
            day.path.replace(day.path.with_suffix(".parquet"))

    def close(self) -> None:
        """Let go of the files, whatever is in them."""
        for day in self._days.values():
            day.writer.close()
