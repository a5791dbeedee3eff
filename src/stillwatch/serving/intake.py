"""Posted logs, kept on the disk before they are acknowledged.

Bodies are appended to a segment of their format, one JSON value a line; binary OTLP gets a file to
itself. A segment is closed after a while by renaming it, and what follows the folder takes it from
there. A crash leaves at most a torn last line, which nobody was told had arrived. Sent again, a
request counts once: it has an id.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from stillwatch.errors import InputError
from stillwatch.readers import READERS

if TYPE_CHECKING:
    from pathlib import Path

OPEN = ".open"
"""Suffix of a segment that is still written to; hidden from those who follow the folder."""

SEGMENT_BYTES = 16 << 20
SEGMENT_SECONDS = 10.0
BINARY = frozenset({"otlp-proto"})
HEAD = 1 << 16


@dataclass
class _Segment:
    file: BinaryIO
    path: Path
    since: float
    size: int = 0


@dataclass
class Intake:
    """Appends to segments in `folder`; for one process.

    Args:
        folder: made if need be; segments that a crash left open are closed.
    """

    folder: Path
    _segments: dict[str, _Segment] = field(default_factory=dict)
    _closed: list[Path] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.glob(f".*{OPEN}")):
            heal(path)

    def take(self, body: bytes) -> str:
        """Keep one posted body; when this returns it is on the disk.

        Args:
            body: records in any format that is read, uncompressed.

        Returns:
            The format's name.

        Raises:
            InputError: it is in no format that is read.
            OSError: the disk is full or away.
        """
        name = recognise(body)
        with self._lock:
            self._keep(name, body)
        return name

    def _keep(self, name: str, body: bytes) -> None:
        if name in BINARY or body.lstrip()[:1] not in (b"{", b"["):
            self._whole(name, body)
            return
        segment = self._segment(name)
        written = segment.file.write(as_lines(body))
        segment.file.flush()
        os.fsync(segment.file.fileno())
        segment.size += written
        if segment.size >= SEGMENT_BYTES:
            self._close(name)

    def tick(self, *, everything: bool = False) -> list[Path]:
        """Close the segments that are old enough, or all.

        Returns:
            The files that were closed since the last call.
        """
        now = time.monotonic()
        with self._lock:
            for name, segment in list(self._segments.items()):
                if everything or now - segment.since >= SEGMENT_SECONDS:
                    self._close(name)
            closed, self._closed = self._closed, []
        return closed

    def _segment(self, name: str) -> _Segment:
        if name not in self._segments:
            path = self.folder / f".{_unique(name)}.jsonl{OPEN}"
            self._segments[name] = _Segment(path.open("ab"), path, time.monotonic())
        return self._segments[name]

    def _close(self, name: str) -> None:
        segment = self._segments.pop(name)
        segment.file.close()
        self._closed += publish(segment.path)

    def _whole(self, name: str, body: bytes) -> None:
        path = self.folder / f".{_unique(name)}.bin{OPEN}"
        with path.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        self._closed += publish(path)


def recognise(body: bytes) -> str:
    """The format of a posted body.

    Raises:
        InputError: it is in none.
    """
    head = body[:HEAD]
    for reader in READERS:
        if reader.sniff(head, "posted"):
            return reader.name
    raise InputError("this is in no log format that Stillwatch reads; docs/formats.md lists them")


def as_lines(body: bytes) -> bytes:
    """JSON as one value a line: one value, however it is laid out, or lines as they are."""
    try:
        return msgspec.json.format(body, indent=-1) + b"\n"
    except msgspec.DecodeError:
        return body if body.endswith(b"\n") else body + b"\n"


def publish(path: Path) -> list[Path]:
    """Give a closed segment the name under which it is taken; an empty one is removed.

    Returns:
        The new path, if there is one.
    """
    if not path.stat().st_size:
        path.unlink()
        return []
    return [path.rename(path.with_name(path.name.removeprefix(".").removesuffix(OPEN)))]


def heal(path: Path) -> None:
    """Close a segment that a crash left open, without its torn last line."""
    if path.name.endswith(f".jsonl{OPEN}"):
        data = path.read_bytes()
        if not data.endswith(b"\n"):
            os.truncate(path, data.rfind(b"\n") + 1)
        publish(path)
    else:
        path.unlink()  # a whole file is acknowledged only under its final name


def _unique(name: str) -> str:
    return f"{time.time_ns():020d}-{secrets.token_hex(4)}-{name}"
