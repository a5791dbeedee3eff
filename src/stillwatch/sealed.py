"""What a scan reads of a sketch store, wherever it lies: journal, names and sealed days.

Files of a store that is sealed do not change by themselves. Where several machines see it, somebody
may still replace it meanwhile: `SealedStore.reading` notices.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stillwatch.engine import read_parquet
from stillwatch.errors import InputError
from stillwatch.place import reason
from stillwatch.schema import SKETCHES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import ibis.expr.types as ir

    from stillwatch.engine import Backend
    from stillwatch.place import Item, Place

LAYOUT = 1

FORMAT, JOURNAL, COPIED = "format.json", "journal.jsonl", "copy.json"

_TABLE = "requests"
"""Name of the sealed days in an engine."""

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


class Format(msgspec.Struct, frozen=True):
    """Version of a store's layout, and fingerprint of the key that its sketches are made with."""

    layout: int
    key: str


class Sent(msgspec.Struct, frozen=True):
    """A file that a copy has brought: its bytes, and SHA-256 of its content."""

    size: int
    sha256: str


class Copied(msgspec.Struct, frozen=True):
    """What a copy says of itself in `COPIED`; a store that was made where it lies has no such file.

    Attributes:
        whole: whether all of the store is there; false from before the first change to after the
            last.
        format: of the store that is copied.
        files: what is there by now.
    """

    whole: bool
    format: Format
    files: dict[str, Sent]


