"""Which records of a folder are new? Log files that grow, and files that are there whole.

A file of JSON lines is followed: complete lines beyond where it was read last are copied to a
segment of our own, which is what is taken in. Anything else (archives, Parquet, CSV) is taken whole
once it has not changed for a while. A cursor is moved only after the sketches of what it passed are
on the disk, so a crash makes some records come twice, never not at all; a request that comes twice
counts once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import InputError
from stillwatch.place import sync
from stillwatch.readers.framing import by_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTLED = 5.0
"""Seconds without a change after which a file that cannot be followed is taken for whole."""

SEGMENT = 64 << 20
"""Most bytes of one file that are taken at a time."""

HEAD = 1 << 16


class Cursor(msgspec.Struct, frozen=True):
    """How far a file has been read.

    Attributes:
        inode: tells a file from another that took its name (log rotation).
        offset: bytes taken in; -1 for a file that was taken whole.
        size, changed: of the file when it was taken, to see that it is another one now.
    """

    inode: int
    offset: int
    size: int
    changed: int


class Piece(msgspec.Struct, frozen=True):
    """Something new: what to read, and the cursor to set when it has been taken in."""

    name: str
    path: str
    cursor: Cursor
    temporary: bool


class Follower:
    """Follows the files below `folder`.

    Args:
        folder: with the logs.
        state: folder for cursors and segments.
        consume: remove files once they are taken in; they hold prompts as they came.
    """

    def __init__(self, folder: Path, state: Path, *, consume: bool = False) -> None:
        self._folder, self._state, self._consume = folder, state, consume
        self._file = state / "cursors.json"
        state.mkdir(parents=True, exist_ok=True)
        for left in state.glob("segment-*"):  # of a run that was killed: they come again
            left.unlink()
        self._cursors: dict[str, Cursor] = _load(self._file)

    def pieces(self, now: float) -> Iterator[Piece]:
        """What is new, oldest file first.

        Args:
            now: wall clock, seconds: it says which files have settled and nothing else.
        """
        for number, path in enumerate(sorted(_files(self._folder))):
            name = str(path.relative_to(self._folder))
            try:
                found = path.stat()
                piece = self._piece(number, name, path, found, now)
            except OSError:
                continue  # rotated away while we looked
            if piece is not None:
                yield piece

    def done(self, pieces: list[Piece]) -> None:
        """Move cursors: the sketches of these pieces are on the disk."""
        for piece in pieces:
            self._cursors[piece.name] = piece.cursor
        partial = self._file.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(self._cursors))
        sync(partial)
        partial.replace(self._file)
        for piece in pieces:
            if piece.temporary:
                (self._state / piece.path).unlink(missing_ok=True)
            if self._consume:
                self._remove(piece)

    def path_of(self, piece: Piece) -> Path:
        """The file that a piece is read from."""
        return (self._state if piece.temporary else self._folder) / piece.path

    def _remove(self, piece: Piece) -> None:
        path = self._folder / piece.name
        found = path.stat()
        if (found.st_ino, found.st_size) == (piece.cursor.inode, piece.cursor.size):
            path.unlink()

    def _piece(
        self, number: int, name: str, path: Path, found: os.stat_result, now: float
    ) -> Piece | None:
        before = self._cursors.get(name)
        if before is not None and before.inode != found.st_ino:
            before = None
        if before is not None and (before.size, before.changed) == (
            found.st_size,
            found.st_mtime_ns,
        ):
            return None
        offset = before.offset if before is not None else 0
        if offset > found.st_size:
            offset = 0  # the file was emptied and begun anew
        with path.open("rb") as file:
            head = file.read(HEAD)
            if offset >= 0 and _followed(head):
                file.seek(offset)
                return self._segment(number, name, file.read(SEGMENT), offset, found)
        if now - found.st_mtime < SETTLED:
            return None
        cursor = Cursor(found.st_ino, -1, found.st_size, found.st_mtime_ns)
        return Piece(name, name, cursor, temporary=False)

    def _segment(
        self, number: int, name: str, data: bytes, offset: int, found: os.stat_result
    ) -> Piece | None:
        end = data.rfind(b"\n") + 1
        if not end:
            return None
        path = self._state / f"segment-{number:06d}.jsonl"
        path.write_bytes(data[:end])
        whole = offset + end == found.st_size
        # a cursor that is not at the end must not look up to date
        changed = found.st_mtime_ns if whole else 0
        cursor = Cursor(found.st_ino, offset + end, found.st_size if whole else -1, changed)
        return Piece(name, path.name, cursor, temporary=True)


def _followed(head: bytes) -> bool:
    return head.lstrip()[:1] == b"{" and by_lines(head)


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        for name in names:
            if name[0] not in "._":
                yield folder.__class__(parent, name)


def _load(path: Path) -> dict[str, Cursor]:
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Cursor])
    except msgspec.MsgspecError:
        raise InputError(
            "these cursors are damaged; remove the file, and everything is read again (requests "
            "that are known already count once)",
            file=str(path),
        ) from None
