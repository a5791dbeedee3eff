from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import store as module
from stillwatch.engine import session
from stillwatch.errors import InputError
from stillwatch.schema import N_BANDS, N_TOKENS, SKETCHES
from stillwatch.sealed import NAMES, Position, Taken
from stillwatch.store import SketchStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DAY = 86_400_000_000
START = 20_454 * DAY  # 2026-01-01
FINGERPRINT = "0123456789abcdef"

Rows = list[tuple[int, int, int]]
"""Request, account, microseconds since `START`."""


def sketches(rows: Rows, model: str = "m") -> pa.Table:
    n = len(rows)
    request, account, moment = zip(*rows, strict=True) if rows else [(), (), ()]
    known: dict[str, Any] = {
        "request_key": request,
        "account": account,
        "timestamp": [START + at for at in moment],
        "model": [model] * n,
        "bands": [[key] * N_BANDS for key in request],
        "tokens": [[1] * N_TOKENS] * n,
    }
    columns = []
    for field in SKETCHES:
        usual = None if field.nullable else 0
        columns.append(pa.array(list(known.get(field.name, [usual] * n)), field.type))
    return pa.Table.from_arrays(columns, schema=SKETCHES)


def names(rows: Rows) -> pa.Table:
    accounts = [account for _, account, _ in rows]
    return pa.table({"account": accounts, "account_id": [f"a{a}" for a in accounts]}, schema=NAMES)


def taken(number: int, rows: Rows) -> Taken:
    position = Position("12-ab", 10 * number, complete=False)
    return Taken(f"{number:06d}", (position,), len(rows), 0, 0, ("status",))


def open_store(path: Path) -> SketchStore:
    return SketchStore.open(path / "sketches", FINGERPRINT)


def fill(path: Path, parts: Iterable[Rows], *, seal_each: bool = False) -> SketchStore:
    store = open_store(path)
    for number, rows in enumerate(parts, start=len(store.taken())):
        store.add(sketches(rows), names(rows), taken(number, rows))
        if seal_each:
            store.seal()
    store.seal()
    return store


