from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from stillwatch import taking as module
from stillwatch.errors import InputError
from stillwatch.ingest import ingest
from stillwatch.readers import framing, open_log
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.store import SketchStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DAY_SECONDS = 86_400
START = 1_767_225_600  # 2026-01-01


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small log have many batches and parts."""
    monkeypatch.setattr(framing, "BLOCK_RECORDS", 50)
    monkeypatch.setattr(module, "PART_ROWS", 120)


def lines(n: int, first: int = 0, *, bad_every: int = 0) -> list[str]:
    """Requests over three days; every so many lines one that cannot be used."""
    drawn = np.random.default_rng(0).integers(0, 3 * DAY_SECONDS, (first + n, 2)).tolist()
    found = []
    for i in range(first, first + n):
        row: dict[str, Any] = {
            "request_id": f"r-{i}",
            "timestamp": START + drawn[i][0],
            "account_id": f"acct-{drawn[i][1] % 20}",
            "model": "large-1",
            "prompt": f"Please solve exercise number {i} of this collection, step by step.",
        }
        if bad_every and i % bad_every == 0:
            del row["model"]
        found.append(json.dumps(row))
    return found


def write(path: Path, rows: Sequence[str]) -> Path:
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


class Run:
    """What a scan's folder holds after a log was taken in and sealed."""

    def __init__(self, out: Path, *logs: Path | str, append: bool = False) -> None:
        out.mkdir(exist_ok=True)
        key = SketchKey.load()
        self.rejected = out / "rejected.jsonl"
        self.store = SketchStore.open(out / "sketches", key.fingerprint)
        ingest(open_log(logs), self.store, Sketcher(key), self.rejected, append=append)
        self.store.seal()

    @property
    def digests(self) -> dict[str, str]:
        files = [*sorted((self.store.path / "days").iterdir()), self.rejected]
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    @property
    def days(self) -> dict[str, str]:
        return {name: digest for name, digest in self.digests.items() if name != "rejected.jsonl"}

    @property
    def requests(self) -> int:
        files = (self.store.path / "days").iterdir()
        return sum(pq.read_metadata(file).num_rows for file in files)

    @property
    def rejected_lines(self) -> list[int]:
        return [json.loads(line)["line"] for line in self.rejected.read_text().splitlines()]


def test_a_log_is_counted(tmp_path: Path) -> None:
    run = Run(tmp_path / "out", write(tmp_path / "log", lines(500, bad_every=10)))
    taken = run.store.taken()
    assert run.requests == sum(entry.requests for entry in taken) == 450
    assert sum(entry.rejected for entry in taken) == 50
    assert run.rejected_lines == list(range(1, 500, 10))
    assert run.store.duplicates() == 0
    assert len(run.store.names()) == 20
    assert len(taken) > 3
    assert taken[-1].positions[0].complete


def test_shuffled_lines_and_files_give_the_same_days(tmp_path: Path) -> None:
    rows = lines(400)
    shuffled = [rows[i] for i in np.random.default_rng(3).permutation(400)]
    one = Run(tmp_path / "one", write(tmp_path / "log", rows))
    pieces = [write(tmp_path / f"piece-{i}", shuffled[i::3]) for i in range(3)]
    other = Run(tmp_path / "other", *pieces)
    turned = Run(tmp_path / "turned", *pieces[::-1])
    assert one.digests == other.digests == turned.digests


def test_the_same_log_packed_gives_the_same_days(tmp_path: Path) -> None:
    plain = write(tmp_path / "log.jsonl", lines(200))
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert Run(tmp_path / "a", plain).digests == Run(tmp_path / "b", packed).digests


def test_requests_that_come_again_are_counted_once(tmp_path: Path) -> None:
    rows = lines(200)
    whole = Run(tmp_path / "whole", write(tmp_path / "whole.jsonl", rows))
    inside = Run(tmp_path / "inside", write(tmp_path / "inside.jsonl", [*rows, *rows[:50]]))
    first, second = (
        write(tmp_path / "first.jsonl", rows[:120]),
        write(tmp_path / "second.jsonl", rows[80:]),
    )
    across = Run(tmp_path / "across", first, second)
    assert whole.days == inside.days == across.days
    assert [run.store.duplicates() for run in (whole, inside, across)] == [0, 50, 40]


