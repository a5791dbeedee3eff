"""The sketch store: a folder of days that survives interruption and counts every request once.

    format.json                     version of the layout and fingerprint of the key
    lock                            held by the process that works in the folder
    journal.jsonl                   what has been taken in: one line a part
    names/*.parquet                 account key to account id
    incoming/2026-04-22/*.parquet   parts as they were read
    days/2026-04-22.parquet         sealed days: every request once, sorted by account and time
    copy.json                       in a copy only: whether it is whole, and what was brought

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
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError, told_by
from stillwatch.lock import hold
from stillwatch.place import Place, replace, sync
from stillwatch.sealed import (
    COPIED,
    FORMAT,
    JOURNAL,
    LAYOUT,
    Format,
    SealedStore,
    Taken,
    need_whole,
)
from stillwatch.sealing import DAY, day_name, seal_days

if TYPE_CHECKING:
    from collections.abc import Iterator

PART_ROWS = 262_144
"""Rows that are gathered before a part is written: about 100 MB in memory."""

_FOLDERS = ("incoming", "days", "names")


@dataclass(frozen=True)
class SketchStore(SealedStore):
    """A store in a folder of this machine; open it with `SketchStore.open`."""

    @classmethod
    def open(cls, path: Path, key_fingerprint: str) -> SketchStore:
        """Open a store, or make an empty one; drop what an interrupted run left unjournalled.

        Args:
            path: its folder, which this process holds until it ends.
            key_fingerprint: of the key that the sketches are made with.

        Raises:
            InputError: the folder holds sketches of another key or layout, another process works
                in it, half of a copy lies there, or it cannot be written.
        """
        store = cls(Place.of(path), path / "spill")
        with plain_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            hold(path / "lock")
            store._begin(Format(LAYOUT, key_fingerprint))
            for folder in _FOLDERS:
                (path / folder).mkdir(exist_ok=True)
            store._heal_journal()
            store._drop_unjournalled()
        return store

    @property
    def path(self) -> Path:
        """The store's folder."""
        return Path(self.place.name)

    def clear(self) -> None:
        """Forget everything that was taken in."""
        with plain_errors(self.path):
            (self.path / JOURNAL).unlink(missing_ok=True)
            (self.path / COPIED).unlink(missing_ok=True)
            for folder in _FOLDERS:
                shutil.rmtree(self.path / folder)
                (self.path / folder).mkdir()

    def add(self, sketches: pa.Table, names: pa.Table, taken: Taken) -> None:
        """Write a part, split by day, then promise it in the journal.

        Args:
            sketches: in `SKETCHES`.
            names: in `NAMES`, each account at least once.
            taken: what the journal will say.

        Raises:
            InputError: the disk is full, or the folder cannot be written.
        """
        with plain_errors(self.path):
            write_part(self.path, taken.part, sketches, names)
            self.promise(taken)

    def adopt(self, folder: Path, part: str, taken: Taken) -> None:
        """Move a part in that somebody else wrote by `write_part`, and promise it.

        Args:
            folder: where it was written, on the file system of the store.
            part: its name there.
            taken: what the journal will say.

        Raises:
            InputError: the folder cannot be written.
        """
        with plain_errors(self.path):
            for file in sorted([*folder.glob(f"incoming/*/{part}.parquet"), folder / _names(part)]):
                target = self.path / file.relative_to(folder).with_stem(taken.part)
                target.parent.mkdir(exist_ok=True)
                file.replace(target)
            self.promise(taken)

    def promise(self, taken: Taken) -> None:
        """Write in the journal that something lies in the folder."""
        # with sketches of its own the store is no copy of another any more
        (self.path / COPIED).unlink(missing_ok=True)
        with (self.path / JOURNAL).open("ab") as journal:
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
        with plain_errors(self.path):
            seal_days(self.path, memory=memory)

    def _begin(self, form: Format) -> None:
        need_whole(self.place)
        if (self.path / FORMAT).exists():
            self.check_format(form)
        else:
            replace(self.path / FORMAT, msgspec.json.encode(form))

    def _heal_journal(self) -> None:
        path = self.path / JOURNAL
        if path.exists() and not (data := path.read_bytes()).endswith(b"\n"):
            replace(path, data[: data.rfind(b"\n") + 1])

    def _drop_unjournalled(self) -> None:
        known = {entry.part for entry in self.taken()}
        for file in [*self.path.glob("incoming/*/*.parquet"), *self.path.glob("names/*.parquet")]:
            if file.stem not in known:
                file.unlink()
        # an empty journal promises no day either: what lies there is left of an interrupted `clear`
        for file in self.path.glob("days/*.partial" if known else "days/*"):
            file.unlink()
        shutil.rmtree(self.path / "spill", ignore_errors=True)


def write_part(folder: Path, part: str, sketches: pa.Table, names: pa.Table) -> None:
    """Write a part, split by day.

    Args:
        folder: of a store, or of what a store will adopt.
        part: its name.
        sketches: in `SKETCHES`.
        names: in `NAMES`, each account at least once.
    """
    for day, rows in _by_day(sketches):
        (folder / "incoming" / day).mkdir(parents=True, exist_ok=True)
        _write(rows, folder / "incoming" / day / f"{part}.parquet")
    (folder / "names").mkdir(exist_ok=True)
    _write(names, folder / _names(part))


def _names(part: str) -> str:
    return f"names/{part}.parquet"


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


def _write(table: pa.Table, path: Path) -> None:
    """Write quickly: parts are read once and written again when their day is sealed."""
    pq.write_table(table, path, compression="lz4", use_dictionary=["model", "access_path"])
    sync(path)


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Say in plain words what the disk or the engine could not do."""
    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise InputError(
            f"the sketches cannot be written: {told_by(error)}; make room or mend the folder's "
            "permissions, then run the same command again: it goes on from there",
            file=str(path),
        ) from error
