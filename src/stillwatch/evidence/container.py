"""One file that holds named files: a ZIP archive in exactly one form.

Nothing is compressed and no field is free: order, dates and attributes are fixed. So the same files
give the same bytes, every byte of the archive is accounted for, any ZIP program can open it, and
there is no such thing as a bomb or a path that leads elsewhere.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES = 2**30
MAX_FILES = 10_000


class TooMuchError(ValueError):
    """An archive would be larger than whoever reads it accepts."""


_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*", re.ASCII)
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_FIXED = struct.pack("<HHHHH", 20, 0, 0, 0, 0x21)  # version, flags, stored, 1980-01-01 00:00
_HEAD = 30


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """Files as an archive, in the order of their names.

    Raises:
        ValueError: a name is not one that archives of ours have.
        TooMuchError: there is more than an archive may hold.
    """
    parts: list[bytes] = []
    central: list[bytes] = []
    at = 0
    for name, data in sorted(files.items()):
        if not _NAME.fullmatch(name) or len(name) > 200:
            raise ValueError(f"{name!r} cannot name a file in an archive")
        head, entry = _headers(name, zlib.crc32(data), len(data), at)
        parts += [head, data]
        central.append(entry)
        at += len(head) + len(data)
    whole = b"".join([*parts, _ending(central, at)])
    if len(whole) > MAX_BYTES or len(files) > MAX_FILES:
        raise TooMuchError("too much for an archive")
    return whole


def _headers(name: str, crc: int, size: int, at: int) -> tuple[bytes, bytes]:
    encoded = name.encode("ascii")
    common = _FIXED + struct.pack("<IIIHH", crc, size, size, len(encoded), 0)
    extra = struct.pack("<HHHII", 0, 0, 0, 0o600 << 16, at)
    return (
        _LOCAL + common + encoded,
        _CENTRAL + struct.pack("<H", 0x0314) + common + extra + encoded,
    )


def _ending(central: list[bytes], at: int) -> bytes:
    size, count = sum(map(len, central)), len(central)
    return b"".join(central) + _END + struct.pack("<HHHHIIH", 0, 0, count, count, size, at, 0)


def unpack_files(data: bytes, *, file: str = "") -> dict[str, bytes]:
    """The files of an archive.

    Raises:
        InputError: it is too large, damaged, or not in the one form of `pack_files`.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"is larger than {MAX_BYTES >> 20} MiB", file=file)
    files: dict[str, bytes] = {}
    central: list[bytes] = []
    last, at = "", 0
    while data[at : at + 4] == _LOCAL:
        name, content, end = _entry(data, at, file)
        if name <= last:
            raise InputError(f"{name!r} comes twice or out of order", file=file)
        if len(files) >= MAX_FILES:
            raise InputError(f"holds more than {MAX_FILES} files", file=file)
        head, entry = _headers(name, zlib.crc32(content), len(content), at)
        if data[at : at + len(head)] != head:
            raise InputError(f"{name!r} is damaged, or not stored in the one form", file=file)
        files[name] = content
        central.append(entry)
        last, at = name, end
    if not files or data[at:] != _ending(central, at):
        raise InputError("is no archive of ours, is cut short, or was changed", file=file)
    return files


def _entry(data: bytes, at: int, file: str) -> tuple[str, bytes, int]:
    """Name and content of the file at a place, and where it ends."""
    if at + _HEAD > len(data):
        raise InputError("is cut short", file=file)
    method, size, length = (
        struct.unpack_from(form, data, at + place)[0]
        for form, place in (("<H", 8), ("<I", 18), ("<H", 26))
    )
    start = at + _HEAD + length
    if method or start + size > len(data):
        raise InputError("is cut short, or holds compressed files", file=file)
    name = data[at + _HEAD : start].decode("latin-1")
    if not _NAME.fullmatch(name):
        raise InputError(f"has a file with the name {name[:80]!r}", file=file)
    return name, data[start : start + size], start + size


def read_archive(path: Path) -> dict[str, bytes]:
    """The files of an archive on disk.

    Raises:
        InputError: it cannot be read, or is no archive in the one form.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"is larger than {MAX_BYTES >> 20} MiB", file=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path)) from None
    return unpack_files(data, file=str(path))