def test_a_file_delivered_again_adds_only_duplicates(tmp_path: Path) -> None:
    log = write(tmp_path / "log", lines(200, bad_every=20))
    copy = write(tmp_path / "copy", lines(200, bad_every=20))
    once = Run(tmp_path / "once", log)
    twice = Run(tmp_path / "twice", log, copy)
    assert twice.days == once.days
    assert twice.store.duplicates() == 190
    files = [json.loads(line)["file"] for line in twice.rejected.read_text().splitlines()]
    assert files == [str(log)] * 10 + [str(copy)] * 10
    assert Run(tmp_path / "twice", log, copy).digests == twice.digests
    assert twice.store.duplicates() == 190


def test_a_source_named_twice_is_read_once(tmp_path: Path) -> None:
    log = write(tmp_path / "log", lines(100))
    run = Run(tmp_path / "out", log, f"{tmp_path}/./log", log)
    assert run.store.duplicates() == 0
    assert run.requests == 100


def test_a_finished_log_is_not_read_again(tmp_path: Path) -> None:
    log = write(tmp_path / "log", lines(300, bad_every=10))
    first = Run(tmp_path / "out", log)
    before, parts = first.digests, len(first.store.taken())
    renamed = log.rename(tmp_path / "renamed")
    again = Run(tmp_path / "out", renamed)
    assert again.digests == before
    assert len(again.store.taken()) == parts


def test_a_log_that_has_more_files_now_is_read_on(tmp_path: Path) -> None:
    one = write(tmp_path / "a", lines(150, bad_every=10))
    two = write(tmp_path / "b", lines(150, 150, bad_every=10))
    before = Run(tmp_path / "out", one).store.taken()
    more = Run(tmp_path / "out", one, two)
    assert more.digests == Run(tmp_path / "fresh", one, two).digests
    assert more.store.taken()[: len(before)] == before
    new = {p.source for entry in more.store.taken()[len(before) :] for p in entry.positions}
    assert new.isdisjoint(p.source for entry in before for p in entry.positions)


@pytest.mark.parametrize("change", ["other", "grown", "fewer"])
def test_another_log_starts_anew(tmp_path: Path, change: str) -> None:
    one = write(tmp_path / "a", lines(150, bad_every=10))
    two = write(tmp_path / "b", lines(150, 150, bad_every=10))
    Run(tmp_path / "out", one, two)
    logs = {"other": [write(tmp_path / "c", lines(90, 300))], "grown": [one, two], "fewer": [two]}
    if change == "grown":
        write(two, lines(160, 150, bad_every=10))
    run = Run(tmp_path / "out", *logs[change])
    fresh = Run(tmp_path / "fresh", *logs[change])
    assert run.digests == fresh.digests
    assert run.store.taken() == fresh.store.taken()
    assert run.store.names().equals(fresh.store.names())


def test_append_adds_another_log(tmp_path: Path) -> None:
    one = write(tmp_path / "a", lines(150, bad_every=10))
    two = write(tmp_path / "b", lines(150, 100, bad_every=10))
    Run(tmp_path / "out", one)
    run = Run(tmp_path / "out", two, append=True)
    assert run.digests == Run(tmp_path / "fresh", one, two).digests
    assert run.store.duplicates() == 45
    again = Run(tmp_path / "out", two, append=True)
    assert again.store.duplicates() == 45


def test_a_bad_log_is_stopped_also_when_it_is_appended_to_a_good_one(tmp_path: Path) -> None:
    good = write(tmp_path / "good", lines(2_000))
    bad = write(tmp_path / "bad", lines(200, 2_000, bad_every=1))
    Run(tmp_path / "out", good)
    with pytest.raises(InputError, match="more than half"):
        Run(tmp_path / "out", bad, append=True)
    assert len((tmp_path / "out" / "rejected.jsonl").read_text().splitlines()) >= 100


def test_rejections_that_somebody_removed_are_found_again(tmp_path: Path) -> None:
    log = write(tmp_path / "log", lines(300, bad_every=10))
    before = Run(tmp_path / "out", log).digests
    (tmp_path / "out" / "rejected.jsonl").unlink()
    assert Run(tmp_path / "out", log).digests == before


