"""Copies of a store, on a disk and in a store of objects that speaks S3."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pytest
from tests.objects import contents, written
from tests.worlds import HYDRA

from stillwatch import copying
from stillwatch.copying import copy_store
from stillwatch.engine import session
from stillwatch.errors import InputError, UsageError
from stillwatch.lab.scenario import Scenario
from stillwatch.lab.sketched import simulate_sketches
from stillwatch.place import Item, Place
from stillwatch.sealed import COPIED, SealedStore, Sent
from stillwatch.sketch import SketchKey
from stillwatch.store import SketchStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from stillwatch.lab.sketched.simulate import Sketched

KEY = SketchKey.from_hex("5c" * 32, source="the tests")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Sketched:
    folder = tmp_path_factory.mktemp("world")
    return simulate_sketches(Scenario(days=4, groups=HYDRA), folder, seed=1, key=KEY)


@pytest.fixture
def made(world: Sketched, tmp_path: Path) -> Path:
    """A store of this test's own."""
    return shutil.copytree(world.sketches, tmp_path / "made")


def opened(where: str | Path, folder: Path, key: str = KEY.fingerprint) -> SealedStore:
    return SealedStore.read_only(Place.of(where), key, spill=folder / "spill")


def rows(store: SealedStore) -> Any:
    with session(spill=store.spill) as backend:
        return store.requests(backend).order_by("request_key").to_pyarrow()


def promised(folder: Path) -> dict[str, bytes]:
    """What a copy of a folder has to hold."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_copy_has_the_same_files_and_the_same_rows(
    bucket: str, made: Path, tmp_path: Path
) -> None:
    url = f"{bucket}/of%20sketches"
    files = promised(made)
    done = copy_store(made, url)
    assert (done.sent, done.kept, done.removed) == (len(files), 0, 0)
    assert done.size == sum(map(len, files.values()))
    there = contents(url)
    assert json.loads(there.pop(COPIED))["whole"]
    assert there == files
    here, copy = opened(made.as_uri(), tmp_path), opened(url, tmp_path)
    assert copy.place.name == url
    assert rows(copy).equals(rows(here))
    assert (copy.days(), copy.taken(), copy.duplicates()) == (
        here.days(), here.taken(), here.duplicates(),
    )  # fmt: skip
    assert copy.names().equals(here.names())
    # and back, as a store that goes on
    copy_store(url, tmp_path / "back")
    back = SketchStore.open(tmp_path / "back", KEY.fingerprint)
    assert promised(tmp_path / "back").keys() == files.keys() | {COPIED}
    assert rows(back).equals(rows(here))


def test_a_second_copy_sends_nothing(bucket: str, made: Path, tmp_path: Path) -> None:
    url = f"{bucket}/p"
    first = copy_store(made, url)
    before = written(url)
    again = copy_store(made, url)
    assert (again.sent, again.size, again.kept, again.removed) == (0, 0, first.sent, 0)
    assert written(url) == before
    # digests of a copy are known without reading it
    assert copy_store(url, tmp_path / "one").sent == first.sent
    assert copy_store(url, tmp_path / "one").kept == first.sent


def test_only_what_differs_is_sent(bucket: str, made: Path) -> None:
    url = f"{bucket}/p"
    copy_store(made, url)
    first, second, *_ = sorted((made / "days").iterdir())
    first.unlink()
    data = bytearray(second.read_bytes())
    data[len(data) // 2] ^= 1  # another content of the same length
    second.write_bytes(data)
    done = copy_store(made, url)
    assert (done.sent, done.size, done.removed) == (1, len(data), 1)
    there = contents(url)
    del there[COPIED]
    assert there == promised(made)


class Killed(BaseException):
    """What nobody catches."""


def killing(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Have a copy end after so many files."""
    send, count = copying._send, itertools.count()

    def sent(*arguments: Any) -> Any:
        if next(count) == after:
            raise Killed
        return send(*arguments)

    monkeypatch.setattr(copying, "_send", sent)


