"""Checking a whole ledger: is it what was signed, and if not, where was it changed?

Everything is computed again from the entries. What a change gives away depends on who made it:
a changed byte disagrees with the tile above it; a rewritten tree disagrees with the checkpoint;
and a ledger that was rewritten and signed anew disagrees with the checkpoints that others have
kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stillwatch.errors import InputError
from stillwatch.evidence.canonical import canonical
from stillwatch.evidence.ledger import merkle
from stillwatch.evidence.ledger.checkpoint import Checkpoint, parse_checkpoint
from stillwatch.evidence.ledger.log import (
    KEY_CHANGE,
    SCAN,
    SIGNED,
    WITNESS_KEY,
    Entry,
    Signed,
    decode_entry,
)
from stillwatch.evidence.ledger.pending import Pending, read_pending
from stillwatch.evidence.ledger.stamps import TIME_STAMP, check_kept_stamp
from stillwatch.evidence.ledger.tiles import (
    HEIGHT,
    SCRATCH,
    WIDTH,
    split_entries,
    tile_name,
    tiles_of,
)
from stillwatch.evidence.signing import PublicKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAX_PROBLEMS = 50

OWN = (KEY_CHANGE, WITNESS_KEY, TIME_STAMP, SIGNED)
"""Kinds of entries that a ledger makes about itself."""

Own = list[tuple[int, Entry]]
"""Such entries, each with its place."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that must not be: where it is, and what."""

    where: str
    what: str


