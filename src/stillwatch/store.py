"""The sketch store: a folder of days that survives interruption and counts every request once.

    format.json                     version of the layout and fingerprint of the key
    journal.jsonl                   what has been taken in: one line a part
    names/*.parquet                 account key to account id
    incoming/2026-04-22/*.parquet   parts as they were read
    days/2026-04-22.parquet         sealed days: every request once, sorted by account and time

A part counts once the journal names it, so a kill at any moment loses nothing that the journal
promised and counts nothing twice. Sealing sorts, so the order in which lines or files arrived
leaves no trace in the result.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.engine import Backend, connect
from stillwatch.errors import InputError
from stillwatch.schema import SKETCHES

LAYOUT = 1
PART_ROWS = 262_144
"""Rows that are gathered before a part is written: about 100 MB in memory."""

NAMES = pa.schema([pa.field("account", pa.int64()), pa.field("account_id", pa.string())])


class Position(msgspec.Struct, frozen=True):
    """How far a source, named by its content's fingerprint, has been read."""

    source: str
    records: int
    complete: bool


class Taken(msgspec.Struct, frozen=True):
    """One journal line: a part, and how far its sources had been read when it was written.

    Attributes:
        part: the part's name, unique in the store.
        positions: of every source that has rows in this part.
        requests: rows in the part.
        rejected: records that this stretch of the log lost to rejection.
        rejected_bytes: length of the rejection file after this part.
        columns: optional request columns that carried a value in this part.
    """

    part: str
    positions: tuple[Position, ...]
    requests: int
    rejected: int
    rejected_bytes: int
    columns: tuple[str, ...]


class _Format(msgspec.Struct, frozen=True):
    layout: int
    key: str


