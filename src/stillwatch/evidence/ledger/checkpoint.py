"""Checkpoints (C2SP tlog-checkpoint): how large a ledger is and what its root is, signed."""

from __future__ import annotations

from dataclasses import dataclass

from stillwatch.errors import InputError
from stillwatch.evidence.canonical import b64, from_b64
from stillwatch.evidence.ledger.note import Note, parse_note


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a ledger.

    Attributes:
        origin: the ledger's name.
        size: its number of entries.
        root: root hash of the Merkle tree over them.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


def parse_checkpoint(data: bytes, *, file: str = "") -> tuple[Checkpoint, Note]:
    """Read a signed checkpoint; the signatures are not checked here.

    Raises:
        InputError: it is none.
    """
    note = parse_note(data, file=file)
    lines = note.text.split("\n")
    try:
        origin, size, root = lines[0], int(lines[1]), from_b64(lines[2])
    except (IndexError, ValueError):
        raise InputError("is not a checkpoint: origin, size and root expected", file=file) from None
    found = Checkpoint(origin, size, root)
    if size < 0 or len(root) != 32 or found.text != note.text:
        raise InputError("is not a checkpoint in its one form", file=file)
    return found, note
