from __future__ import annotations

import weakref
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.engine import connect, held, parse_size, session, with_room
from stillwatch.errors import InputError, UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GB", 4 * 10**9),
        ("512MiB", 512 * 2**20),
        (" 1.5 gb ", 1_500_000_000),
        ("64k", 64_000),
        ("2Ti", 2 * 2**40),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "4", "GB", "-1GB", "4 PB", "1e3MB", "4GBx", "0GB", "٤GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write it like 4GB"):
        parse_size(text)


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_a_usage_error(text: str) -> None:
    try:
        size = parse_size(text)
    except UsageError:
        return
    assert size > 0


def test_the_engine_keeps_to_its_memory_and_spill_folder(tmp_path: Path) -> None:
    backend = connect(memory="256MiB", spill=tmp_path / "spill")
    try:
        limit, folder = (
            backend.con.execute(f"SELECT current_setting('{name}')").fetchall()[0][0]
            for name in ("memory_limit", "temp_directory")
        )
    finally:
        backend.disconnect()
    assert limit == "256.0 MiB"
    assert folder == str(tmp_path / "spill")


def fail_in_a_session(spill: Path) -> None:
    with session(spill=spill) as backend:
        spill.mkdir(exist_ok=True)
        (spill / "left").touch()
        backend.con.execute("CREATE TEMP TABLE t AS SELECT 1")
        raise RuntimeError("stop")


def test_a_session_cleans_up_even_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"):
        fail_in_a_session(tmp_path / "spill")
    assert not (tmp_path / "spill").exists()


def test_a_table_in_memory_is_let_go(tmp_path: Path) -> None:
    with session(spill=tmp_path / "spill") as backend:
        table = pa.table({"a": [1, 2, 3]})
        known = weakref.ref(table)
        with held(backend, table) as read:
            assert read.a.sum().to_pyarrow().as_py() == 6
        views = "SELECT count(*) FROM duckdb_views() WHERE NOT internal"
        assert backend.con.execute(views).fetchone() == (0,)
        del table
        assert known() is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_is_said_in_plain_words(tmp_path: Path) -> None:
    full = Path("/dev/full")
    with pytest.raises(InputError, match="no room"), with_room(tmp_path), full.open("wb") as file:
        file.write(b"anything")


def test_an_engine_without_room_is_said_in_plain_words(tmp_path: Path) -> None:
    with session(memory="32MB", spill=tmp_path / "spill") as backend:
        backend.con.execute("SET max_temp_directory_size = '1MB'")
        with pytest.raises(InputError, match="no room"), with_room(tmp_path / "spill"):
            backend.con.execute("CREATE TABLE t AS SELECT hash(range) AS a FROM range(50_000_000)")


def test_other_errors_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), with_room(tmp_path):
        (tmp_path / "missing").read_bytes()