@dataclass(frozen=True)
class SealedStore:
    """A store that is read and not changed.

    Attributes:
        place: where it lies.
        spill: folder of this machine for what an engine cannot hold while it reads.
    """

    place: Place
    spill: Path

    @classmethod
    def read_only(cls, place: Place, key_fingerprint: str, *, spill: Path) -> SealedStore:
        """Open a store without a lock and without writing to it.

        Args:
            place: where it lies.
            key_fingerprint: of the key that the sketches are made with.
            spill: folder of this machine for what an engine cannot hold.

        Raises:
            InputError: there is none, it is of another key or layout, it has parts that are not
                sealed, it was copied by half, or it cannot be reached.
        """
        store = cls(place, spill)
        need_sketches(place)
        store.check_format(Format(LAYOUT, key_fingerprint))
        store.check_sealed()
        return store

    def taken(self) -> list[Taken]:
        """The journal: every part taken in, in order. A torn last line is what a kill left.

        Raises:
            InputError: the journal is damaged.
        """
        entries = []
        for number, line in enumerate((self.place.read(JOURNAL) or b"").split(b"\n")[:-1], start=1):
            try:
                entries.append(msgspec.json.decode(line, type=Taken))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                raise InputError(
                    "this line of the journal is damaged; remove the folder and scan again",
                    file=self._named(JOURNAL),
                    line=number,
                ) from None
        return entries

    def duplicates(self) -> int:
        """Requests that came more than once: what was taken in less what the sealed days hold."""
        taken = sum(entry.requests for entry in self.taken())
        with self.place.plain():
            kept: int = sum(
                pq.read_metadata(self.place.path(day), filesystem=self.place.files).num_rows
                for day in self.day_files()
            )
        return taken - kept

    def requests(self, backend: Backend) -> ir.Table:
        """All sealed requests as an Ibis table in `SKETCHES` form."""
        return read_parquet(backend, self.place, list(self.day_files()), SKETCHES, _TABLE)

    def days(self) -> list[str]:
        """The sealed days, as RFC 3339 dates, in order."""
        return [name.removeprefix("days/").removesuffix(".parquet") for name in self.day_files()]

    def names(self) -> pa.Table:
        """Account keys and ids (`NAMES`), one row an account, ordered by id."""
        files = [self.place.path(name) for name in self.name_files()]
        table = NAMES.empty_table()
        if files:
            with self.place.plain():
                table = ds.dataset(files, schema=NAMES, filesystem=self.place.files).to_table()
        return table.group_by(NAMES.names).aggregate([]).sort_by("account_id")

    def day_files(self) -> dict[str, Item]:
        """The sealed days as files of the place."""
        return self._parquet("days")

    def name_files(self) -> dict[str, Item]:
        """The files of account ids that the journal promises."""
        known = {f"names/{entry.part}.parquet" for entry in self.taken()}
        return {name: item for name, item in self._parquet("names").items() if name in known}

    def check_format(self, expected: Format) -> None:
        """Refuse what is of another layout or key.

        Raises:
            InputError: it is, or says nothing of them.
        """
        found = self.format()
        if found.layout != expected.layout:
            raise InputError(
                f"these sketches have layout {found.layout}, this version reads "
                f"{expected.layout}; scan into another folder",
                file=self.place.name,
            )
        if found.key != expected.key:
            raise InputError(
                "these sketches were made with another key, so new ones cannot be joined to "
                "them; use that key or scan into another folder",
                file=self.place.name,
            )

    def format(self) -> Format:
        """Layout and key.

        Raises:
            InputError: the file that names them is not there, or is something else.
        """
        try:
            return msgspec.json.decode(self.place.read(FORMAT) or b"", type=Format)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise InputError(
                "this is not what Stillwatch wrote; scan into another folder",
                file=self._named(FORMAT),
            ) from None

    def check_sealed(self) -> None:
        """Refuse a store with parts that belong to no day yet.

        Raises:
            InputError: there are such parts.
        """
        if self.place.items("incoming", recursive=True):
            raise InputError(
                "these sketches have parts that are not sealed yet: scan them where they were "
                "made, with --sketches FOLDER, then copy them again",
                file=self.place.name,
            )

    def contents(self) -> dict[str, Item]:
        """Every file that a reader of the store looks at."""
        small = self.place.some(FORMAT, JOURNAL, COPIED)
        return {**self._parquet("names"), **self._parquet("days"), **small}

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read the store inside of this, and be told where somebody changes it meanwhile.

        Raises:
            InputError: it was changed, so what was read is of no one store; half of a copy lies
                there; or a file of it cannot be read any more.
        """
        before = self._state()
        # asked after the look, since a copy says that it is not whole before it touches anything
        need_whole(self.place)
        try:
            yield
        except Exception as error:
            if self._state() != before:
                raise self._changed() from error
            if f"stream registered as '{_TABLE}'" in str(error):  # DuckDB's, of what Arrow reads
                raise InputError(reason(error), file=self.place.name) from error
            raise
        if self._state() != before:
            raise self._changed()

    def _state(self) -> tuple[dict[str, Item], bytes | None]:
        # object storage knows seconds; what a copy says of its files tells changes within one
        return self.contents(), self.place.read(COPIED)

    def _changed(self) -> InputError:
        return InputError(
            "somebody changed these sketches while they were read; run the same command again",
            file=self.place.name,
        )

    def _parquet(self, folder: str) -> dict[str, Item]:
        found = self.place.items(folder)
        return {name: item for name, item in found.items() if name.endswith(".parquet")}

    def _named(self, name: str) -> str:
        return f"{self.place.name}/{name}"


def need_sketches(place: Place) -> None:
    """Refuse a place where no whole store lies.

    Raises:
        InputError: there is nothing, something else, or half of a copy.
    """
    copied = need_whole(place)
    if not holds_sketches(place):
        place.need_bucket()
        raise InputError(
            "this is no folder of sketches: name the folder `sketches` that a scan or "
            "`stillwatch lab simulate` made, or a copy of it",
            file=place.name,
        )
    if copied is not None:
        _check_sizes(place, copied)


def need_whole(place: Place) -> Copied | None:
    """Refuse half of a copy; return what a whole one says of itself, None where no copy lies.

    Raises:
        InputError: it is half, or what it says cannot be read.
    """
    copied = copy_at(place)
    if copied is not None and not copied.whole:
        raise InputError(
            "a copy of sketches to here is under way or was interrupted; wait for it, or run "
            "`stillwatch sketches copy` again: it goes on from there",
            file=place.name,
        )
    return copied


def holds_sketches(place: Place) -> bool:
    """Whether a store lies in a place, by the names of its files."""
    return len(place.some(FORMAT, JOURNAL)) == 2


def copy_at(place: Place) -> Copied | None:
    """What the copy that lies in a place says of itself; None where no copy lies.

    Raises:
        InputError: it says something else.
    """
    data = place.read(COPIED)
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=Copied)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise InputError(
            "this is not what Stillwatch wrote; copy to another place",
            file=f"{place.name}/{COPIED}",
        ) from None


def _check_sizes(place: Place, copied: Copied) -> None:
    """Refuse files that are not as they were brought; that a day was erased since is no fault."""
    for name, item in {**place.items("names"), **place.items("days")}.items():
        sent = copied.files.get(name)
        if sent is not None and sent.size != item.size:
            raise InputError(
                f"this file has {item.size:,} bytes, and {sent.size:,} were copied; run "
                "`stillwatch sketches copy` again",
                file=f"{place.name}/{name}",
            )
