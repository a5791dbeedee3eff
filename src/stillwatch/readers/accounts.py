"""The account file: what the provider knows of its accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.readers import tables
from stillwatch.readers.framing import MAX_RECORD, records
from stillwatch.readers.reader import ERRORS, looks_like_json
from stillwatch.readers.rejections import ARCHIVE, RECORD, Rejection
from stillwatch.readers.rows import Defect, RecordError, explain, timestamps
from stillwatch.readers.sources import find, open_stream
from stillwatch.readers.values import repair
from stillwatch.schema import ACCOUNTS, TIMESTAMP

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from stillwatch.readers.sources import Stream


class Accounts(NamedTuple):
    """An account file that was read.

    Attributes:
        table: in `schema.ACCOUNTS`, one row an account, in the order in which they first appear.
        rejections: lines that cannot be used.
        duplicates: how many lines were replaced by a later one for the same account.
    """

    table: pa.Table
    rejections: list[Rejection]
    duplicates: int


class _Account(msgspec.Struct):
    account_id: str | None = None
    organization_id: str | None = None
    created_at: str | int | float | None = None
    email_domain: str | None = None
    payment_fingerprint: str | None = None
    signup_address: str | None = None
    country: str | None = None
    plan: str | None = None
    verification_level: str | int | None = None


_Line = tuple[int, _Account | RecordError]
_DECODER = msgspec.json.Decoder(_Account)
_LIST = msgspec.json.Decoder(list[_Account])


def read_accounts(path: str | os.PathLike[str]) -> Accounts:
    """Read an account file: JSON Lines, CSV or Parquet, recognised by content.

    Args:
        path: one file, or ``-``; ``.gz`` and ``.zst`` are unpacked on the way.

    Raises:
        InputError: it cannot be read, is empty, or is no table of accounts.
    """
    found = find([path])
    if len(found) != 1:
        raise InputError("name one account file, not a folder of them", file=str(path))
    stream = open_stream(found[0])
    try:
        head = stream.head()
        name = stream.source.name
        if not head.strip():
            raise InputError(stream.broken or "this account file is empty", file=name)
        if head[:4] == b"PAR1":
            lines = _parquet(stream)
        elif looks_like_json(head):
            lines = _json(stream)
        elif "account_id" in tables.header(head):
            lines = _csv(stream)
        else:
            raise InputError(
                "this is no table of accounts: expected JSON Lines, CSV or Parquet with a column "
                "account_id (docs/formats.md lists the others)",
                file=name,
            )
        return _gather(stream, lines)
    finally:
        stream.close()


def _gather(stream: Stream, lines: Iterator[_Line]) -> Accounts:
    name = stream.source.name
    kept: dict[str, tuple[int, _Account]] = {}
    rejections: list[Rejection] = []
    duplicates = last = 0
    for line, account in lines:
        last = line
        if isinstance(account, RecordError):
            rejections.append(Rejection(name, line, account.field, account.reason))
        elif not account.account_id:
            reason = "is missing" if account.account_id is None else "is empty"
            rejections.append(Rejection(name, line, "account_id", reason))
        else:
            duplicates += account.account_id in kept
            kept[account.account_id] = (line, account)
    if stream.broken:
        rejections.append(Rejection(name, last + 1, ARCHIVE, stream.broken))
    if not kept:
        first = rejections[0] if rejections else Rejection(name, 1, RECORD, "nothing follows")
        raise InputError(
            f"no account can be read: {first.reason}", file=name, line=first.line, field=first.field
        )
    return _table(name, list(kept.values()), rejections, duplicates)


def _table(
    name: str, kept: list[tuple[int, _Account]], rejections: list[Rejection], duplicates: int
) -> Accounts:
    defects: dict[int, Defect] = {}
    columns = []
    for field in ACCOUNTS:
        values = [getattr(account, field.name) for _, account in kept]
        if field.type == TIMESTAMP:
            columns.append(timestamps(values, defects))
        else:
            columns.append(pa.array([None if v is None else str(v) for v in values], field.type))
    rejections += [
        Rejection(name, kept[defect.row][0], "created_at", defect.reason)
        for defect in defects.values()
    ]
    table = pa.Table.from_arrays(columns, schema=ACCOUNTS)
    keep = [index for index in range(len(kept)) if index not in defects]
    return Accounts(
        table.take(pa.array(keep, pa.int64())),
        sorted(rejections, key=lambda rejection: rejection.line),
        duplicates,
    )


def _json(stream: Stream) -> Iterator[_Line]:
    for line, record in records(stream):
        if record is None:
            yield line, RecordError(RECORD, f"is longer than {MAX_RECORD >> 20} MiB")
        elif stripped := record.strip():
            yield from ((line, outcome) for outcome in _decoded(stripped))


def _decoded(record: bytes) -> list[_Account | RecordError]:
    decode: Any = _LIST.decode if record[:1] == b"[" else _DECODER.decode
    try:
        try:
            found = decode(record)
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = decode(repair(record))
    except ERRORS as error:
        return [RecordError(*explain(error))]
    return found if isinstance(found, list) else [found]


def _csv(stream: Stream) -> Iterator[_Line]:
    for line, _, row in tables.rows(stream):
        yield line, row if isinstance(row, RecordError) else msgspec.convert(row, _Account)


def _parquet(stream: Stream) -> Iterator[_Line]:
    name = stream.source.name
    if stream.compressed or not stream.source.rereadable:
        raise InputError("Parquet cannot be read from an archive or a pipe", file=name)
    try:
        with pq.ParquetFile(name) as file:
            wanted = [column for column in file.schema_arrow.names if column in ACCOUNTS.names]
            if "account_id" not in wanted:
                raise InputError(
                    "this Parquet file has no such column", file=name, field="account_id"
                )
            for index, row in enumerate(file.read(columns=wanted).to_pylist()):
                yield index + 1, _from_cells(row)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        detail = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"this Parquet file cannot be read: {detail}", file=name) from None


def _from_cells(row: dict[str, Any]) -> _Account | RecordError:
    cells = {
        key: value.isoformat() if hasattr(value, "isoformat") else value
        for key, value in row.items()
    }
    for key in ("account_id", "organization_id"):
        if isinstance(cells.get(key), int):
            cells[key] = str(cells[key])
    try:
        return msgspec.convert(cells, _Account)
    except msgspec.ValidationError as error:
        return RecordError(*explain(error))
