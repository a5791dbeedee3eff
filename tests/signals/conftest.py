"""Small tables in DuckDB, written row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from stillwatch.engine import session
from stillwatch.schema import N_BANDS, N_TOKENS, SKETCHES
from stillwatch.signals.halves import with_half

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

START = datetime(2026, 3, 2, tzinfo=UTC)

DEFAULTS: dict[str, Any] = {
    "model": "m",
    "bands": [None] * N_BANDS,
    "tokens": [0] * N_TOKENS,
    "turns": 1,
    "prompt_words": 10,
    "capability": 0,
    "elicitation": 0.0,
    "grading": 0.0,
}


def sketch_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows in `SKETCHES` form; what a row leaves out is unknown, `hour` counts from the start."""
    full = []
    for i, given in enumerate(rows):
        row = dict(given)
        moment = START + timedelta(hours=row.pop("hour", 0))
        key = row.get("request_key", i)
        full.append(
            {"request_key": key, "timestamp": moment, "account": 1, "body_key": key}
            | {"turns_key": key}
            | DEFAULTS
            | row
        )
    return pa.Table.from_pylist(full, schema=SKETCHES)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Puts rows into an engine: `table(rows)`; with `seed` also in halves, or as `mining` says."""
    with session(spill=tmp_path / "spill") as backend:
        count = iter(range(1000))

        def load(rows: Sequence[dict[str, Any]] | pa.Table, seed: int | None = None) -> Any:
            if isinstance(rows, pa.Table):
                return backend.create_table(f"t{next(count)}", rows)
            half = [row.get("mining") for row in rows]
            plain = [{k: v for k, v in row.items() if k != "mining"} for row in rows]
            sketches = sketch_table(plain)
            if half and half[0] is not None:
                sketches = sketches.append_column("mining", pa.array(half))
            loaded = backend.create_table(f"t{next(count)}", sketches)
            return loaded if seed is None else with_half(loaded, seed)

        yield load


def rows_of(expression: Any, *order: str) -> list[dict[str, Any]]:
    """All rows of an expression, sorted by some columns."""
    found: list[dict[str, Any]] = expression.to_pyarrow().to_pylist()
    return sorted(found, key=lambda row: [row[name] for name in order])
