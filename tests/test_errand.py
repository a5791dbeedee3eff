"""Files that are read and sketched elsewhere; here it is the same process that runs the errands."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.test_ingest import lines, write

from stillwatch import errand, taking
from stillwatch.errand import Brought, Errand, run
from stillwatch.errors import InputError
from stillwatch.ingest import ingest
from stillwatch.readers import framing, open_log
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.store import SketchStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small files be many parts, and few of them an errand."""
    monkeypatch.setattr(framing, "BLOCK_RECORDS", 50)
    monkeypatch.setattr(taking, "PART_ROWS", 120)
    monkeypatch.setattr(errand, "ERRAND_BYTES", 20_000)


@pytest.fixture
def logs(tmp_path: Path) -> list[Path]:
    """Files with lines that cannot be used, lines that come twice, and one without any."""
    spans = [(0, 200), (150, 150), (300, 40), (340, 60)]
    files = [
        write(tmp_path / f"{i}.jsonl", lines(n, first, bad_every=10))
        for i, (first, n) in enumerate(spans)
    ]
    return [*files, write(tmp_path / "empty.jsonl", [])]


def all_of_them(given: Iterable[Errand]) -> Iterator[tuple[Errand, Brought]]:
    return ((one, run(one)) for one in given)


def until(stop: int) -> Callable[[Iterable[Errand]], Iterator[tuple[Errand, Brought]]]:
    """Somebody who gives up at an errand."""

    def some(given: Iterable[Errand]) -> Iterator[tuple[Errand, Brought]]:
        for number, one in enumerate(given):
            if number == stop:
                raise KeyboardInterrupt
            yield one, run(one)

    return some


class Taken:
    """What lies in a folder once a log was taken in and sealed."""

    def __init__(self, out: Path, logs: list[Path], elsewhere: object = None) -> None:
        out.mkdir(exist_ok=True)
        key = SketchKey.load()
        self.rejected = out / "rejected.jsonl"
        self.store = SketchStore.open(out / "sketches", key.fingerprint)
        self.store.spill.mkdir()
        log = open_log([str(path) for path in logs])
        ingest(log, self.store, Sketcher(key), self.rejected, elsewhere=elsewhere)  # type: ignore[arg-type]
        self.store.seal()

    @property
    def digests(self) -> dict[str, str]:
        files = [*sorted((self.store.path / "days").iterdir()), self.rejected]
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_what_is_read_elsewhere_is_the_same(tmp_path: Path, logs: list[Path]) -> None:
    here = Taken(tmp_path / "here", logs)
    there = Taken(tmp_path / "there", logs, all_of_them)
    assert there.digests == here.digests
    assert there.store.names().equals(here.store.names())
    assert there.store.duplicates() == here.store.duplicates() > 0
    assert b"0.jsonl" in there.rejected.read_bytes()
    taken = there.store.taken()
    assert sum(entry.requests for entry in taken) == sum(e.requests for e in here.store.taken())
    assert [entry.part for entry in taken] == [f"{i:06d}" for i in range(len(taken))]
    assert taken[-1].rejected_bytes == there.rejected.stat().st_size


@pytest.mark.parametrize("stop", [0, 1, 2])
def test_interrupted_it_goes_on_there_or_here(tmp_path: Path, logs: list[Path], stop: int) -> None:
    expected = Taken(tmp_path / "undisturbed", logs).digests
    for name, elsewhere in (("there", all_of_them), ("here", None)):
        with pytest.raises(KeyboardInterrupt):
            Taken(tmp_path / name, logs, until(stop))
        assert Taken(tmp_path / name, logs, elsewhere).digests == expected


def test_a_finished_log_makes_no_errand(tmp_path: Path, logs: list[Path]) -> None:
    before = Taken(tmp_path / "out", logs, all_of_them).digests
    assert Taken(tmp_path / "out", logs, until(0)).digests == before


def test_files_that_can_hardly_be_used_stop_it(tmp_path: Path) -> None:
    bad = [write(tmp_path / f"{i}", lines(90, 90 * i, bad_every=1)) for i in range(2)]
    with pytest.raises(
        InputError, match=r"(?s)180 of 180 records cannot be used.* model: is missing"
    ):
        Taken(tmp_path / "out", bad, all_of_them)
    assert len((tmp_path / "out" / "rejected.jsonl").read_text().splitlines()) == 180


def test_a_pipe_is_not_sent_away(tmp_path: Path, logs: list[Path]) -> None:
    log = open_log([str(logs[0])])
    piped = replace(log.formats[0][0], size=None)
    log.formats = ((piped, log.formats[0][1]),)
    with pytest.raises(InputError, match="only this machine can read a pipe"):
        list(errand.errands(log, {}, {piped.name: None}, tmp_path, SketchKey.load()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": "0.0.1"}, r"Stillwatch is \S+ there, and 0\.0\.1 here"),
        ({"folder": "/nowhere"}, "/nowhere: it does not see this folder"),
        ({"folder": "/proc"}, "/proc.*: the sketches cannot be written"),
    ],
)
def test_what_goes_wrong_there_is_told(
    tmp_path: Path, logs: list[Path], change: dict[str, str], said: str
) -> None:
    def others(given: Iterable[Errand]) -> Iterator[tuple[Errand, Brought]]:
        return ((one, run(replace(one, **change))) for one in given)  # type: ignore[arg-type]

    with pytest.raises(InputError, match=f"a worker could not go on: {said}"):
        Taken(tmp_path / "out", logs, others)


def test_a_file_that_is_not_there_is_told(tmp_path: Path, logs: list[Path]) -> None:
    def late(given: Iterable[Errand]) -> Iterator[tuple[Errand, Brought]]:
        for one in given:
            logs[0].rename(tmp_path / "moved")
            yield one, run(one)

    with pytest.raises(InputError, match=r"a worker could not go on: \S+0\.jsonl: No such file"):
        Taken(tmp_path / "out", logs, late)
