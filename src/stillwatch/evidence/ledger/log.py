"""The ledger: append entries, sign what there is, prove what is in it.

    ledger/
      checkpoint            the last signed checkpoint
      history/000000000042  every checkpoint that was signed, by size
      tile/...              hashes and entries (C2SP tlog-tiles)
      pending               entries that no checkpoint covers yet
      timestamps/42.tsr     time stamps on checkpoints (RFC 3161), with 42.pem that they are
      checked by

An append is durable when it returns. A checkpoint moves the pending entries into tiles, signs the
root, and only then forgets them, so a crash at any point loses nothing and repeats nothing.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.canonical import canonical
from stillwatch.evidence.ledger import merkle
from stillwatch.evidence.ledger.checkpoint import Checkpoint, parse_checkpoint
from stillwatch.evidence.ledger.note import Note, signed
from stillwatch.evidence.ledger.pending import (
    Pending,
    add_pending,
    begin_pending,
    cut_pending,
    read_pending,
)
from stillwatch.evidence.ledger.tiles import (
    HEIGHT,
    MAX_ENTRY,
    SCRATCH,
    WIDTH,
    Tiles,
    replace_file,
    tile_name,
    tiles_of,
)
from stillwatch.evidence.signing import EVIDENCE, LEDGER, SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

KEY_CHANGE, WITNESS_KEY, SIGNED = "key", "witness", "checkpoint"
"""Kinds of entries that a ledger makes about itself: its keys, and the checkpoints before."""

SCAN = "scan"
"""Kind of the entries about scans, which an audit shows."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry: when it was appended (RFC 3339 UTC), what kind of thing it is, and the thing."""

    at: str
    kind: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint with its signatures."""

    checkpoint: Checkpoint
    note: Note


def utc_now() -> datetime:
    """The clock that entries and time stamps are dated by."""
    return datetime.now(UTC)


def moment(at: datetime) -> str:
    """A moment as entries write it, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Ledger:
    """An append-only log in a folder. Several processes may use it; each step takes a lock.

    Args:
        folder: made if it is new.
        key: signs checkpoints; without it the ledger can be read and appended to.
        clock: dates the entries.
    """

    def __init__(
        self,
        folder: Path,
        key: SigningKey | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.folder, self.key, self._clock = folder, key, clock
        self._pending: Pending | None = None

    @property
    def size(self) -> int:
        """Number of entries, those that no checkpoint covers yet included."""
        return self._held().base + len(self._held().entries)

    def append(self, kind: str, payload: Mapping[str, Any]) -> int:
        """Add one entry durably.

        Args:
            kind: what it is, such as ``decision``.
            payload: what JSON can hold, at most 65,535 bytes with the rest; larger things go in by
                their digests.

        Returns:
            Its place, from 0.

        Raises:
            UsageError: the payload is too large or JSON cannot hold it.
            InputError: the ledger is damaged.
        """
        return self.extend([(kind, payload)])

    def extend(self, entries: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        """Add several entries with one fsync; the place of the first is returned."""
        at = moment(self._clock())
        encoded = [_encode(at, kind, payload) for kind, payload in entries]
        with self._exclusive():
            held = self._recovered()
            self._pending = add_pending(self._pending_path, held, encoded)
            return held.base + len(held.entries)

    def checkpoint(self) -> Signed:
        """Sign the ledger as it is; without new entries the last checkpoint is returned.

        Raises:
            UsageError: there is no key, or it belongs to another ledger.
            InputError: the ledger is damaged.
        """
        with self._exclusive():
            return self._publish([self._signing_key()])

    def rotate(self, new: SigningKey) -> Signed:
        """Hand over to a new key: an entry names it, and old and new sign one checkpoint together.

        Raises:
            UsageError: there is no key, or the new one signs under another name.
            InputError: the ledger is damaged.
        """
        old = self._signing_key()
        if new.name != old.name:
            raise UsageError(f"the new key must sign under the same name, {old.name}")
        self.append(
            KEY_CHANGE,
            {
                "old": old.public(LEDGER).line,
                "new": new.public(LEDGER).line,
                "evidence": new.public(EVIDENCE).line,
            },
        )
        with self._exclusive():
            done = self._publish([old, new])
        self.key = new
        return done

    def last(self) -> Signed | None:
        """The last checkpoint; None before the first."""
        path = self.folder / "checkpoint"
        if not path.exists():
            return None
        return Signed(*parse_checkpoint(path.read_bytes(), file=str(path)))

    def entry(self, index: int) -> Entry:
        """One entry by its place."""
        return decode_entry(self.raw(index), where=f"entry {index}")

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """All entries from a place on, in their order."""
        size = self.size
        while start < size:
            part = self._bundle(start)
            for i, data in enumerate(part):
                yield decode_entry(data, where=f"entry {start + i}")
            start += len(part)

    def raw(self, index: int) -> bytes:
        """The bytes of one entry."""
        if not 0 <= index < self.size:
            raise InputError(f"has no entry {index}", file=str(self.folder))
        return self._bundle(index)[0]

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Proof that an entry is under the checkpoint of a size, the last one by default."""
        tiles = self._tiles()
        size = tiles.size if size is None else size
        if not 0 <= index < size <= tiles.size:
            raise InputError(
                f"entry {index} is under no checkpoint of size {size}", file=str(self.folder)
            )
        return merkle.inclusion(index, size, tiles.node)

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Proof that the ledger at a size is the beginning of a later one."""
        tiles = self._tiles()
        return merkle.consistency(old, tiles.size if size is None else size, tiles.node)

    def root(self, size: int) -> bytes:
        """Root over the first entries."""
        return merkle.root(size, self._tiles().node)

    def replace_note(self, note: Note) -> None:
        """Keep a checkpoint with a signature more, such as a witness's."""
        found, _ = parse_checkpoint(note.data)
        with self._exclusive():
            last = self.last()
            self._replace(self._history(found.size), note.data)
            if last is not None and last.checkpoint.size == found.size:
                self._replace(self.folder / "checkpoint", note.data)

    def history(self) -> list[Signed]:
        """Every checkpoint that was signed, smallest first."""
        paths = sorted((self.folder / "history").glob("*"))
        return [Signed(*parse_checkpoint(path.read_bytes(), file=str(path))) for path in paths]

    @property
    def _pending_path(self) -> Path:
        return self.folder / "pending"

    def _replace(self, path: Path, data: bytes) -> None:
        replace_file(path, data, self.folder / SCRATCH)

    def _history(self, size: int) -> Path:
        return self.folder / "history" / f"{size:012}"

    def _signing_key(self) -> SigningKey:
        if self.key is None:
            raise UsageError("signing a ledger needs its key")
        last = self.last()
        if last is not None and last.checkpoint.origin != self.key.public(LEDGER).name:
            raise UsageError(
                f"this ledger belongs to {last.checkpoint.origin!r}, "
                f"the key signs as {self.key.public(LEDGER).name!r}"
            )
        return self.key

    def _tiles(self) -> Tiles:
        last = self.last()
        return Tiles(self.folder, last.checkpoint.size if last else 0)

    def _held(self) -> Pending:
        """The pending entries, read again where another process may have added some."""
        path = self._pending_path
        held = self._pending
        if held is None or not path.exists() or path.stat().st_size != held.length:
            held = self._pending = read_pending(path)
        size = self._tiles().size
        if held.base < size:  # a crash after the checkpoint was signed: these are in the tiles
            held = Pending(
                size, held.entries[size - held.base :], held.torn, held.length, held.chain
            )
        return held

    def _recovered(self) -> Pending:
        """The pending entries, ready to be added to."""
        self._finish_publishing()
        held, size = self._held(), self._tiles().size
        if held.base > size:
            raise InputError(
                f"entries {size} to {held.base - 1} are missing: the checkpoint is older than the "
                "pending entries",
                file=str(self.folder),
            )
        if not self._pending_path.exists() or (self._pending and self._pending.base < size):
            self._pending = held = self._restart(held)
        if held.torn:
            cut_pending(self._pending_path, held.length)
            self._pending = held = Pending(held.base, held.entries, 0, held.length, held.chain)
        return held

    def _finish_publishing(self) -> None:
        """Make the newest signed checkpoint the current one, where a crash came in between."""
        newest = max((self.folder / "history").glob("*"), default=None)
        if newest is None:
            return
        current = self.last()
        if current is None or self._history(current.checkpoint.size) < newest:
            self._replace(self.folder / "checkpoint", newest.read_bytes())

    def _restart(self, held: Pending) -> Pending:
        begun = begin_pending(self._pending_path, held.base)
        return add_pending(self._pending_path, begun, held.entries)

    def _bundle(self, start: int) -> list[bytes]:
        """Some entries from a place on, at least one."""
        tiles, held = self._tiles(), self._held()
        if start < tiles.size:
            return tiles.entries(start // WIDTH)[start % WIDTH :]
        return list(held.entries[start - held.base :])

    def _publish(self, keys: list[SigningKey]) -> Signed:
        held, before, last = self._recovered(), self._tiles(), self.last()
        if last is not None and not held.entries:
            return last
        own = _encode(moment(self._clock()), *_about_itself(last, keys[0]))
        held = add_pending(self._pending_path, held, [own])
        after = before.with_more(held.entries)
        point = Checkpoint(
            keys[0].public(LEDGER).name, after.size, merkle.root(after.size, after.node)
        )
        note = Note(point.text, tuple(signed(point.text, key.signer(LEDGER)) for key in keys))
        self._replace(self._history(point.size), note.data)
        self._replace(self.folder / "checkpoint", note.data)
        self._pending = begin_pending(self._pending_path, after.size)
        self._tidy(before.size, after.size)
        return Signed(point, note)

    def _tidy(self, old: int, size: int) -> None:
        """Remove partial tiles that fuller ones have replaced, those of interrupted runs too."""
        kept = {self.folder / tile_name(*tile) for tile in tiles_of(size)}
        for level, number, _ in tiles_of(size):
            below = old >> (HEIGHT * level) if isinstance(level, int) else old
            if number < below // WIDTH:
                continue
            whole = self.folder / tile_name(level, number)
            for path in whole.parent.glob(f"{whole.name}.p*"):
                for part in [path, *path.glob("*")] if path.is_dir() else [path]:
                    if part not in kept and part.is_file():
                        part.unlink()
                if path.is_dir() and not any(path.iterdir()):
                    path.rmdir()

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":  # no POSIX locks
            yield
            return
        import fcntl  # noqa: PLC0415 - not on every platform

        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _about_itself(last: Signed | None, key: SigningKey) -> tuple[str, dict[str, Any]]:
    """What a ledger enters before it signs.

    At first whose it is, for those who do not know it otherwise; then the checkpoint before, so
    that none can be dropped from the history.
    """
    if last is None:
        return KEY_CHANGE, {"new": key.public(LEDGER).line, "evidence": key.public(EVIDENCE).line}
    return SIGNED, {"size": last.checkpoint.size, "root": last.checkpoint.root.hex()}


def _encode(at: str, kind: str, payload: Mapping[str, Any]) -> bytes:
    try:
        data = canonical({"at": at, "kind": kind, "payload": dict(payload)})
    except ValueError as error:
        raise UsageError(f"this {kind!r} cannot be an entry: {error}") from None
    if len(data) > MAX_ENTRY:
        raise UsageError(
            f"this {kind!r} has {len(data)} bytes, an entry at most {MAX_ENTRY}: enter its digest"
        )
    return data


def decode_entry(data: bytes, *, where: str) -> Entry:
    """Read an entry's bytes.

    Raises:
        InputError: they are no entry.
    """
    try:
        return msgspec.json.decode(data, type=Entry)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{where} is not an entry: {error}") from None
