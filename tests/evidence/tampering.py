"""Random single changes to files: a byte, a field, a removal, a swap."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from pathlib import Path


def change_byte(rng: random.Random, data: bytes) -> bytes:
    """One byte becomes another."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]


def drop_byte(rng: random.Random, data: bytes) -> bytes:
    """One byte is gone."""
    at = rng.randrange(len(data))
    return data[:at] + data[at + 1 :]


def add_byte(rng: random.Random, data: bytes) -> bytes:
    """One byte is new."""
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes([rng.randrange(256)]) + data[at:]


def cut(rng: random.Random, data: bytes) -> bytes:
    """The end is missing."""
    return data[: rng.randrange(len(data))]


def swap(rng: random.Random, data: bytes) -> bytes:
    """Two stretches change places."""
    size = rng.randrange(1, max(len(data) // 4, 2))
    a = rng.randrange(max(len(data) - 2 * size, 1))
    b = rng.randrange(a + size, max(len(data) - size, a + size) + 1)
    return (
        data[:a] + data[b : b + size] + data[a + size : b] + data[a : a + size] + data[b + size :]
    )


CHANGES = (change_byte, change_byte, change_byte, drop_byte, add_byte, cut, swap)


def tampered(rng: random.Random, data: bytes) -> bytes:
    """The data with one change that is one."""
    while True:
        changed = rng.choice(CHANGES)(rng, data)
        if changed != data:
            return changed


def tamper_folder(rng: random.Random, folder: Path) -> str:
    """Change one file of a folder, or remove, double or swap files; what was done is returned."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size)
    path = rng.choice(files)
    name = str(path.relative_to(folder))
    what = rng.random()
    if what < 0.05:
        path.unlink()
        return f"removed {name}"
    if what < 0.1:
        other = rng.choice([p for p in files if p.read_bytes() != path.read_bytes()])
        mine, theirs = path.read_bytes(), other.read_bytes()
        path.write_bytes(theirs)
        other.write_bytes(mine)
        return f"swapped {name} and {other.relative_to(folder)}"
    path.write_bytes(tampered(rng, path.read_bytes()))
    return f"changed {name}"