def digests(store: SketchStore) -> dict[str, str]:
    files = sorted((store.path / "days").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def some_rows(n: int, seed: int = 0) -> Rows:
    drawn = np.random.default_rng(seed).integers(0, 3 * DAY, (n, 2)).tolist()
    return [(i + 1, 1 + account % 50, moment) for i, (account, moment) in enumerate(drawn)]


def test_days_hold_every_request_once_in_order(tmp_path: Path) -> None:
    rows = some_rows(500)
    store = fill(tmp_path, [rows[:300], rows[200:]])
    assert store.days() == ["2026-01-01", "2026-01-02", "2026-01-03"]
    found = []
    for number, day in enumerate(store.days()):
        table = pq.read_table(store.path / "days" / f"{day}.parquet")
        assert table.schema.equals(SKETCHES) or table.column_names == SKETCHES.names
        keys = zip(
            table["account"].to_pylist(),
            (table["timestamp"].cast(pa.int64()).to_numpy() - START).tolist(),
            table["request_key"].to_pylist(),
            strict=True,
        )
        ordered = list(keys)
        assert ordered == sorted(ordered)
        assert all(number * DAY <= at < (number + 1) * DAY for _, at, _ in ordered)
        found += ordered
    assert sorted((r, a, t) for a, t, r in found) == rows
    assert store.duplicates() == 100
    assert not list((store.path / "incoming").iterdir())


def test_the_order_of_arrival_leaves_no_trace(tmp_path: Path) -> None:
    rows = some_rows(400)
    shuffled = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    one = fill(tmp_path / "one", [rows])
    other = fill(tmp_path / "other", [shuffled[:7], shuffled[7:200], [], shuffled[200:]])
    each = fill(tmp_path / "each", [shuffled[300:], shuffled[:300]], seal_each=True)
    assert digests(one) == digests(other) == digests(each)


def test_many_row_groups_are_in_order_too(tmp_path: Path) -> None:
    chance = np.random.default_rng(2)
    n = 300_000
    keys = chance.permutation(n) + 1
    moments, accounts = chance.integers(0, DAY, n), chance.integers(0, 900, n)
    seen = []
    for name, order in (("one", np.arange(n)), ("other", chance.permutation(n))):
        table = sketches([(1, 1, 0)]).take(pa.array(np.zeros(n, np.int64)))
        for column, values in (("request_key", keys), ("account", accounts)):
            place = table.schema.get_field_index(column)
            table = table.set_column(place, SKETCHES.field(column), pa.array(values[order]))
        place = table.schema.get_field_index("timestamp")
        stamps = pa.array(moments[order] + START).cast(SKETCHES.field("timestamp").type)
        table = table.set_column(place, SKETCHES.field("timestamp"), stamps)
        store = open_store(tmp_path / name)
        store.add(table, names([]), taken(0, []))
        store.seal()
        assert pq.read_metadata(store.path / "days" / "2026-01-01.parquet").num_row_groups > 1
        seen.append(digests(store))
    assert seen[0] == seen[1]


def test_of_requests_that_differ_under_one_id_the_same_one_is_kept(tmp_path: Path) -> None:
    tables = [sketches([(1, 1, 5), (2, 1, 9)], model) for model in ("b", "a", "c")]
    kept = set()
    for number, order in enumerate(itertools.permutations(tables)):
        store = open_store(tmp_path / str(number))
        for part, table in enumerate(order):
            store.add(table, names([]), taken(part, [(1, 1, 5), (2, 1, 9)]))
        store.seal()
        kept.add(tuple(digests(store).values()))
        assert store.duplicates() == 4
    assert len(kept) == 1


def test_a_request_that_came_under_several_days_is_counted_on_the_first(tmp_path: Path) -> None:
    early, late = [(7, 1, DAY - 1), (1, 1, 5)], [(7, 1, DAY + 1), (2, 1, DAY + 5)]
    only_late = [(7, 1, 2 * DAY + 9)]
    orders = itertools.permutations([early, late, only_late])
    stores = [
        fill(tmp_path / f"{i}{each}", order, seal_each=each)
        for i, order in enumerate(orders)
        for each in (False, True)
    ]
    assert stores[0].days() == ["2026-01-01", "2026-01-02"]
    assert [store.duplicates() for store in stores] == [2] * 12
    assert all(digests(store) == digests(stores[0]) for store in stores)


def test_late_data_merges_into_a_sealed_day(tmp_path: Path) -> None:
    rows = some_rows(300)
    store = fill(tmp_path / "late", [rows[:150]])
    before = digests(store)
    again = fill(tmp_path / "late", [rows[100:]])
    assert digests(again) != before
    assert digests(again) == digests(fill(tmp_path / "whole", [rows]))
    assert again.duplicates() == 50


def test_names_are_one_row_an_account(tmp_path: Path) -> None:
    store = fill(tmp_path, [[(1, 7, 0), (2, 3, 0)], [(3, 7, 0), (4, 10, 0)]])
    assert store.names().to_pydict() == {"account": [10, 3, 7], "account_id": ["a10", "a3", "a7"]}
    assert open_store(tmp_path / "empty").names().schema.equals(NAMES)


@pytest.mark.parametrize("folder", ["plain", "dt=2026-01-01", "model=x", "odd [1] *?", "it's"])
def test_requests_are_queried_wherever_the_folder_lies(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    store = fill(tmp_path / folder, [some_rows(60), some_rows(80)])
    with session(spill=tmp_path / "spill") as backend:
        table = store.requests(backend)
        assert list(table.columns) == SKETCHES.names
        assert table.count().to_pyarrow().as_py() == 80
        assert set(table.model.to_pyarrow().to_pylist()) == {"m"}


def test_an_empty_store_is_queried_too(tmp_path: Path) -> None:
    store = fill(tmp_path, [])
    assert store.days() == []
    with session(spill=tmp_path / "spill") as backend:
        table = store.requests(backend)
        assert list(table.columns) == SKETCHES.names
        assert table.count().to_pyarrow().as_py() == 0


def test_what_the_journal_does_not_name_is_dropped(tmp_path: Path) -> None:
    store = fill(tmp_path, [some_rows(50)])
    before = digests(store)
    for leftover in ("incoming/2026-01-01", "names"):
        (store.path / leftover).mkdir(exist_ok=True)
        pq.write_table(sketches(some_rows(5)), store.path / leftover / "000009.parquet")
    (store.path / "days" / "2026-01-01.partial").write_bytes(b"half")
    (store.path / "spill").mkdir()
    with (store.path / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"part":"000009","posi')
    again = fill(tmp_path, [])
    assert digests(again) == before
    assert [entry.part for entry in again.taken()] == ["000000"]
    assert len(again.names()) == len({account for _, account, _ in some_rows(50)})
    assert not (store.path / "spill").exists()
    after = fill(tmp_path, [some_rows(60)])
    assert [entry.part for entry in after.taken()] == ["000000", "000001"]


def test_a_torn_line_is_no_promise(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.add(sketches(some_rows(5)), names(some_rows(5)), taken(0, some_rows(5)))
    journal = store.path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-1])
    assert store.taken() == []
    assert open_store(tmp_path).taken() == []
    assert journal.read_bytes() == b""


def test_a_cleared_store_forgets_even_if_clearing_was_interrupted(tmp_path: Path) -> None:
    store = fill(tmp_path, [some_rows(50)])
    (store.path / "journal.jsonl").unlink()  # what `clear` does first
    assert fill(tmp_path, []).days() == []
    store = fill(tmp_path, [some_rows(50)])
    store.clear()
    assert store.days() == []
    assert store.taken() == []
    assert len(store.names()) == store.duplicates() == 0


def test_another_key_or_layout_is_refused(tmp_path: Path) -> None:
    store = fill(tmp_path, [some_rows(5)])
    before = digests(store)
    with pytest.raises(InputError, match=r"made with another key.*scan into another folder"):
        SketchStore.open(store.path, "fedcba9876543210")
    (store.path / "format.json").write_text(f'{{"layout":99,"key":"{FINGERPRINT}"}}')
    with pytest.raises(InputError, match="have layout 99, this version reads 1"):
        open_store(tmp_path)
    (store.path / "format.json").write_text("mine")
    with pytest.raises(InputError, match="not what Stillwatch wrote"):
        open_store(tmp_path)
    assert digests(store) == before


def test_a_damaged_journal_says_where(tmp_path: Path) -> None:
    store = fill(tmp_path, [some_rows(5)])
    journal = store.path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b"\x80\n")
    with pytest.raises(InputError, match=r"journal.jsonl:2: this line of the journal is damaged"):
        open_store(tmp_path)


def test_a_file_in_the_way_is_said_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "sketches").write_text("a note of mine")
    with pytest.raises(InputError, match=r"cannot be written: .*run the same command again"):
        open_store(tmp_path)
    assert (tmp_path / "sketches").read_text() == "a note of mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_in_plain_words(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written: Permission denied"):
        open_store(tmp_path)


