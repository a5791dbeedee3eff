"""Rows to Arrow: one place that says what a usable request is."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.readers.rejections import RECORD, excerpt
from stillwatch.readers.values import EARLIEST, LATEST, microseconds
from stillwatch.schema import REQUESTS, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Number = int | float


class RecordError(Exception):
    """A record that cannot be used.

    Args:
        field: the field at fault, as the source names it.
        reason: one plain sentence.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class Defect(NamedTuple):
    """What is wrong with one row, by its place among the rows."""

    row: int
    field: str
    reason: str


class Row(msgspec.Struct, kw_only=True, gc=False):
    """One request with the columns of `schema.REQUESTS`; values are checked by `to_batch`.

    Attributes:
        names: where the source keeps a column under another name, so that a defect is reported
            under the name that the reader of the log knows.
    """

    request_id: str | None = None
    timestamp: str | Number | None = None
    account_id: str | None = None
    model: str | None = None
    prompt: str | None = None
    earlier_turns: str | None = None
    context: str | None = None
    turns: int = 1
    system_prompt: str | None = None
    completion: str | None = None
    conversation_id: str | None = None
    api_key_id: str | None = None
    end_user_id: str | None = None
    client_address: str | None = None
    user_agent: str | None = None
    tls_fingerprint: str | None = None
    access_path: str | None = None
    input_tokens: Number | None = None
    output_tokens: Number | None = None
    reasoning_tokens: Number | None = None
    temperature: float | None = None
    max_tokens: Number | None = None
    n: Number | None = None
    logprobs: bool | None = None
    status: Number | None = None
    names: dict[str, str] = {}


def make_row(names: dict[str, str], **fields: Any) -> Row:
    """Build a row, checking types.

    Args:
        names: the source's names of columns, where they differ.
        fields: columns of `schema.REQUESTS`.

    Raises:
        RecordError: a value has the wrong type.
    """
    try:
        return msgspec.convert({**fields, "names": names}, Row)
    except msgspec.ValidationError as error:
        field, reason = explain(error)
        raise RecordError(names.get(field, field), reason) from None


def cast_row(fields: dict[str, Any]) -> Row:
    """Build a row from strings, as CSV has them.

    Raises:
        msgspec.ValidationError: a string does not spell what its column holds.
    """
    return msgspec.convert(fields, Row, strict=False)


_REQUIRED = ("request_id", "timestamp", "account_id", "model", "prompt")
_MEASURED = ("input_tokens", "output_tokens", "reasoning_tokens")
WHOLE = (*_MEASURED, "max_tokens", "n", "status")
# What a client sets for itself. A value that makes no sense becomes null and the row stays:
# otherwise a client could write itself out of the scan with `max_tokens: -1`.
_CLIENT_SET: Final[Mapping[str, tuple[float, float]]] = {
    "temperature": (-100, 100),
    "max_tokens": (0, 2**40),
    "n": (0, 2**20),
}
_RFC3339 = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$"


def to_batch(rows: Sequence[Any]) -> tuple[pa.RecordBatch, list[Defect]]:
    """Turn rows into a table of requests.

    Args:
        rows: objects with the attributes of `Row` (all but `names` are columns).

    Returns:
        The usable rows in `schema.REQUESTS`, and one defect for every other row.
    """
    defects: dict[int, Defect] = {}
    columns: dict[str, pa.Array] = {}
    for field in REQUESTS:
        values = list(map(attrgetter(field.name), rows))
        if field.name == "timestamp":
            columns[field.name] = timestamps(values, defects)
        elif field.name in WHOLE:
            columns[field.name] = integers(field.name, values, defects)
        else:
            columns[field.name] = pa.array(values, field.type)
    batch, found = check(columns, defects)
    names: list[Mapping[str, str]] = [getattr(row, "names", {}) for row in rows] if found else []
    return batch, [Defect(d.row, names[d.row].get(d.field, d.field), d.reason) for d in found]


