"""Entries that are kept and not yet under a checkpoint: an append is one write and one fsync.

The file begins with the place of its first entry. Each record is the entry's length, the entry,
and a digest over all before, so a torn last record shows and nothing in the middle can change
unseen. Without a signature it protects from accidents only; a checkpoint ends that.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stillwatch.errors import InputError
from stillwatch.evidence.ledger.tiles import MAX_ENTRY, SCRATCH, replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HEAD = 16
_DIGEST = 32


@dataclass(frozen=True)
class Pending:
    """What the file holds.

    Attributes:
        base: place of the first entry.
        entries: the complete ones.
        torn: bytes after the last complete record.
        length: bytes up to there.
        chain: digest over all of them.
    """

    base: int
    entries: tuple[bytes, ...]
    torn: int
    length: int
    chain: bytes


def _start(base: int) -> bytes:
    return b"pending\n" + struct.pack(">Q", base)


def read_pending(path: Path) -> Pending:
    """Read the file; a missing one is empty and has base 0.

    Raises:
        InputError: it was changed: a record that is complete does not fit its digest.
    """
    if not path.exists():
        return Pending(0, (), 0, 0, b"")
    data = path.read_bytes()
    if len(data) < _HEAD or data[:8] != b"pending\n":
        raise InputError("is not a file of pending entries", file=str(path))
    (base,) = struct.unpack(">Q", data[8:_HEAD])
    chain = hashlib.sha256(data[:_HEAD]).digest()
    entries: list[bytes] = []
    at = _HEAD
    while at + 4 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 4 + length + _DIGEST
        if length > MAX_ENTRY:
            raise InputError(f"was changed at pending entry {base + len(entries)}", file=str(path))
        if end > len(data):
            break
        record = data[at : end - _DIGEST]
        expected = hashlib.sha256(chain + record).digest()
        if data[end - _DIGEST : end] != expected:
            raise InputError(f"was changed at pending entry {base + len(entries)}", file=str(path))
        entries.append(record[4:])
        chain, at = expected, end
    return Pending(base, tuple(entries), len(data) - at, at, chain)


def add_pending(path: Path, held: Pending, entries: Sequence[bytes]) -> Pending:
    """Append entries durably to a file that was begun and has no torn record.

    Args:
        path: the file.
        held: what it holds.
        entries: to add.
    """
    chain, records = held.chain, []
    for entry in entries:
        record = struct.pack(">I", len(entry)) + entry
        chain = hashlib.sha256(chain + record).digest()
        records.append(record + chain)
    data = b"".join(records)
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return Pending(held.base, (*held.entries, *entries), 0, held.length + len(data), chain)


def begin_pending(path: Path, base: int) -> Pending:
    """Start over at a place."""
    replace_file(path, _start(base), path.with_name(SCRATCH))
    return Pending(base, (), 0, _HEAD, hashlib.sha256(_start(base)).digest())


def cut_pending(path: Path, length: int) -> None:
    """Drop a torn record."""
    with path.open("r+b") as file:
        file.truncate(length)
        os.fsync(file.fileno())
