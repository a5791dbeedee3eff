"""Puts rows from many groups into one log in the order of time, with bounded memory."""

from __future__ import annotations

import io
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, NamedTuple

import msgspec
import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterator

BUFFER = 64 << 20
"""Bytes of rows held in memory before they go to the slices on disk."""


class Line(NamedTuple):
    """One encoded row: milliseconds since the start, its name, its campaign, and the JSON."""

    at: int
    request_id: str
    campaign: str | None
    json: bytes


class Spool:
    """Rows in any order in, rows in the order of time out.

    Time is cut into slices; a slice is sorted in memory when it is read back. Equal times are
    ordered by request id, which is random, so the order tells nothing about the groups.

    Args:
        folder: where slices are kept while they are filled.
        slice_ms: length of a slice in milliseconds.
    """

    def __init__(self, folder: Path, slice_ms: int) -> None:
        self._folder, self._slice = folder, slice_ms
        self._held: dict[int, list[bytes]] = {}
        self._bytes = 0
        self._encoder = msgspec.msgpack.Encoder()
        self._used: set[int] = set()

    def add(self, line: Line) -> None:
        """Take one row."""
        packed = self._encoder.encode(line)
        self._held.setdefault(line.at // self._slice, []).append(packed)
        self._bytes += len(packed)
        if self._bytes > BUFFER:
            self._flush()

    def _flush(self) -> None:
        for number, packed in self._held.items():
            self._used.add(number)
            with (self._folder / str(number)).open("ab") as file:
                for one in packed:
                    file.write(len(one).to_bytes(4, "little") + one)
        self._held.clear()
        self._bytes = 0

    def slices(self) -> Iterator[list[Line]]:
        """The rows in the order of time, a slice at a time; each slice is deleted once read."""
        self._flush()
        decoder = msgspec.msgpack.Decoder(Line)
        for number in sorted(self._used):
            path = self._folder / str(number)
            data = memoryview(path.read_bytes())
            path.unlink()
            lines, place = [], 0
            while place < len(data):
                size = int.from_bytes(data[place : place + 4], "little")
                lines.append(decoder.decode(data[place + 4 : place + 4 + size]))
                place += 4 + size
            lines.sort(key=lambda line: (line.at, line.request_id))
            yield lines


@contextmanager
def spool(beside: Path, slice_ms: int) -> Iterator[Spool]:
    """A spool in a temporary folder inside `beside`, removed at the end."""
    with TemporaryDirectory(prefix=".spool-", dir=beside) as folder:
        yield Spool(Path(folder), slice_ms)


@contextmanager
def open_log(path: Path) -> Iterator[IO[bytes]]:
    """A file to write lines to, compressed if its name ends in ``.zst``."""
    with path.open("wb") as raw:
        if path.suffix != ".zst":
            yield raw
            return
        with (
            zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False) as packed,
            io.BufferedWriter(packed, 1 << 20) as buffered,  # type: ignore[type-var]
        ):
            yield buffered
