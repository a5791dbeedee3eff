"""Canonical rows as Parquet, column by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.readers.canonical import COLUMNS
from stillwatch.readers.messages import split
from stillwatch.readers.reader import Batch
from stillwatch.readers.rejections import Rejection
from stillwatch.readers.rows import Defect, check, integers, timestamps
from stillwatch.readers.values import from_json
from stillwatch.schema import REQUESTS, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.readers.sources import Stream

_ROWS = 16_384
_FROM_CHAT = ("prompt", "earlier_turns", "context", "turns", "system_prompt")
_WIDE = {pa.int32(): pa.int64()}  # checked before they are narrowed
_READ = (frozenset(REQUESTS.names) - {"earlier_turns", "context", "turns"}) | {"messages"}


@dataclass(frozen=True, slots=True)
class ParquetReader:
    """Canonical Parquet. Needs a file that can be read from both ends."""

    name: str = "stillwatch-parquet"
    title: str = "Stillwatch rows, Parquet"
    columns: frozenset[str] = COLUMNS

    def sniff(self, head: bytes, name: str) -> bool:  # noqa: ARG002
        """Recognise Parquet by its first four bytes."""
        return head[:4] == b"PAR1"

    def read(self, stream: Stream, start: int = 0) -> Iterator[Batch]:
        """Read in batches of rows.

        Raises:
            InputError: the file is compressed or a pipe, is damaged, or is some other table.
        """
        name = stream.source.name
        if stream.compressed or not stream.source.rereadable:
            raise InputError(
                "Parquet cannot be read from an archive or a pipe; give the file itself "
                "(it is compressed inside already)",
                file=name,
            )
        try:
            with pq.ParquetFile(name) as file:
                wanted = [c for c in file.schema_arrow.names if c in _READ]
                self._require(name, wanted)
                yield from self._batches(stream, file, wanted, start)
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            detail = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise InputError(f"this Parquet file cannot be read: {detail}", file=name) from None

    @staticmethod
    def _require(name: str, wanted: list[str]) -> None:
        for column in ("request_id", "timestamp", "account_id", "model"):
            if column not in wanted:
                raise InputError(
                    "this Parquet file has no such column; rename the columns to Stillwatch's "
                    "(docs/formats.md lists them)",
                    file=name,
                    field=column,
                )
        if not {"prompt", "messages"} & set(wanted):
            raise InputError("this Parquet file has neither prompt nor messages", file=name)

    @staticmethod
    def _batches(
        stream: Stream, file: pq.ParquetFile, wanted: list[str], start: int
    ) -> Iterator[Batch]:
        total, position = file.metadata.num_rows, 0
        per_row = (stream.source.size or 0) / max(1, total)
        for table in file.iter_batches(batch_size=_ROWS, columns=wanted):
            begun, position = position, position + table.num_rows
            stream.advance(table.num_rows * per_row)
            if position > start:
                rest = table.slice(max(0, start - begun))
                yield _batch(stream.source.name, rest, max(begun, start), last=position == total)
        if position <= start:
            empty = pa.RecordBatch.from_pylist([], REQUESTS)
            yield Batch(empty, [], stream.source.name, start, start, last=True)


READER = ParquetReader()


def _batch(name: str, table: pa.RecordBatch, start: int, *, last: bool) -> Batch:
    defects: dict[int, Defect] = {}
    given = {c: table.column(c) for c in table.schema.names}
    columns: dict[str, pa.Array] = {}
    for field in REQUESTS:
        wide = _WIDE.get(field.type, field.type)
        array = given.get(field.name)
        if array is None or pa.types.is_null(array.type):
            columns[field.name] = pa.nulls(table.num_rows, wide)
        else:
            columns[field.name] = _column(name, field.name, array, wide, defects)
    columns["turns"] = pa.repeat(pa.scalar(1, pa.int64()), table.num_rows)
    if "messages" in given:
        _fill_from_chat(columns, given["messages"].to_pylist())
    requests, found = check(columns, defects)
    rejections = [Rejection(name, start + d.row + 1, d.field, d.reason) for d in found]
    return Batch(requests, rejections, name, start, start + table.num_rows, last)


def _fill_from_chat(columns: dict[str, pa.Array], chats: list[Any]) -> None:
    filled = {name: columns[name].to_pylist() for name in _FROM_CHAT}
    for index, chat in enumerate(chats):
        if chat is None:
            continue
        conversation = split(from_json(chat))
        filled["prompt"][index] = conversation.prompt or filled["prompt"][index]
        filled["earlier_turns"][index] = conversation.earlier_turns
        filled["context"][index] = conversation.context
        filled["turns"][index] = conversation.turns
        filled["system_prompt"][index] = (
            filled["system_prompt"][index] or conversation.system_prompt
        )
    for name, values in filled.items():
        columns[name] = pa.array(values, columns[name].type)


def _column(
    file: str, name: str, array: pa.Array, wanted: pa.DataType, defects: dict[int, Defect]
) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    column = None
    if name == "timestamp":
        column = _moments(array, defects)
    elif pa.types.is_string(wanted):
        if _is_text(kind):
            column = _texts(array)
        elif pa.types.is_integer(kind):
            column = array.cast(wanted)
    elif pa.types.is_integer(wanted) and pa.types.is_signed_integer(kind):
        column = array.cast(wanted)
    elif pa.types.is_integer(wanted) and is_number:
        column = integers(name, array.to_pylist(), defects)
    elif (pa.types.is_floating(wanted) and is_number) or kind == wanted:
        column = array.cast(wanted, safe=False)
    if column is None:
        raise InputError(f"this column holds {kind}; expected {wanted}", file=file, field=name)
    return column


def _moments(array: pa.Array, defects: dict[int, Defect]) -> pa.Array | None:
    kind = array.type
    if _is_text(kind):
        return timestamps(_texts(array).to_pylist(), defects)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return timestamps(array.to_pylist(), defects)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        moment = array.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False)
        return moment.cast(TIMESTAMP) if moment.type.tz else pc.assume_timezone(moment, "UTC")
    return None


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    narrow, wide = types.is_string(kind), types.is_large_string(kind)
    return bool(narrow or wide or types.is_string_view(kind))


def _texts(array: pa.Array) -> pa.Array:
    texts = array.cast(pa.string())
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:  # bytes that are no UTF-8; the row must not be lost for that
        raw = texts.cast(pa.binary()).to_pylist()
        texts = pa.array([None if b is None else b.decode("utf-8", "replace") for b in raw])
    return texts