@dataclass(frozen=True)
class SketchStore:
    """A store in `path`, made with a key of this fingerprint."""

    path: Path

    @classmethod
    def open(cls, path: Path, key_fingerprint: str) -> SketchStore:
        """Open a store, or make an empty one; drop what an interrupted run left unjournalled.

        Raises:
            InputError: the folder holds sketches of another key or another layout.
        """
        marker = path / "format.json"
        if marker.exists():
            found = msgspec.json.decode(marker.read_bytes(), type=_Format)
            if found.layout != LAYOUT:
                raise InputError(
                    f"these sketches have layout {found.layout}, this version reads {LAYOUT}; "
                    "scan into another folder",
                    file=str(path),
                )
            if found.key != key_fingerprint:
                raise InputError(
                    "these sketches were made with another key, so new ones cannot be joined to "
                    "them; use that key or scan into another folder",
                    file=str(path),
                )
        else:
            for folder in ("incoming", "days", "names"):
                (path / folder).mkdir(parents=True, exist_ok=True)
            _write(marker, msgspec.json.encode(_Format(LAYOUT, key_fingerprint)))
        store = cls(path)
        store._drop_unjournalled()
        return store

    def clear(self) -> None:
        """Forget everything that was taken in."""
        (self.path / "journal.jsonl").unlink(missing_ok=True)
        for folder in ("incoming", "days", "names"):
            shutil.rmtree(self.path / folder)
            (self.path / folder).mkdir()

    def taken(self) -> list[Taken]:
        """The journal: every part taken in, in order. A torn last line is what a kill left."""
        path = self.path / "journal.jsonl"
        if not path.exists():
            return []
        lines = path.read_bytes().split(b"\n")
        return [msgspec.json.decode(line, type=Taken) for line in lines[:-1]]

    def duplicates(self) -> int:
        """Requests that came more than once: what was taken in less what the sealed days hold."""
        taken = sum(entry.requests for entry in self.taken())
        kept = sum(pq.read_metadata(file).num_rows for file in self._day_files())
        return taken - kept

    def add(self, sketches: pa.Table, names: pa.Table, taken: Taken) -> None:
        """Write a part, split by day, then promise it in the journal."""
        day = pc.strftime(sketches.column("timestamp"), format="%Y-%m-%d")
        by_day = sketches.append_column("day", day)
        for value in sorted(pc.unique(day).to_pylist()):
            part = by_day.filter(pc.equal(by_day.column("day"), value)).drop_columns("day")
            folder = self.path / "incoming" / value
            folder.mkdir(exist_ok=True)
            pq.write_table(part, folder / f"{taken.part}.parquet", compression="zstd")
        pq.write_table(names, self.path / "names" / f"{taken.part}.parquet", compression="zstd")
        with (self.path / "journal.jsonl").open("ab") as journal:
            journal.write(msgspec.json.encode(taken) + b"\n")
            journal.flush()
            os.fsync(journal.fileno())

    def seal(self, *, memory: str = "4GB") -> None:
        """Merge what came in into the days it belongs to: each request once, in a fixed order.

        Interrupted at any point, sealing again gives the same days: a part that is merged twice
        adds no row.
        """
        days = sorted(folder for folder in (self.path / "incoming").iterdir() if folder.is_dir())
        if not days:
            return
        backend = connect(memory=memory, spill=self.path / "spill")
        try:
            for folder in days:
                self._seal_day(backend, folder)
        finally:
            backend.disconnect()
            shutil.rmtree(self.path / "spill", ignore_errors=True)

    def requests(self, backend: Backend) -> object:
        """All sealed requests as an Ibis table in `SKETCHES` form."""
        return backend.read_parquet(str(self.path / "days" / "*.parquet"), table_name="requests")

    def days(self) -> list[str]:
        """The sealed days, as RFC 3339 dates, in order."""
        return [file.stem for file in self._day_files()]

    def names(self) -> pa.Table:
        """Account keys and ids (`NAMES`), one row an account, ordered by id."""
        files = sorted((self.path / "names").glob("*.parquet"))
        if not files:
            return NAMES.empty_table()
        table = pa.concat_tables([pq.read_table(file, schema=NAMES) for file in files])
        return table.group_by(["account", "account_id"]).aggregate([]).sort_by("account_id")

    def _day_files(self) -> list[Path]:
        return sorted((self.path / "days").glob("*.parquet"))

    def _seal_day(self, backend: Backend, folder: Path) -> None:
        target = self.path / "days" / f"{folder.name}.parquet"
        partial = target.with_suffix(".partial")
        parts = [str(file) for file in sorted(folder.glob("*.parquet"))]
        sources = [*parts, str(target)] if target.exists() else parts
        columns = ", ".join(SKETCHES.names)
        # DuckDB's own SQL, not Ibis: this writes files, and only this engine seals days
        backend.con.execute(
            f"COPY (SELECT {columns} FROM read_parquet(?) "
            f"QUALIFY row_number() OVER (PARTITION BY request_key ORDER BY {_IDENTITY}) = 1 "
            f"ORDER BY account, timestamp, request_key) "
            f"TO '{_quoted(partial)}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)",
            [sources],
        )
        partial.replace(target)
        shutil.rmtree(folder)

    def _drop_unjournalled(self) -> None:
        known = {entry.part for entry in self.taken()}
        self._heal_journal()
        for file in (self.path / "incoming").rglob("*.parquet"):
            if file.stem not in known:
                file.unlink()
        for file in (self.path / "names").glob("*.parquet"):
            if file.stem not in known:
                file.unlink()
        for file in (self.path / "days").glob("*.partial"):
            file.unlink()

    def _heal_journal(self) -> None:
        path = self.path / "journal.jsonl"
        if path.exists() and not (data := path.read_bytes()).endswith(b"\n"):
            _write(path, data[: data.rfind(b"\n") + 1])


_IDENTITY = ", ".join(
    name for name in SKETCHES.names if name not in {"request_key", "bands", "tokens"}
)
"""Orders rows of one request id that differ, so that the same one is kept every time."""


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _write(path: Path, data: bytes) -> None:
    """Replace a small file as a whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(data)
    partial.replace(path)