def test_a_full_disk_is_said_in_plain_words_and_promises_nothing(tmp_path: Path) -> None:
    # writing to /dev/full fails as a full disk does
    store = open_store(tmp_path)
    rows = some_rows(5)
    (store.path / "names" / "000000.parquet").symlink_to("/dev/full")
    with pytest.raises(InputError, match="No space left on device; make room"):
        store.add(sketches(rows), names(rows), taken(0, rows))
    assert store.taken() == []
    assert fill(tmp_path, [rows]).duplicates() == 0


def test_a_disk_that_fills_up_while_a_day_is_sealed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    rows = some_rows(200)
    store.add(sketches(rows), names(rows), taken(0, rows))
    partial = store.path / "days" / "2026-01-02.partial"
    partial.mkdir()
    (partial / "in the way").touch()
    with pytest.raises(InputError, match="the sketches cannot be written"):
        store.seal()
    (partial / "in the way").unlink()
    partial.rmdir()
    assert digests(fill(tmp_path, [])) == digests(fill(tmp_path / "whole", [rows]))


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert open_store(tmp_path) == store  # the same process may
    code = (
        "from pathlib import Path; from stillwatch.store import SketchStore; import sys\n"
        f"SketchStore.open(Path(sys.argv[1]), {FINGERPRINT!r})"
    )
    run = [sys.executable, "-c", code, str(store.path)]
    refused = subprocess.run(run, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "another Stillwatch is at work in this folder" in refused.stderr


def test_a_day_is_named_for_utc_also_before_1970(tmp_path: Path) -> None:
    moments = [-START - 1, -1, 0, DAY - 1, DAY]
    rows = [(i + 1, 1, at) for i, at in enumerate(moments)]
    assert [(day, len(part)) for day, part in module._by_day(sketches(rows))] == [
        ("1969-12-31", 1),
        ("2025-12-31", 1),
        ("2026-01-01", 2),
        ("2026-01-02", 1),
    ]
