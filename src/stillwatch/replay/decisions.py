"""`decisions.parquet`: a row for every request, in the order of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.schema import TIMESTAMP

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from stillwatch.guard import Decision
    from stillwatch.replay.turns import Turn

DECISIONS = pa.schema(
    [
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("campaign_id", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
ROWS = 65_536


class DecisionFile:
    """Writes decisions; the file appears when it is complete.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._partial = path, path.with_name(f"{path.name}.partial")
        self._columns: tuple[list[object], ...] = tuple([] for _ in DECISIONS)
        self._writer = pq.ParquetWriter(self._partial, DECISIONS, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)

    def add(self, turn: Turn, decision: Decision) -> None:
        """Append one decision."""
        values = (
            turn.ask.request_id,
            turn.micros,
            turn.ask.account_id,
            decision.action.value,
            decision.campaign_id,
            decision.reason,
        )
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)
        if len(self._columns[0]) >= ROWS:
            self._flush()

    def _flush(self) -> None:
        arrays = [
            pa.array(column, pa.int64()).cast(field.type)
            if field.name == "timestamp"
            else pa.array(column, field.type)
            for field, column in zip(DECISIONS, self._columns, strict=True)
        ]
        self._writer.write_table(pa.table(arrays, schema=DECISIONS))
        for column in self._columns:
            column.clear()
