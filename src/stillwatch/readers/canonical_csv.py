"""Canonical rows as CSV; a chat in `messages` is JSON inside its cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stillwatch.readers import tables
from stillwatch.readers.canonical import COLUMNS, with_messages
from stillwatch.readers.rows import Row, cast_row
from stillwatch.readers.values import from_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.readers.reader import Batch
    from stillwatch.readers.sources import Stream


def _parse(cells: tables.Cells) -> Iterator[Any]:
    fields: dict[str, Any] = {name: cells[name] for name in _FIELDS if name in cells}
    prompt = cells.get("prompt")
    if messages := cells.get("messages"):
        row = with_messages(fields, from_json(messages), prompt)
        fields = {name: getattr(row, name) for name in Row.__struct_fields__}
        prompt = row.prompt
    yield cast_row({**fields, "prompt": prompt})


_FIELDS = (
    *COLUMNS - {"earlier_turns", "context"},
    "request_id",
    "timestamp",
    "account_id",
    "model",
)


@dataclass(frozen=True, slots=True)
class CsvReader:
    """Canonical CSV."""

    name: str = "stillwatch-csv"
    title: str = "Stillwatch rows, CSV"
    columns: frozenset[str] = COLUMNS

    def sniff(self, head: bytes, name: str) -> bool:  # noqa: ARG002
        """Recognise the format by the names in its header."""
        names = tables.header(head)
        return {"request_id", "timestamp", "account_id"} <= names and bool(
            {"prompt", "messages"} & names
        )

    def read(self, stream: Stream, start: int = 0) -> Iterator[Batch]:
        """Read row by row."""
        return tables.read(stream, start, _parse)


READER = CsvReader()
