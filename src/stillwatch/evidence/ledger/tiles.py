"""The tiles of a ledger on disk (C2SP tlog-tiles): hashes 256 wide, and entries in bundles of 256.

tile/0/x001/234.p/17     the first 17 leaf hashes of tile 1234
tile/1/000               256 hashes of the full tiles below
tile/entries/000         256 entries, each after its length in two bytes
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stillwatch.errors import InputError
from stillwatch.evidence.ledger.merkle import leaf_hash, perfect_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WIDTH = 256
HEIGHT = 8
HASH = 32
MAX_ENTRY = 65_535

SCRATCH = ".partial"
"""What is being written, before it gets its name."""


def tile_name(level: int | str, number: int, width: int = WIDTH) -> str:
    """Path of a tile below the ledger's folder."""
    parts = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        parts.append(f"x{number % 1000:03}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(parts))}{partial}"


def tiles_of(size: int) -> Iterator[tuple[int | str, int, int]]:
    """Every tile of a ledger with so many entries: level, number, width."""
    level: int | str = "entries"
    count = size
    for height in range(-1, 8):
        level = "entries" if height < 0 else height
        for number in range(count // WIDTH):
            yield level, number, WIDTH
        if count % WIDTH:
            yield level, count // WIDTH, count % WIDTH
        if height >= 0:
            count //= WIDTH


def join_entries(entries: Sequence[bytes]) -> bytes:
    """Entries as an entry bundle."""
    return b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)


def split_entries(data: bytes, *, file: str = "") -> list[bytes]:
    """Entries of an entry bundle.

    Raises:
        InputError: a length points beyond the end.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise InputError(f"ends inside the length of entry {len(entries)}", file=file)
        (length,) = struct.unpack_from(">H", data, at)
        if at + 2 + length > len(data):
            raise InputError(f"ends inside entry {len(entries)}", file=file)
        entries.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    return entries


@dataclass(frozen=True)
class Tiles:
    """The tiles of a ledger with `size` entries, in a folder."""

    folder: Path
    size: int

    def entries(self, number: int) -> list[bytes]:
        """The entries of one bundle."""
        name = tile_name("entries", number, self._width(number, self.size))
        entries = split_entries(self._read(name), file=str(self.folder / name))
        if len(entries) != self._width(number, self.size):
            raise InputError(
                f"holds {len(entries)} entries, not {self._width(number, self.size)}",
                file=str(self.folder / name),
            )
        return entries

    def entry(self, index: int) -> bytes:
        """One entry by its place."""
        if not 0 <= index < self.size:
            raise InputError(f"the ledger has no entry {index}: it has {self.size}")
        return self.entries(index // WIDTH)[index % WIDTH]

    def hashes(self, level: int, number: int) -> list[bytes]:
        """The hashes of one tile."""
        name = tile_name(level, number, self._width(number, self.size >> (HEIGHT * level)))
        data = self._read(name)
        if len(data) != HASH * self._width(number, self.size >> (HEIGHT * level)):
            raise InputError("has a wrong length for a tile", file=str(self.folder / name))
        return [data[i : i + HASH] for i in range(0, len(data), HASH)]

    def node(self, level: int, index: int) -> bytes:
        """Hash of a perfect subtree, as `merkle` asks for it."""
        tile_level, inside = divmod(level, HEIGHT)
        per_tile = WIDTH >> inside
        hashes = self.hashes(tile_level, index // per_tile)
        start = (index % per_tile) << inside
        return perfect_root(hashes[start : start + (1 << inside)])

    def with_more(self, entries: Sequence[bytes]) -> Tiles:
        """Write the tiles that more entries make; the old ones stay until they are tidied away."""
        if not entries:
            return self
        size = self.size + len(entries)
        first = self.size // WIDTH
        held = self.entries(first) if self.size % WIDTH else []
        rows = [*held, *entries]
        for i in range(0, len(rows), WIDTH):
            part = rows[i : i + WIDTH]
            self._write("entries", first + i // WIDTH, len(part), join_entries(part))
        added = [leaf_hash(entry) for entry in entries]
        for level in range(8):
            added = self._grow(level, added)
            if not added:
                break
        return Tiles(self.folder, size)

    def _grow(self, level: int, added: list[bytes]) -> list[bytes]:
        """Write a level's new hashes; the roots of tiles that became full belong a level up."""
        before = self.size >> (HEIGHT * level)
        first = before // WIDTH
        hashes = [*(self.hashes(level, first) if before % WIDTH else []), *added]
        full = []
        for i in range(0, len(hashes), WIDTH):
            part = hashes[i : i + WIDTH]
            self._write(level, first + i // WIDTH, len(part), b"".join(part))
            if len(part) == WIDTH:
                full.append(perfect_root(part))
        return full

    @staticmethod
    def _width(number: int, count: int) -> int:
        return min(WIDTH, count - number * WIDTH)

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise InputError(
                f"a part of the ledger cannot be read: {error.strerror}", file=str(path)
            ) from None

    def _write(self, level: int | str, number: int, width: int, data: bytes) -> None:
        path = self.folder / tile_name(level, number, width)
        replace_file(path, data, self.folder / SCRATCH)


def replace_file(path: Path, data: bytes, scratch: Path) -> None:
    """Replace a file as a whole and durably; a crash leaves the old one.

    Args:
        path: the file.
        data: its new content.
        scratch: written first, in the same file system; a crash may leave it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with scratch.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
