"""The sketch store: a folder of days that survives interruption and counts every request once.

    format.json                     version of the layout and fingerprint of the key
    lock                            held by the process that works in the folder
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
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.lock import hold
from stillwatch.schema import SKETCHES
from stillwatch.sealing import DAY, day_name, literals, seal_days, sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stillwatch.engine import Backend

LAYOUT = 1
PART_ROWS = 262_144
"""Rows that are gathered before a part is written: about 100 MB in memory."""

_FOLDERS = ("incoming", "days", "names")

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
    """A store in `path`; open it with `SketchStore.open`."""

    path: Path

    @classmethod
    def open(cls, path: Path, key_fingerprint: str) -> SketchStore:
        """Open a store, or make an empty one; drop what an interrupted run left unjournalled.

        Args:
            path: its folder, which this process holds until it ends.
            key_fingerprint: of the key that the sketches are made with.

        Raises:
            InputError: the folder holds sketches of another key or layout, another process works
                in it, or it cannot be written.
        """
        store = cls(path)
        with _plain_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            hold(path / "lock")
            store._check_format(_Format(LAYOUT, key_fingerprint))
            for folder in _FOLDERS:
                (path / folder).mkdir(exist_ok=True)
            store._heal_journal()
            store._drop_unjournalled()
        return store

    def clear(self) -> None:
        """Forget everything that was taken in."""
        with _plain_errors(self.path):
            (self.path / "journal.jsonl").unlink(missing_ok=True)
            for folder in _FOLDERS:
                shutil.rmtree(self.path / folder)
                (self.path / folder).mkdir()

    def taken(self) -> list[Taken]:
        """The journal: every part taken in, in order. A torn last line is what a kill left.

        Raises:
            InputError: the journal is damaged.
        """
        path = self.path / "journal.jsonl"
        if not path.exists():
            return []
        entries = []
        for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
            try:
                entries.append(msgspec.json.decode(line, type=Taken))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                raise InputError(
                    "this line of the journal is damaged; remove the folder and scan again",
                    file=str(path),
                    line=number,
                ) from None
        return entries

    def duplicates(self) -> int:
        """Requests that came more than once: what was taken in less what the sealed days hold."""
        taken = sum(entry.requests for entry in self.taken())
        kept: int = sum(pq.read_metadata(file).num_rows for file in self._day_files())
        return taken - kept

    def add(self, sketches: pa.Table, names: pa.Table, taken: Taken) -> None:
        """Write a part, split by day, then promise it in the journal.

        Args:
            sketches: in `SKETCHES`.
            names: in `NAMES`, each account at least once.
            taken: what the journal will say.

        Raises:
            InputError: the disk is full, or the folder cannot be written.
        """
        with _plain_errors(self.path):
            for day, rows in _by_day(sketches):
                folder = self.path / "incoming" / day
                folder.mkdir(exist_ok=True)
                _write_part(rows, folder / f"{taken.part}.parquet")
            _write_part(names, self.path / "names" / f"{taken.part}.parquet")
            self.promise(taken)

    def promise(self, taken: Taken) -> None:
        """Write in the journal that something lies in the folder."""
        with (self.path / "journal.jsonl").open("ab") as journal:
            journal.write(msgspec.json.encode(taken) + b"\n")
            journal.flush()
            os.fsync(journal.fileno())

    def seal(self, *, memory: str = "4GB") -> None:
        """Merge what came in into the days it belongs to: each request once, in a fixed order.

        Interrupted at any point, sealing again gives the same days: a part that is merged twice
        adds no row.

        Args:
            memory: most that the engine may take; it spills into the store's folder.

        Raises:
            InputError: the disk is full, or the folder cannot be written.
        """
        with _plain_errors(self.path):
            seal_days(self.path, memory=memory)

    def requests(self, backend: Backend) -> Backend:
        """All sealed requests as an Ibis table in `SKETCHES` form."""
        files = literals(self._day_files())
        if not files:
            return backend.create_table("requests", schema=SKETCHES, temp=True, overwrite=True)
        return backend.read_parquet(files, table_name="requests", hive_partitioning=False)

    def days(self) -> list[str]:
        """The sealed days, as RFC 3339 dates, in order."""
        return [file.stem for file in self._day_files()]

    def names(self) -> pa.Table:
        """Account keys and ids (`NAMES`), one row an account, ordered by id."""
        files = sorted((self.path / "names").glob("*.parquet"))
        tables = [NAMES.empty_table(), *(pq.read_table(file, schema=NAMES) for file in files)]
        return _distinct(pa.concat_tables(tables)).sort_by("account_id")

    def _day_files(self) -> list[Path]:
        return sorted((self.path / "days").glob("*.parquet"))

    def _check_format(self, expected: _Format) -> None:
        marker = self.path / "format.json"
        if not marker.exists():
            _replace(marker, msgspec.json.encode(expected))
            return
        try:
            found = msgspec.json.decode(marker.read_bytes(), type=_Format)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise InputError(
                "this is not what Stillwatch wrote; scan into another folder", file=str(marker)
            ) from None
        if found.layout != expected.layout:
            raise InputError(
                f"these sketches have layout {found.layout}, this version reads "
                f"{expected.layout}; scan into another folder",
                file=str(self.path),
            )
        if found.key != expected.key:
            raise InputError(
                "these sketches were made with another key, so new ones cannot be joined to "
                "them; use that key or scan into another folder",
                file=str(self.path),
            )

    def _heal_journal(self) -> None:
        path = self.path / "journal.jsonl"
        if path.exists() and not (data := path.read_bytes()).endswith(b"\n"):
            _replace(path, data[: data.rfind(b"\n") + 1])

    def _drop_unjournalled(self) -> None:
        known = {entry.part for entry in self.taken()}
        for file in [*self.path.glob("incoming/*/*.parquet"), *self.path.glob("names/*.parquet")]:
            if file.stem not in known:
                file.unlink()
        # an empty journal promises no day either: what lies there is left of an interrupted `clear`
        for file in self.path.glob("days/*.partial" if known else "days/*"):
            file.unlink()
        shutil.rmtree(self.path / "spill", ignore_errors=True)


def _by_day(sketches: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Rows by UTC day, which is named as an RFC 3339 date."""
    moments = sketches.column("timestamp").cast(pa.int64()).to_numpy()
    days = moments // DAY
    order = np.argsort(days, kind="stable")
    values, starts = np.unique(days[order], return_index=True)
    if len(values) > 1:
        sketches = sketches.take(pa.array(order))
    bounds = pairwise([*starts, len(days)])
    for value, (start, stop) in zip(values, bounds, strict=True):
        yield day_name(int(value)), sketches.slice(start, stop - start)


def _write_part(table: pa.Table, path: Path) -> None:
    """Write quickly: parts are read once and written again when their day is sealed."""
    pq.write_table(table, path, compression="lz4", use_dictionary=["model", "access_path"])
    sync(path)


def _distinct(names: pa.Table) -> pa.Table:
    return names.group_by(NAMES.names).aggregate([])


def _replace(path: Path, data: bytes) -> None:
    """Replace a small file as a whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(data)
    sync(partial)
    partial.replace(path)


@contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    """Say in plain words what the disk or the engine could not do."""
    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise InputError(
            f"the sketches cannot be written: {reason}; make room or mend the folder's "
            "permissions, then run the same command again: it goes on from there",
            file=str(path),
        ) from error
