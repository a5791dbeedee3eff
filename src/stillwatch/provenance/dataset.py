"""A training set on disk: its files in a fixed order, its card, its rows in batches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.provenance.cards import CARD_FILES, Card, read_card
from stillwatch.provenance.rows import Fields, Row, row_of
from stillwatch.readers.framing import blocks, records
from stillwatch.readers.rejections import ARCHIVE, RECORD, Rejection
from stillwatch.readers.sources import Source, find, open_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BATCH_ROWS = 8192
_PARQUET = (".parquet",)
_JSON = (".jsonl", ".json", ".ndjson")
_PACKED = (".gz", ".zst")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Files and card.

    Attributes:
        path: as the user gave it.
        files: those that hold rows.
        card: what the dataset says of itself.
    """

    path: str
    files: tuple[Source, ...]
    card: Card

    @property
    def size(self) -> float | None:
        """Bytes to read; None where a file has no size."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else float(sum(size or 0 for size in sizes))

    def short(self, file: Source) -> str:
        """A file's name inside the dataset."""
        path, root = Path(file.name), Path(self.path)
        return path.name if path == root else str(path.relative_to(root))


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one file that follow one another.

    Attributes:
        file: its name inside the dataset.
        lines: 1-based line or row of each.
        rows: what they give.
        rejections: records in between that have no text or cannot be read.
    """

    file: str
    lines: Sequence[int]
    rows: Sequence[Row]
    rejections: Sequence[Rejection]


def open_dataset(path: str | Path) -> Dataset:
    """Find the files of a training set and read its card.

    Args:
        path: a JSON Lines, JSON or Parquet file, or a folder that holds some, with or without a
            card (`README.md`), `dataset_infos.json` or Croissant metadata.

    Raises:
        InputError: there is nothing to read, or the card cannot be read.
        MissingExtraError: there is a card, and what reads it is not installed.
    """
    name = str(path)
    found = find([name])
    files = tuple(source for source in found if _holds_rows(source))
    if not files:
        raise InputError("there is no .jsonl, .json or .parquet file with rows here", file=name)
    return Dataset(name, files, read_card(Path(name)))


def _holds_rows(source: Source) -> bool:
    path = Path(source.name)
    if path.name in CARD_FILES:
        return False
    suffixes = path.suffixes[-2:]
    if suffixes and suffixes[-1] in _PACKED:
        return len(suffixes) > 1 and suffixes[0] in _JSON
    return bool(suffixes) and suffixes[-1] in (*_JSON, *_PARQUET)


def batches(dataset: Dataset, fields: Fields, on_read: Callable[[float], None]) -> Iterator[Batch]:
    """All rows, a few thousand at a time.

    Args:
        dataset: what to read.
        fields: where text and source stand.
        on_read: told of every byte taken from a file.

    Raises:
        InputError: a file cannot be read.
    """
    for file in dataset.files:
        parquet = Path(file.name).suffix in _PARQUET
        read = _parquet if parquet else _json
        yield from read(file, dataset.short(file), fields, on_read)


def _json(
    file: Source, name: str, fields: Fields, on_read: Callable[[float], None]
) -> Iterator[Batch]:
    decoder = msgspec.json.Decoder()
    stream = open_stream(file)
    stream.watch(on_read)
    try:
        for block in blocks(records(stream)):
            lines, found, rejections = [], [], []
            for line, data in zip(block.lines, block.records, strict=True):
                if data is not None and not data.strip():
                    continue
                row = _decoded(decoder, data, fields)
                if isinstance(row, Row):
                    lines.append(line)
                    found.append(row)
                else:
                    rejections.append(Rejection(name, line, RECORD, row))
            yield Batch(name, lines, found, rejections)
        if stream.broken:
            yield Batch(name, (), (), [Rejection(name, 0, ARCHIVE, stream.broken)])
    finally:
        stream.close()


def _decoded(decoder: msgspec.json.Decoder[Any], data: bytes | None, fields: Fields) -> Row | str:
    """A row, or why there is none."""
    if data is None:
        return "the record is too long"
    try:
        record = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "this is not JSON"
    if not isinstance(record, dict):
        return "the record is not an object"
    return row_of(record, fields) or NO_TEXT


NO_TEXT = "no field holds text; name it with --text"


def _parquet(
    file: Source, name: str, fields: Fields, on_read: Callable[[float], None]
) -> Iterator[Batch]:
    try:
        with pq.ParquetFile(file.name) as opened:
            known = [c for c in opened.schema_arrow.names if c in fields.all]
            a_row = (file.size or 0) / max(opened.metadata.num_rows, 1)
            start = 1
            for table in opened.iter_batches(BATCH_ROWS, columns=known):
                yield _rows_of(table, name, start, fields)
                start += table.num_rows
                on_read(table.num_rows * a_row)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else "it cannot be read"
        raise InputError(f"this Parquet file cannot be read: {reason}", file=file.name) from None


def _rows_of(table: pa.RecordBatch, name: str, start: int, fields: Fields) -> Batch:
    read = [row_of(record, fields) for record in table.to_pylist()]
    lines = range(start, start + len(read))
    return Batch(
        name,
        [line for line, row in zip(lines, read, strict=True) if row is not None],
        [row for row in read if row is not None],
        [
            Rejection(name, line, RECORD, NO_TEXT)
            for line, row in zip(lines, read, strict=True)
            if row is None
        ],
    )
