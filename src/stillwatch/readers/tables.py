"""CSV, a row at a time: every bad row is named and the next one is tried."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from stillwatch.readers.framing import BLOCK_BYTES, BLOCK_RECORDS, BOM, MAX_RECORD, lines
from stillwatch.readers.reader import Batch, Gathering
from stillwatch.readers.rejections import RECORD
from stillwatch.readers.rows import RecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stillwatch.readers.reader import Outcome
    from stillwatch.readers.sources import Stream

Cells = dict[str, str]
"""One row: column names to what stands in them; empty cells are left out."""


def header(head: bytes) -> frozenset[str]:
    """The column names on the first line of a CSV file; empty where it is none."""
    first = head.removeprefix(BOM).split(b"\n", 1)[0]
    if b"\0" in first or len(first) > 1 << 16:
        return frozenset()
    try:
        names = next(csv.reader([first.decode("utf-8", "replace")]), [])
    except csv.Error:
        return frozenset()
    return frozenset(name.strip() for name in names)


def rows(stream: Stream) -> Iterator[tuple[int, int, Cells | RecordError]]:
    """Give each row with its line and its size in bytes; the header is not a row."""
    # The limit is the process's, and its default of 128 KiB would reject a long prompt.
    csv.field_size_limit(MAX_RECORD)
    reader = csv.reader(_text(stream), strict=True)
    names: list[str] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield line, 0, RecordError(RECORD, f"is not CSV: {error}")
            continue
        if cells is None:
            return
        if not names:
            names = [name.strip() for name in cells]
        elif len(cells) > len(names):
            reason = f"has {len(cells)} cells where the header has {len(names)}"
            yield line, 0, RecordError(RECORD, reason)
        elif cells:
            row = {name: cell for name, cell in zip(names, cells, strict=False) if cell}
            yield line, sum(map(len, cells)), row


def _text(stream: Stream) -> Iterator[str]:
    for _, line in lines(stream):
        # A line that is too long becomes a cell too many, and so a named rejection.
        text = "\0," * 4096 if line is None else line.decode("utf-8", "replace")
        yield text + "\n"


def read(
    stream: Stream, start: int, parse: Callable[[Cells], Iterator[Outcome]]
) -> Iterator[Batch]:
    """Read a CSV source.

    Args:
        stream: from its beginning.
        start: how many rows to pass over.
        parse: makes one row into outcomes; may raise what `JsonReader.parse` may.
    """
    gathering, begun, position, size = Gathering(stream.source.name), start, 0, 0
    for line, length, row in rows(stream):
        position += 1
        if position <= start:
            continue
        if position - 1 - begun >= BLOCK_RECORDS or size >= BLOCK_BYTES:
            yield gathering.batch(stream, begun, position - 1, last=False)
            gathering, begun, size = Gathering(stream.source.name), position - 1, 0
        size += length
        gathering.take(line, [row] if isinstance(row, RecordError) else parse(row))
    yield gathering.batch(stream, begun, max(begun, position), last=True)