def test_standard_input_is_read_anew_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pipe(rows: list[str]) -> None:
        data = "".join(f"{row}\n" for row in rows).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    log = write(tmp_path / "log", lines(200))
    expected = Run(tmp_path / "file", log).days
    pipe(lines(200))
    assert Run(tmp_path / "out", "-").days == expected
    pipe(lines(50))
    assert Run(tmp_path / "out", "-").requests == 50
    pipe(lines(200, 50))
    appended = Run(tmp_path / "out", "-", append=True)
    assert appended.requests == 250
    pipe(lines(60, 190))
    mixed = Run(tmp_path / "mixed", log, "-")
    assert mixed.requests == 250
    assert mixed.store.duplicates() == 10


def test_a_rejection_file_that_cannot_be_written_is_said_in_plain_words(tmp_path: Path) -> None:
    log = write(tmp_path / "log", lines(20))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "rejected.jsonl").mkdir()
    with pytest.raises(InputError, match=r"rejected.jsonl: this file cannot be written: "):
        Run(tmp_path / "out", log)


def test_a_full_disk_stops_with_plain_words_and_is_overcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write(tmp_path / "log", lines(600, bad_every=10))
    add = SketchStore.add
    calls = []

    def full(self: SketchStore, *args: Any) -> None:
        calls.append(args)
        if len(calls) == 3:
            (self.path / "names" / f"{args[2].part}.parquet").symlink_to("/dev/full")
        add(self, *args)

    monkeypatch.setattr(SketchStore, "add", full)
    with pytest.raises(InputError, match="No space left on device; make room"):
        Run(tmp_path / "out", log)
    store = SketchStore.open(tmp_path / "out" / "sketches", SketchKey.load().fingerprint)
    assert len(store.taken()) == 2
    assert Run(tmp_path / "out", log).digests == Run(tmp_path / "fresh", log).digests


CHILD = """
import os, signal, sys
from pathlib import Path

out, after, logs = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
from stillwatch import taking
from stillwatch.ingest import ingest
from stillwatch.readers import framing, open_log
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.store import SketchStore
framing.BLOCK_RECORDS, taking.PART_ROWS = 50, 120
seen = 0

def count(event, arguments):
    global seen
    if event in EVENTS and any(str(out) in str(a) for a in arguments):
        seen += 1
        if seen == after:
            os.kill(os.getpid(), signal.SIGKILL)

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"}
key = SketchKey.load()
sketcher = Sketcher(key)
sys.addaudithook(count)
store = SketchStore.open(out / "sketches", key.fingerprint)
ingest(open_log(logs), store, sketcher, out / "rejected.jsonl")
store.seal()
print(seen)
"""


def scan_in_a_child(out: Path, after: int, logs: list[Path]) -> subprocess.CompletedProcess[str]:
    """Take a log in and seal it; die just before the `after`-th operation on a file in `out`."""
    command = [sys.executable, "-c", CHILD, str(out), str(after), *map(str, logs)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    logs = [
        write(tmp_path / "a.jsonl", lines(500, bad_every=10)),
        write(tmp_path / "b.jsonl", lines(500, 400, bad_every=10)),
    ]
    (tmp_path / "undisturbed").mkdir()
    done = scan_in_a_child(tmp_path / "undisturbed", 0, logs)
    assert done.returncode == 0, done.stderr
    operations = int(done.stdout)
    expected = Run(tmp_path / "undisturbed", *logs)
    out = tmp_path / "killed"
    out.mkdir()
    chance = np.random.default_rng(7)
    early = chance.integers(2, operations // 2, 4).tolist()
    for after in [*early, *range(operations - 20, operations, 9)]:
        killed = scan_in_a_child(out, after, logs)
        if killed.returncode == 0:  # what was left to do took fewer operations
            break
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    found = Run(out, *logs)
    assert found.digests == expected.digests
    assert found.store.duplicates() == expected.store.duplicates()
    assert found.store.names().equals(expected.store.names())
    assert not list((out / "sketches" / "incoming").iterdir())


def test_killed_while_sealing_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    log = write(tmp_path / "log", lines(300, bad_every=10))
    (tmp_path / "undisturbed").mkdir()
    operations = int(scan_in_a_child(tmp_path / "undisturbed", 0, [log]).stdout)
    expected = Run(tmp_path / "undisturbed", log).digests
    for back in (1, 6, 14):
        out = tmp_path / f"killed-{back}"
        out.mkdir()
        killed = scan_in_a_child(out, operations - back, [log])
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert Run(out, log).digests == expected