@dataclass
class Audit:
    """The outcome.

    Attributes:
        folder: of the ledger.
        size: entries under the last checkpoint.
        pending: entries that no checkpoint covers yet.
        origin: the ledger's name.
        keys: those that signed, oldest first.
        problems: empty if everything fits; the first `MAX_PROBLEMS`.
        checked, unchecked: in words.
        scans: entries about scans, with their places.
    """

    folder: Path
    size: int = 0
    pending: int = 0
    origin: str = ""
    keys: tuple[PublicKey, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    scans: list[tuple[int, Entry]] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with what was checked."""
        return not self.problems

    def problem(self, where: str, what: str) -> None:
        """Note a problem."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(where, what))


def audit(folder: Path, trusted: Sequence[PublicKey] = (), against: Sequence[Path] = ()) -> Audit:
    """Check a ledger.

    Args:
        folder: of the ledger.
        trusted: keys that the provider published; without them the ledger can only be checked
            against itself, which is said.
        against: checkpoints of the same ledger that were kept elsewhere.
    """
    done = Audit(folder)
    found = _checkpoints(done)
    if found is None:
        return done
    history, last = found
    done.size, done.origin = last.checkpoint.size, last.checkpoint.origin
    hashes, own = _entries(done)
    _tiles(done, hashes)
    _roots(done, history, hashes)
    _complete(done, history, own)
    _signatures(done, history, own, trusted)
    _stamps(done, own)
    _against(done, against, hashes)
    _pending(done, hashes)
    _strangers(done)
    return done


def _checkpoints(done: Audit) -> tuple[list[Signed], Signed] | None:
    """The history of checkpoints and the last one; None where nothing can be read."""
    history: list[Signed] = []
    for path in sorted((done.folder / "history").glob("*")):
        try:
            signed = Signed(*parse_checkpoint(path.read_bytes(), file=path.name))
        except (InputError, OSError) as error:
            done.problem(f"history/{path.name}", str(error))
            continue
        if path.name != f"{signed.checkpoint.size:012}":
            done.problem(f"history/{path.name}", f"is of size {signed.checkpoint.size}")
        history.append(signed)
    path = done.folder / "checkpoint"
    try:
        data = path.read_bytes()
        last = Signed(*parse_checkpoint(data, file="checkpoint"))
    except (InputError, OSError) as error:
        done.problem("checkpoint", f"cannot be used: {error}")
        return None
    if not history or history[-1].note.data != data:
        done.problem("checkpoint", "is not the latest of the history: one of them was put back")
    if len({signed.checkpoint.origin for signed in [*history, last]}) > 1:
        done.problem("history", "has checkpoints of another ledger")
    return history, last


def _entries(done: Audit) -> tuple[list[bytes], Own]:
    """The hashes of all entries, and those entries that are about the ledger itself."""
    hashes: list[bytes] = []
    own: Own = []
    for level, number, width in tiles_of(done.size):
        if level != "entries":
            continue
        name = tile_name(level, number, width)
        try:
            part = split_entries((done.folder / name).read_bytes(), file=name)
        except OSError as error:
            done.problem(name, f"is missing: {error.strerror}")
            part = []
        except InputError as error:
            done.problem(name, str(error))
            part = []
        first = number * WIDTH
        if part and len(part) != width:
            done.problem(name, f"holds {len(part)} entries from {first} on, not {width}")
        for i, data in enumerate(part):
            try:
                entry = _canonical_entry(data)
            except (InputError, ValueError) as error:
                done.problem(f"entry {first + i}", str(error))
                continue
            if entry.kind == SCAN:
                done.scans.append((first + i, entry))
            if entry.kind in OWN:
                own.append((first + i, entry))
        part = (part + [b""] * width)[:width]
        hashes += [merkle.leaf_hash(data) for data in part]
    return hashes, own


def _canonical_entry(data: bytes) -> Entry:
    entry = decode_entry(data, where="it")
    if canonical({"at": entry.at, "kind": entry.kind, "payload": entry.payload}) != data:
        raise InputError("is not in canonical form")
    return entry


def _tiles(done: Audit, hashes: list[bytes]) -> None:
    """Compare every tile of hashes with what the entries and tiles below make."""
    rows = hashes
    for level in range(HEIGHT):
        if not rows:
            break
        for at in range(0, len(rows), WIDTH):
            part = rows[at : at + WIDTH]
            name = tile_name(level, at // WIDTH, len(part))
            try:
                data = (done.folder / name).read_bytes()
            except OSError as error:
                done.problem(name, f"is missing: {error.strerror}")
                continue
            _compare(done, name, level, at, data, part)
        full = len(rows) // WIDTH * WIDTH
        rows = [merkle.perfect_root(rows[i : i + WIDTH]) for i in range(0, full, WIDTH)]
    done.checked.append(f"every hash of {len(hashes):,} entries was computed again")


def _compare(done: Audit, name: str, level: int, at: int, data: bytes, part: list[bytes]) -> None:
    if len(data) != 32 * len(part):
        done.problem(name, f"has {len(data)} bytes, not {32 * len(part)}")
        return
    for i, expected in enumerate(part):
        if data[32 * i : 32 * i + 32] != expected:
            span = WIDTH**level
            first = (at + i) * span
            where = f"entry {first}" if span == 1 else f"entries {first} to {first + span - 1}"
            done.problem(where, f"disagrees with its hash in {name}: one of them was changed")


def _roots(done: Audit, history: list[Signed], hashes: list[bytes]) -> None:
    """Compare each checkpoint's root with the entries; what lies between two is what changed."""
    node = _node_of(hashes)
    sound = 0
    for signed in history:
        point = signed.checkpoint
        if point.size > len(hashes):
            done.problem(
                f"history/{point.size:012}",
                f"covers {point.size} entries, there are {len(hashes)}: entries were removed",
            )
        elif merkle.root(point.size, node) != point.root:
            done.problem(
                f"entries {sound} to {point.size - 1}",
                f"are not those that the checkpoint of size {point.size} signed: one of them was "
                "changed, removed, added or moved",
            )
            break
        else:
            sound = point.size
    done.checked.append(f"{len(history):,} checkpoints are each the beginning of the next")


def _complete(done: Audit, history: list[Signed], own: Own) -> None:
    """Every checkpoint but the last is named by an entry, and none is missing.

    One may be named again, by whoever signs after a crash.
    """
    kept: dict[Any, str] = {
        signed.checkpoint.size: signed.checkpoint.root.hex() for signed in history
    }
    unnamed = set(kept) - {done.size}
    for index, entry in own:
        if entry.kind != SIGNED:
            continue
        size = entry.payload.get("size")
        unnamed.discard(size)
        if size not in kept or kept[size] != entry.payload.get("root"):
            done.problem(f"history, size {size}", f"is not the checkpoint that entry {index} names")
    for size in sorted(unnamed):
        done.problem(f"history, size {size}", "is named by no entry")


def _node_of(hashes: list[bytes]) -> merkle.Node:
    levels = [hashes]
    while len(levels[-1]) > 1:
        row = levels[-1]
        levels.append([merkle.node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)])
    return lambda level, index: levels[level][index]


def _signatures(done: Audit, history: list[Signed], own: Own, trusted: Sequence[PublicKey]) -> None:
    """Follow the keys from the first checkpoint to the last, over every change of key."""
    keys = [key for key in trusted if key.name == done.origin]
    if keys:
        done.checked.append(f"signed by a key that you trust: {keys[0].line}")
    else:
        stated = next((_key(e, "new") for _, e in own if e.kind == KEY_CHANGE), None)
        if stated is None:
            done.problem("entries", "none says which key signs this ledger")
            return
        keys = [stated]
        done.unchecked.append(
            "whether the ledger's key is the provider's: compare it with the published one and "
            f"give that with --keys: {stated.line}"
        )
    named = (_key(e, "key") for _, e in own if e.kind == WITNESS_KEY)
    witnesses = [key for key in named if key is not None]
    waiting = list(own)
    for signed in history:
        while waiting and waiting[0][0] < signed.checkpoint.size:
            keys = _with_change(waiting.pop(0)[1], keys)
        _signed(done, signed, keys, witnesses)
    done.keys = tuple(keys)


def _signed(done: Audit, signed: Signed, keys: list[PublicKey], witnesses: list[PublicKey]) -> None:
    at = f"checkpoint of size {signed.checkpoint.size}"
    by = signed.note.by([*keys, *witnesses])
    if not any(key in keys for _, key in by):
        done.problem(at, "is signed by none of the ledger's keys: a fork, or another signer")
    elif len(by) != len(signed.note.signatures):
        done.problem(at, "has a signature that does not fit, or by a key that no entry names")
    if len({(s.name, s.key_id) for s in signed.note.signatures}) != len(signed.note.signatures):
        done.problem(at, "has two signatures by one key")


def _with_change(entry: Entry, keys: list[PublicKey]) -> list[PublicKey]:
    """Keys after an entry: a change of key is believed where the old one is known."""
    if entry.kind == KEY_CHANGE:
        old, new = _key(entry, "old"), _key(entry, "new")
        if old in keys and new is not None and new not in keys:
            return [*keys, new]
    return keys


def _key(entry: Entry, name: str) -> PublicKey | None:
    try:
        return PublicKey.parse(str(entry.payload.get(name, "")))
    except InputError:
        return None


def _stamps(done: Audit, own: Own) -> None:
    """Every time stamp that an entry names is there and fits; what is not installed is said."""
    named: set[str] = set()
    for _, entry in own:
        if entry.kind == TIME_STAMP:
            outcome = check_kept_stamp(done.folder, entry.payload)
            named.update(outcome.files)
            if outcome.problem:
                done.problem(outcome.where, outcome.problem)
            done.checked += outcome.checked
            done.unchecked += outcome.unchecked
    folder = done.folder / "timestamps"
    for path in sorted(folder.glob("*")) if folder.exists() else []:
        if path.name not in named:
            done.problem(f"timestamps/{path.name}", "is named by no entry")


def _against(done: Audit, against: Sequence[Path], hashes: list[bytes]) -> None:
    """Compare with checkpoints that others have kept: this is what shows a fork."""
    node = _node_of(hashes)
    for path in against:
        try:
            point, note = parse_checkpoint(path.read_bytes(), file=str(path))
        except (OSError, InputError) as error:
            done.problem(str(path), f"cannot be used: {error}")
            continue
        if point.origin != done.origin:
            done.problem(str(path), f"is of another ledger, {point.origin!r}")
        elif done.keys and not note.by(done.keys):
            done.problem(str(path), "is not signed by this ledger's keys")
        elif point.size > len(hashes):
            done.problem(
                f"entries {len(hashes)} to {point.size - 1}",
                f"are missing here and under the checkpoint kept in {path}: the ledger was cut",
            )
        elif merkle.root(point.size, node) != point.root:
            done.problem(
                f"entries 0 to {point.size - 1}",
                f"are others than those under the checkpoint kept in {path}: a fork. Both sides "
                "have signed, which proves it",
            )
        else:
            done.checked.append(f"the checkpoint of size {point.size} kept in {path} fits")
    if not against:
        done.unchecked.append(
            "whether others were shown another ledger, or the newest entries were cut off together "
            "with their checkpoint: compare with a checkpoint kept elsewhere (--against)"
        )


def _pending(done: Audit, hashes: list[bytes]) -> None:
    if not (done.folder / "pending").exists():
        done.problem("pending", "is missing: entries that no checkpoint covers may be lost")
        return
    try:
        held = read_pending(done.folder / "pending")
    except (InputError, OSError) as error:
        done.problem("pending", str(error))
        return
    if held.base > done.size:
        done.problem(
            f"entries {done.size} to {held.base - 1}", "are missing: the checkpoint was put back"
        )
    _covered(done, held, hashes)
    done.pending = max(held.base + len(held.entries) - done.size, 0)
    if held.torn:
        done.problem(
            f"pending, after entry {held.base + len(held.entries) - 1}",
            f"{held.torn} bytes are no whole entry: an append was interrupted, or it was cut. The "
            "next append drops them",
        )
    if done.pending:
        done.unchecked.append(
            f"{done.pending:,} entries that no checkpoint covers yet: run stillwatch ledger "
            "checkpoint"
        )


def _covered(done: Audit, held: Pending, hashes: list[bytes]) -> None:
    """Pending entries that a checkpoint covers, as a crash leaves them: all of them, the same."""
    end = held.base + len(held.entries)
    if end < done.size and not held.torn:
        done.problem(
            "pending", f"ends at entry {end}, before the checkpoint of size {done.size}: changed"
        )
    for index, data in enumerate(held.entries[: max(done.size - held.base, 0)], held.base):
        if merkle.leaf_hash(data) != hashes[index]:
            done.problem(f"entry {index}", "is another one in the file of pending entries")


def _strangers(done: Audit) -> None:
    """Every file is accounted for."""
    known = {"checkpoint", "pending", ".lock", SCRATCH}
    known |= {tile_name(*tile) for tile in tiles_of(done.size)}
    for path in sorted(done.folder.rglob("*")):
        name = path.relative_to(done.folder).as_posix()
        if path.is_dir() or name in known or name.startswith(("history/", "timestamps/")):
            continue
        done.problem(
            name,
            "does not belong here: left by an interrupted checkpoint (the next one removes it), or "
            "put here",
        )


def is_beginning(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> bool:
    """Whether a consistency proof shows that a checkpoint is the beginning of another."""
    if old.size in {0, new.size}:
        return (old.size == 0 or old.root == new.root) and not proof
    try:
        return merkle.roots_by_consistency(old.size, new.size, old.root, proof) == (
            old.root,
            new.root,
        )
    except ValueError:
        return False