@pytest.mark.parametrize("after", [0, 3])
def test_an_interrupted_copy_is_no_store_and_goes_on(
    bucket: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    for where in (f"{bucket}/p", str(tmp_path / "folder")):
        with monkeypatch.context() as patch:
            killing(patch, after)
            with pytest.raises(Killed):
                copy_store(made, where)
        for read in (lambda: opened(where, tmp_path), lambda: copy_store(where, tmp_path / "one")):  # noqa: B023
            with pytest.raises(InputError, match="under way or was interrupted"):
                read()
        if where.startswith("/"):
            with pytest.raises(InputError, match="under way or was interrupted"):
                SketchStore.open(Path(where), KEY.fingerprint)
        done = copy_store(made, where)
        assert (done.kept, done.kept + done.sent) == (after, len(promised(made)))
        assert rows(opened(where, tmp_path)).equals(rows(opened(made, tmp_path)))


def test_half_of_a_copy_says_so_before_anything_is_touched(
    bucket: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{bucket}/p"
    copy_store(made, url)
    first, second, *_ = sorted((made / "days").iterdir())
    first.unlink()
    second.write_bytes(second.read_bytes() + b"more")
    seen = []

    def looking(*arguments: Any) -> Any:
        with pytest.raises(InputError, match="under way or was interrupted"):
            opened(url, tmp_path)
        seen.append(arguments)

    monkeypatch.setattr(copying, "_send", looking)
    monkeypatch.setattr(Place, "delete", looking)
    monkeypatch.setattr(copying._Notes, "add", lambda *_: None)
    copy_store(made, url)
    assert len(seen) == 2


def test_a_reader_is_told_that_days_were_replaced_meanwhile(
    bucket: str, made: Path, tmp_path: Path
) -> None:
    url = f"{bucket}/p"
    copy_store(made, url)
    reader = opened(url, tmp_path)
    first, second, *_ = sorted((made / "days").iterdir())
    first.unlink()
    changed = "s3://.*: somebody changed these sketches while they were read"
    with pytest.raises(InputError, match=changed), reader.reading():
        copy_store(made, url)
    with session(spill=reader.spill) as backend:
        table = reader.requests(backend).select("body_key")

        def lose_and_read() -> None:
            reader.place.delete(f"days/{second.name}")
            table.to_pyarrow()

        with pytest.raises(InputError, match=changed), reader.reading():
            lose_and_read()


def test_a_source_that_changes_makes_no_whole_copy(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = copying._send

    def growing(*arguments: Any) -> Any:
        with (made / "journal.jsonl").open("ab") as journal:
            journal.write(b"torn")
        return send(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(copying, "_send", growing)
        with pytest.raises(InputError, match="somebody changed these sketches"):
            copy_store(made.as_uri(), tmp_path / "copy")
    with pytest.raises(InputError, match="under way or was interrupted"):
        opened(tmp_path / "copy", tmp_path)
    assert copy_store(made.as_uri(), tmp_path / "copy").sent == 1  # the journal


def test_what_no_copy_made_is_not_replaced(bucket: str, made: Path, tmp_path: Path) -> None:
    Place.of(f"{bucket}/mine").write("notes.txt", b"mine")
    with pytest.raises(InputError, match="something else"):
        copy_store(made, f"{bucket}/mine")
    with pytest.raises(InputError, match="something else"):
        copy_store(made, bucket)
    working = shutil.copytree(made, tmp_path / "working")
    with pytest.raises(InputError, match="sketches that were not copied to here"):
        copy_store(f"{made.as_uri()}", working)
    with pytest.raises(UsageError, match="same place"):
        copy_store(made, made.as_uri())
    assert contents(bucket) == {"mine/notes.txt": b"mine"}


def test_a_copy_that_goes_on_by_itself_is_no_copy_any_more(made: Path, tmp_path: Path) -> None:
    copy_store(made, tmp_path / "copy")
    store = SketchStore.open(tmp_path / "copy", KEY.fingerprint)
    assert (store.path / COPIED).exists()
    store.promise(store.taken()[0])
    assert not (store.path / COPIED).exists()
    with pytest.raises(InputError, match="sketches that were not copied to here"):
        copy_store(made, store.path)


def other_key(store: Path) -> None:
    form = json.loads((store / "format.json").read_bytes())
    (store / "format.json").write_text(json.dumps(form | {"key": "fedcba9876543210"}))


def newer(store: Path) -> None:
    form = json.loads((store / "format.json").read_bytes())
    (store / "format.json").write_text(json.dumps(form | {"layout": 99}))


def unsealed(store: Path) -> None:
    (store / "incoming" / "2026-01-01").mkdir()
    (store / "incoming" / "2026-01-01" / "000001.parquet").touch()


def forgotten(store: Path) -> None:
    (store / "journal.jsonl").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (other_key, "made with another key"),
        (newer, "have layout 99, this version reads 1"),
        (unsealed, "parts that are not sealed yet: scan them where they were made"),
        (forgotten, "this is no folder of sketches"),
    ],
)
def test_what_cannot_be_read_is_refused(
    made: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(made)
    with pytest.raises(InputError, match=message):
        opened(made.as_uri(), tmp_path)


def test_a_copy_over_sketches_of_another_key_is_refused(
    bucket: str, made: Path, tmp_path: Path
) -> None:
    copy_store(made, f"{bucket}/p")
    before = written(bucket)
    other_key(made)
    with pytest.raises(InputError, match="a copy of sketches of another key"):
        copy_store(made, f"{bucket}/p")
    assert written(bucket) == before
    for spoil in (unsealed, newer):
        spoil(made)
        with pytest.raises(InputError, match=r"not sealed yet|have layout 99"):
            copy_store(made, tmp_path / "elsewhere")


def test_a_file_of_another_length_than_was_copied_is_refused(made: Path, tmp_path: Path) -> None:
    copy_store(made, tmp_path / "copy")
    first, second, *_ = sorted((tmp_path / "copy" / "days").iterdir())
    first.unlink()  # a day that was erased is no fault
    assert len(opened(tmp_path / "copy", tmp_path).days()) == 3
    second.write_bytes(second.read_bytes()[:-1])
    with pytest.raises(InputError, match=rf"{second.name}: this file has .* were copied"):
        opened(tmp_path / "copy", tmp_path)


def test_names_that_the_journal_does_not_promise_are_not_there(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "names" / "000000.parquet", made / "names" / "000009.parquet")
    copy_store(made, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy" / "names").iterdir()] == ["000000.parquet"]


def test_a_missing_bucket_is_said_in_plain_words(bucket: str, made: Path, tmp_path: Path) -> None:
    url = f"{bucket}-not/p"
    for use in (
        lambda: opened(url, tmp_path),
        lambda: copy_store(made, url),
        lambda: copy_store(url, tmp_path / "copy"),
    ):
        with pytest.raises(InputError, match=f"{url}: there is no such bucket; make it first"):
            use()
    with pytest.raises(InputError, match="this is no folder of sketches"):
        opened(f"{bucket}/nothing", tmp_path)


def test_content_decides_only_where_sizes_agree() -> None:
    source = {name: Item(1, 5) for name in "abcd"}
    there = {"a": Item(1, 7), "b": Item(2, 5), "d": Item(1, 5)}
    before = {"a": Sent(1, "x"), "b": Sent(2, "x"), "c": Sent(1, "x")}
    assert copying.maybe_same(source, there, before) == ["a"]


def test_only_the_rows_and_columns_that_are_asked_for_leave_object_storage(
    bucket: str, made: Path, tmp_path: Path
) -> None:
    copy_store(made, f"{bucket}/p")
    copy = opened(f"{bucket}/p", tmp_path)
    everything = rows(opened(made, tmp_path))
    account = everything["account"][0].as_py()
    wanted = (pc.field("account") == account) & pc.field("prefix_key").is_null()
    with session(spill=copy.spill) as backend:
        table = copy.requests(backend)
        some = table.filter((table.account == account) & table.prefix_key.isnull())
        keys = some.order_by("request_key").request_key.to_pyarrow()
        ((_, plan),) = backend.con.sql(f"EXPLAIN {backend.compile(some.request_key)}").fetchall()
    assert abs(account) > 2**53  # more digits than a float has
    assert keys.to_pylist() == everything.filter(wanted)["request_key"].to_pylist() != []
    assert "Projections: request_key" in plan
    assert '"account" = ' in plan