def check(
    columns: Mapping[str, pa.Array], defects: dict[int, Defect]
) -> tuple[pa.RecordBatch, list[Defect]]:
    """Keep the rows that can be used.

    Args:
        columns: one array for every field of `schema.REQUESTS`; whole numbers may be `int64`.
        defects: rows already known to be unusable.

    Returns:
        The usable rows in `schema.REQUESTS`, and one defect for every other row.
    """
    kept = dict(columns)
    for name in _REQUIRED:
        _mark(defects, pc.is_null(kept[name]), name, "is missing")
        if pa.types.is_string(kept[name].type):
            _mark(defects, pc.equal(pc.binary_length(kept[name]), 0), name, "is empty")
    moment = kept["timestamp"]
    outside = pc.or_(
        pc.less(moment, pa.scalar(EARLIEST, TIMESTAMP)),
        pc.greater_equal(moment, pa.scalar(LATEST, TIMESTAMP)),
    )
    _mark(defects, outside, "timestamp", "lies outside the years 2015 to 2099")
    for name in _MEASURED:
        _mark(defects, pc.less(kept[name], 0), name, "is negative")
    status = kept["status"]
    odd = pc.or_(pc.less(status, 0), pc.greater(status, 999))
    _mark(defects, odd, "status", "is no HTTP status: expected 0 to 999")
    for name, (low, high) in _CLIENT_SET.items():
        values = kept[name]
        sane = pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high))
        kept[name] = pc.if_else(sane, values, pa.scalar(None, values.type))
    if not defects:
        arrays = [kept[field.name].cast(field.type) for field in REQUESTS]
        return pa.RecordBatch.from_arrays(arrays, schema=REQUESTS), []
    keep = [i for i in range(len(moment)) if i not in defects]
    chosen = pa.array(keep, pa.int64())
    arrays = [kept[field.name].take(chosen).cast(field.type) for field in REQUESTS]
    batch = pa.RecordBatch.from_arrays(arrays, schema=REQUESTS)
    return batch, [defects[i] for i in sorted(defects)]


def _mark(defects: dict[int, Defect], bad: pa.Array, field: str, reason: str) -> None:
    if pc.any(bad).as_py():
        for index in pc.indices_nonzero(pc.fill_null(bad, False)).to_pylist():
            defects.setdefault(index, Defect(index, field, reason))


def timestamps(values: list[Any], defects: dict[int, Defect]) -> pa.Array:
    """Times in any spelling that `microseconds` takes, as a column; what is no time is a defect."""
    try:
        strings = pa.array(values, pa.string())
        if pc.all(pc.match_substring_regex(strings, _RFC3339)).as_py():
            return pc.cast(strings, pa.timestamp("ns", "UTC")).cast(TIMESTAMP, safe=False)
    except (pa.ArrowException, TypeError):
        pass  # not all are plain strings: one by one, below
    moments: list[int | None] = []
    for index, value in enumerate(values):
        moment = microseconds(value)
        if moment is not None and abs(moment) >= 2**62:
            moment = None
        if moment is None and value is not None and value != "":
            reason = f"is no time: expected RFC 3339 or seconds since 1970, found {excerpt(value)}"
            defects.setdefault(index, Defect(index, "timestamp", reason))
        moments.append(moment)
    return pa.array(moments, pa.int64()).cast(TIMESTAMP)


def integers(name: str, values: list[Any], defects: dict[int, Defect]) -> pa.Array:
    """Whole numbers as a 64-bit column; a fraction or a number too large is a defect."""
    if float not in set(map(type, values)):
        try:
            return pa.array(values, pa.int64())
        except (OverflowError, pa.ArrowException):
            pass  # some number is larger than the column: one by one, below
    whole: list[int | None] = []
    for index, value in enumerate(values):
        usable = value is None or (value == value // 1 and abs(value) < 2**62)
        if not usable and name not in _CLIENT_SET:
            reason = f"expected a whole number, found {excerpt(value)}"
            defects.setdefault(index, Defect(index, name, reason))
        whole.append(int(value) if usable and value is not None else None)
    return pa.array(whole, pa.int64())


_TYPES = {
    "str": "a string",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "nothing",
}
_EXPECTED = re.compile(r"Expected `([^`]+)`(?:, got `([^`]+)`)?")
_PATH = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]+)`")


def explain(error: Exception) -> tuple[str, str]:
    """Say in plain words which field broke the decoder, and why.

    Args:
        error: what msgspec raised while it decoded one record.

    Returns:
        The field (`RECORD` for the whole of it) and the reason.
    """
    if isinstance(error, RecordError):
        return error.field, error.reason
    if isinstance(error, msgspec.ValidationError):
        return _explain_value(str(error))
    if isinstance(error, RecursionError):
        return RECORD, "is nested too deeply"
    return RECORD, "is not complete JSON" if "truncated" in str(error) else "is not JSON"


def _explain_value(message: str) -> tuple[str, str]:
    path = _PATH.search(message)
    field = (path[1] if path else "") or RECORD
    if missing := _MISSING.search(message):
        return missing[1] if field == RECORD else f"{field}.{missing[1]}", "is missing"
    if expected := _EXPECTED.search(message):
        wanted = [_TYPES.get(kind.strip(), kind.strip()) for kind in expected[1].split("|")]
        kinds = " or ".join(dict.fromkeys(kind for kind in wanted if kind != "nothing"))
        found = _TYPES.get(expected[2] or "", expected[2] or "something else")
        return field, f"expected {kinds}, found {found}"
    return field, "is a number too large to hold" if "range" in message else "is not valid"
