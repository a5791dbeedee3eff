"""The account file in its three forms."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.readers import read_accounts
from stillwatch.schema import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RECORDS: list[dict[str, Any]] = [
    {"account_id": "a", "plan": "free", "created_at": "2026-01-05T00:00:00Z", "country": "NO"},
    {"account_id": "b", "organization_id": "org-1", "verification_level": "2", "extra": "x"},
    {"account_id": "a", "plan": "paid"},
]


def as_jsonl(records: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, records)).encode()


def as_csv(records: list[dict[str, Any]]) -> bytes:
    names = sorted({name for record in records for name in record})
    lines = [",".join(record.get(name) or "" for name in names) for record in records]
    return "\n".join([",".join(names), *lines]).encode()


def as_parquet(records: list[dict[str, Any]]) -> bytes:
    names = sorted({name for record in records for name in record})
    columns = {name: [record.get(name) for record in records] for name in names}
    if "created_at" in columns:
        times = [t and datetime.fromisoformat(t) for t in columns["created_at"]]
        columns["created_at"] = pa.array(times, pa.timestamp("ms", "UTC"))
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


FORMS = [as_jsonl, as_csv, as_parquet]


@pytest.mark.parametrize("form", FORMS)
def test_the_last_line_of_an_account_wins(write: Callable[..., Path], form: Any) -> None:
    accounts = read_accounts(write(form(RECORDS)))
    assert accounts.table.schema == ACCOUNTS
    assert accounts.duplicates == 1
    assert accounts.rejections == []
    kept = accounts.table.select(["account_id", "plan", "organization_id", "created_at"])
    assert kept.to_pylist() == [
        {"account_id": "a", "plan": "paid", "organization_id": None, "created_at": None},
        {"account_id": "b", "plan": None, "organization_id": "org-1", "created_at": None},
    ]


@pytest.mark.parametrize("form", FORMS)
def test_times_are_read(write: Callable[..., Path], form: Any) -> None:
    [row] = read_accounts(write(form(RECORDS[:1]))).table.to_pylist()
    assert row["created_at"] == datetime(2026, 1, 5, tzinfo=UTC)


def test_bad_lines_are_named(write: Callable[..., Path]) -> None:
    bad: list[dict[str, Any]] = [
        {"plan": "x"},
        {"account_id": "c", "created_at": "once"},
        {"account_id": 3},
    ]
    path = write(gzip.compress(as_jsonl([RECORDS[0], *bad]) + b"\n{oops"))
    accounts = read_accounts(path)
    assert accounts.table.column("account_id").to_pylist() == ["a"]
    assert [(r.file, r.line, r.field) for r in accounts.rejections] == [
        (str(path), 2, "account_id"),
        (str(path), 3, "created_at"),
        (str(path), 4, "account_id"),
        (str(path), 5, "(record)"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"name,plan\nx,y\n", "no table of accounts"),
        (b"account_id,plan\n", "no account can be read"),
        (b'{"account_id": 1}\n', "expected a string, found a number"),
        (as_parquet([{"plan": "x"}]), "no such column"),
        (b"PAR1 and nothing else", "cannot be read"),
    ],
)
def test_what_is_no_account_file_is_refused(
    write: Callable[..., Path], content: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_accounts(write(content))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match="one account file"):
        read_accounts(tmp_path)
