"""Finding, ordering, recognising and resuming."""

from __future__ import annotations

import gzip
import io
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from stillwatch.errors import InputError, UsageError
from stillwatch.readers import canonical_parquet, framing, open_log, tables
from stillwatch.readers.sources import Source

from .reading import GOLDEN, read_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def row(number: int) -> dict[str, Any]:
    return {
        "request_id": f"r{number}",
        "timestamp": "2026-01-01T00:00:00Z",
        "account_id": "a",
        "model": "m",
        "prompt": "word " * (number % 7 + 1),
    }


def lines(*numbers: int) -> bytes:
    return b"".join(json.dumps(row(n)).encode() + b"\n" for n in numbers)


def ids(sources: list[Path | str]) -> list[str]:
    return [r["request_id"] for r in read_all(sources).rows]


def test_folders_and_globs_are_sorted_and_files_read_once(tmp_path: Path) -> None:
    for name, number in (("b/2.jsonl", 2), ("a/9.jsonl", 9), ("a/1.jsonl", 1), (".hidden", 5)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(lines(number))
    (tmp_path / "_SUCCESS").write_bytes(b"")
    assert ids([tmp_path]) == ["r1", "r9", "r2"]
    assert ids([tmp_path / "**" / "*.jsonl"]) == ["r1", "r9", "r2"]
    assert ids([tmp_path / "b", tmp_path, tmp_path / "b" / "2.jsonl"]) == ["r2", "r1", "r9"]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_archives_are_unpacked(write: Callable[..., Path], pack: Callable[[bytes], bytes]) -> None:
    assert ids([write(pack(lines(1)) + pack(lines(2, 3)))]) == ["r1", "r2", "r3"]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_cut_archive_keeps_what_was_readable(
    write: Callable[..., Path], pack: Callable[[bytes], bytes]
) -> None:
    whole = pack(lines(*range(400)))
    result = read_all([write(pack(lines(1, 2)) + whole[: len(whole) // 2])])
    assert [r["request_id"] for r in result.rows[:2]] == ["r1", "r2"]
    broken = result.rejections[-1]
    assert broken.field == "(file)"
    assert "cut off or damaged" in broken.reason
    assert broken.line > 2


def test_archive_of_endless_zeros_is_bounded(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing, "MAX_RECORD", 1 << 20)
    bomb = gzip.compress(lines(1) + b"0" * (30 << 20) + b"\n" + lines(2))
    result = read_all([write(bomb)])
    assert [r["request_id"] for r in result.rows] == ["r1", "r2"]
    assert [(r.line, r.field) for r in result.rejections] == [(2, "(record)")]
    assert "is longer than" in result.rejections[0].reason


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(zstandard.compress(lines(4, 5))))
    monkeypatch.setattr(sys, "stdin", stdin)
    log = open_log(["-"])
    assert [b.requests.num_rows for b in log] == [2]
    with pytest.raises(UsageError, match="only once"):
        next(iter(log))
    assert log.sources[0].fingerprint() is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n \n", "is empty"),
        (b"\x7fELF\x00\x01\x02", "binary data"),
        (b"May 1 12:00:00 host sshd: hello\n", "no format"),
        (b'{"level": "info"}\n', "no format"),
        (gzip.compress(b"x" * 100, mtime=0)[:12], "cut off or damaged"),
    ],
)
def test_file_that_is_no_log_is_refused(
    write: Callable[..., Path], content: bytes, message: str
) -> None:
    path = write(content)
    with pytest.raises(InputError, match=message) as caught:
        open_log([path])
    assert str(path) in str(caught.value)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for missing, message in (
        (tmp_path / "none.jsonl", "no such file"),
        (tmp_path / "*.jsonl", "no file matches"),
        (tmp_path, "holds no files"),
        ("a\0b", "NUL"),
    ):
        with pytest.raises(InputError, match=message):
            open_log([missing])
    with pytest.raises(InputError, match="no log was named"):
        open_log([])


def test_parquet_in_an_archive_is_refused(write: Callable[..., Path]) -> None:
    packed = gzip.compress((GOLDEN / "stillwatch-parquet.parquet").read_bytes())
    with pytest.raises(InputError, match="archive or a pipe"):
        read_all([write(packed)])


def test_empty_files_among_others_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b").write_bytes(lines(1))
    assert ids([tmp_path]) == ["r1"]


def as_parquet(content: bytes) -> bytes:
    out = io.BytesIO()
    records = [json.loads(line) for line in content.splitlines()]
    pq.write_table(pa.Table.from_pylist(records), out, row_group_size=5)
    return out.getvalue()


def as_csv(content: bytes) -> bytes:
    records = [json.loads(line) for line in content.splitlines()]
    rows = [",".join(records[0]), *(",".join(r.values()) for r in records)]
    return "\n".join(rows).encode()


def as_list(content: bytes) -> bytes:
    return json.dumps([json.loads(line) for line in content.splitlines()], indent=2).encode()


@pytest.mark.parametrize("form", [bytes, gzip.compress, as_csv, as_parquet, as_list])
def test_reading_goes_on_from_any_batch(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, form: Callable[[bytes], bytes]
) -> None:
    for module, name in (
        (framing, "BLOCK_RECORDS"),
        (tables, "BLOCK_RECORDS"),
        (canonical_parquet, "_ROWS"),
    ):
        monkeypatch.setattr(module, name, 4)
    path = write(form(lines(*range(11))))
    log = open_log([path])
    batches = list(log)
    assert [b.last for b in batches] == [False] * (len(batches) - 1) + [True]
    assert len(batches) >= 3
    for done, batch in enumerate(batches):
        assert batch.source == str(path)
        rest = list(log.batches({str(path): batch.stop}))
        wanted = batches[done + 1 :]
        assert [b.start for b in rest if b.requests.num_rows] == [b.start for b in wanted]
        assert [b.requests.to_pylist() for b in rest if b.requests.num_rows] == [
            b.requests.to_pylist() for b in wanted
        ]
        assert rest[-1].last
    assert list(log.batches({str(path): None})) == []
    middle = [r["request_id"] for b in log.batches({str(path): 7}) for r in b.requests.to_pylist()]
    assert middle == ["r7", "r8", "r9", "r10"]


def test_fingerprint_follows_the_content(tmp_path: Path) -> None:
    path = tmp_path / "log"

    def fingerprint(content: bytes) -> str | None:
        path.write_bytes(content)
        return Source(str(path), len(content)).fingerprint()

    large = b"x" * (3 << 20)
    marks = [fingerprint(c) for c in (b"a", b"b", large, large[:-1] + b"y", b"y" + large[1:])]
    assert len(set(marks)) == 5
    assert fingerprint(large) == marks[2]


class Recorder:
    def __init__(self) -> None:
        self.total: float | None = -1
        self.done = 0.0
        self.notes: list[str] = []

    @contextmanager
    def step(self, name: str, total: float | None = None) -> Iterator[Recorder]:
        self.total = total
        yield self

    def advance(self, amount: float = 1) -> None:
        self.done += amount

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.parametrize("form", [bytes, gzip.compress, zstandard.compress, as_csv, as_parquet])
def test_progress_counts_stored_bytes(
    write: Callable[..., Path], form: Callable[[bytes], bytes]
) -> None:
    content = form(lines(*range(50)))
    path, recorder = write(content), Recorder()
    for _ in open_log([path], progress=recorder):
        pass
    assert recorder.notes == [str(path)]
    assert recorder.total == len(content)
    assert recorder.done == pytest.approx(len(content))


def test_columns_are_those_of_all_sources() -> None:
    bedrock = open_log([GOLDEN / "bedrock.jsonl"]).columns
    assert "client_address" not in bedrock
    both = open_log([GOLDEN / "bedrock.jsonl", GOLDEN / "litellm.jsonl"]).columns
    assert both > bedrock
