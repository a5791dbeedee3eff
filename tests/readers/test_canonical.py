"""The three canonical forms carry the same rows."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.readers import open_log
from stillwatch.schema import REQUESTS

from .reading import read_all

if TYPE_CHECKING:
    from collections.abc import Callable

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1)
optional_text = st.none() | text
count = st.none() | st.integers(0, 2**40)
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant", "tool"]), "content": text}
    ),
    min_size=1,
    max_size=5,
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "request_id": text,
            "timestamp": st.datetimes(
                datetime(2015, 1, 1),  # noqa: DTZ001
                datetime(2099, 12, 31),  # noqa: DTZ001
                timezones=st.just(UTC),
            ),
            "account_id": text,
            "model": text,
            "prompt": text,
            "messages": st.none() | messages,
            "system_prompt": optional_text,
            "completion": optional_text,
            "conversation_id": optional_text,
            "user_agent": optional_text,
            "input_tokens": count,
            "output_tokens": count,
            "temperature": st.none() | st.floats(0, 2),
            "max_tokens": count,
            "n": st.none() | st.integers(0, 8),
            "logprobs": st.none() | st.booleans(),
            "status": st.none() | st.integers(0, 999),
        }
    ),
    min_size=1,
    max_size=6,
)


def as_jsonl(records: list[dict[str, Any]]) -> bytes:
    return "".join(
        json.dumps({**r, "timestamp": r["timestamp"].isoformat()}, ensure_ascii=i % 2 == 0) + "\n"
        for i, r in enumerate(records)
    ).encode()


def as_csv(records: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(records[0]), lineterminator="\n")
    writer.writeheader()
    for record in records:
        cells = {**record, "timestamp": record["timestamp"].isoformat()}
        if record["messages"] is not None:
            cells["messages"] = json.dumps(record["messages"])
        writer.writerow(cells)
    return out.getvalue().encode()


def as_parquet(records: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    fields = [REQUESTS.field(n) for n in records[0] if n != "messages"]
    chat = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    schema = pa.schema([*fields, ("messages", chat)])
    pq.write_table(pa.Table.from_pylist(records, schema), out)
    return out.getvalue()


@settings(max_examples=60, deadline=None)
@given(records=rows)
def test_three_forms_agree(records: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = []
        for name, form in (("l", as_jsonl), ("c", as_csv), ("p", as_parquet)):
            path = Path(folder, name)
            path.write_bytes(form(records))
            results.append(read_all([path]))
    for result in results:
        assert result.rejections == []
        assert result.rows == results[0].rows
    for row, record in zip(results[0].rows, records, strict=True):
        for column in ("request_id", "timestamp", "account_id", "temperature", "status"):
            assert row[column] == record[column]
        if record["messages"] is None:
            assert row["prompt"] == record["prompt"]


GOOD: dict[str, Any] = {
    "request_id": "r",
    "timestamp": "2026-01-01T00:00:00Z",
    "account_id": "a",
    "model": "m",
    "prompt": "p",
}


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"request_id": None}, "request_id", "is missing"),
        ({"account_id": ""}, "account_id", "is empty"),
        ({"prompt": None}, "prompt", "is missing"),
        ({"prompt": None, "messages": [{"role": "user", "content": ""}]}, "prompt", "is missing"),
        ({"model": 7}, "model", "expected a string, found a number"),
        ({"timestamp": "yesterday"}, "timestamp", "is no time"),
        ({"timestamp": "2014-12-31T23:59:59Z"}, "timestamp", "outside the years"),
        ({"timestamp": "2100-01-01T00:00:00Z"}, "timestamp", "outside the years"),
        ({"timestamp": "9999-01-01T00:00:00Z"}, "timestamp", "outside the years"),
        ({"timestamp": 10**30}, "timestamp", "is no time"),
        ({"timestamp": ["x"]}, "timestamp", "found a list"),
        ({"input_tokens": -1}, "input_tokens", "is negative"),
        ({"output_tokens": 1.5}, "output_tokens", "expected a whole number"),
        ({"output_tokens": 10**30}, "output_tokens", "expected a whole number"),
        ({"status": 1000}, "status", "no HTTP status"),
        ({"logprobs": "yes"}, "logprobs", "expected true or false, found a string"),
    ],
)
def test_bad_field_is_named(
    write: Callable[..., Path], change: dict[str, Any], field: str, reason: str
) -> None:
    bad = json.dumps(GOOD | change)
    path = write("\n".join([json.dumps(GOOD), "", bad, json.dumps(GOOD | {"request_id": "z"})]))
    result = read_all([path])
    assert [row["request_id"] for row in result.rows] == ["r", "z"]
    [rejection] = result.rejections
    assert (rejection.file, rejection.line, rejection.field) == (str(path), 3, field)
    assert reason in rejection.reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "is not complete JSON"),
        (b"hello", "is not JSON"),
        (b"[" * 5000, "is nested too deeply"),
        (b'{"a":' * 5000, "is nested too deeply"),
        (b"7", "expected an object, found a number"),
    ],
)
def test_bad_line_is_named(write: Callable[..., Path], line: bytes, reason: str) -> None:
    path = write(json.dumps(GOOD).encode() + b"\n" + line + b"\n")
    [rejection] = read_all([path]).rejections
    assert (rejection.line, rejection.field, rejection.reason) == (2, "(record)", reason)


@pytest.mark.parametrize(
    ("change", "column", "value"),
    [
        ({"max_tokens": -1}, "max_tokens", None),
        ({"n": 10**12}, "n", None),
        ({"max_tokens": 10**40}, "max_tokens", None),
        ({"max_tokens": 0.5}, "max_tokens", None),
        ({"temperature": 1e300}, "temperature", None),
        ({"input_tokens": 12.0}, "input_tokens", 12),
        ({"surprise": {"deep": [1]}}, "surprise", None),
        ({"timestamp": 1767225600}, "timestamp", datetime(2026, 1, 1, tzinfo=UTC)),
        ({"timestamp": 1767225600000}, "timestamp", datetime(2026, 1, 1, tzinfo=UTC)),
        ({"timestamp": "2026-01-01T05:30:00+05:30"}, "timestamp", datetime(2026, 1, 1, tzinfo=UTC)),
        ({"timestamp": "2026-01-01 00:00:00"}, "timestamp", datetime(2026, 1, 1, tzinfo=UTC)),
        ({"timestamp": "2026-01-01T00:00:00.000000999Z"}, "timestamp",
         datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_odd_value_keeps_the_row(
    write: Callable[..., Path], change: dict[str, Any], column: str, value: object
) -> None:
    """Whatever a client sets for itself must not take its request out of the scan."""
    [row] = read_all([write(json.dumps(GOOD | change))]).rows
    assert row.get(column) == value


@pytest.mark.parametrize("prompt", [rb"\ud800 half", b"bad \xff byte", rb"pair \ud83c\udf0a"])
def test_bytes_that_are_no_text_keep_the_row(write: Callable[..., Path], prompt: bytes) -> None:
    line = json.dumps(GOOD | {"prompt": "P"}).encode().replace(b'"P"', b'"' + prompt + b'"')
    [row] = read_all([write(line + b"\n" + line.replace(b'"r"', b'"q"'))]).rows[:1]
    assert row["prompt"] in ("\ufffd half", "bad \ufffd byte", "pair \U0001f30a")


def test_csv_rows_that_do_not_fit_are_named(write: Callable[..., Path]) -> None:
    head = "request_id,timestamp,account_id,model,prompt,status\n"
    body = (
        "r1,2026-01-01T00:00:00Z,a,m,p,200\n"
        "r2,2026-01-01T00:00:00Z,a,m,p,200,extra\n"
        'r3,2026-01-01T00:00:00Z,a,m,"two\nlines",fine\n'
        "r4,2026-01-01T00:00:00Z,a,m\n"
        'r5,2026-01-01T00:00:00Z,a,m,"never closed\n'
    )
    result = read_all([write(head + body)])
    assert [row["request_id"] for row in result.rows] == ["r1"]
    assert [(r.line, r.field) for r in result.rejections] == [
        (3, "(record)"),
        (4, "status"),
        (6, "prompt"),
        (7, "(record)"),
    ]


def table_bytes(**columns: pa.Array) -> bytes:
    base = {name: pa.array([value, value]) for name, value in GOOD.items()}
    out = io.BytesIO()
    pq.write_table(pa.table(base | columns), out)
    return out.getvalue()


def test_parquet_takes_the_types_that_other_tools_write(write: Callable[..., Path]) -> None:
    path = write(
        table_bytes(
            account_id=pa.array([17, None], pa.int64()),
            model=pa.array(["m", "m"]).dictionary_encode(),
            prompt=pa.array(["p", "q"], pa.large_string()),
            timestamp=pa.array([1767225600, 1767225600], pa.int64()),
            input_tokens=pa.array([3.0, 4.5]),
            completion=pa.nulls(2),
        )
    )
    result = read_all([path])
    assert [(r["account_id"], r["input_tokens"]) for r in result.rows] == [("17", 3)]
    assert [(r.line, r.field) for r in result.rejections] == [(2, "input_tokens")]


def test_parquet_with_naive_times_is_read_as_utc(write: Callable[..., Path]) -> None:
    naive = pa.array([datetime(2026, 1, 1), None], pa.timestamp("ns"))  # noqa: DTZ001
    result = read_all([write(table_bytes(timestamp=naive))])
    assert [row["timestamp"] for row in result.rows] == [datetime(2026, 1, 1, tzinfo=UTC)]
    assert [r.reason for r in result.rejections] == ["is missing"]


@pytest.mark.parametrize(
    ("columns", "field"),
    [({"status": pa.array([[1], [2]])}, "status"), ({"prompt": pa.array([b"x", b"y"])}, "prompt")],
)
def test_parquet_with_a_column_of_another_kind_is_refused(
    write: Callable[..., Path], columns: dict[str, pa.Array], field: str
) -> None:
    with pytest.raises(InputError, match=field):
        read_all([write(table_bytes(**columns))])


def test_parquet_without_a_required_column_is_refused(write: Callable[..., Path]) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"request_id": ["a"]}), out)
    with pytest.raises(InputError, match="no such column"):
        open_log_and_drain(write(out.getvalue()))


def open_log_and_drain(path: Path) -> None:
    for _ in open_log([path]):
        pass
