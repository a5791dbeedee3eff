"""Signed notes (C2SP signed-note) and witnesses' cosignatures (C2SP tlog-cosignature).

A note is a text that ends with a newline, an empty line, and a line a signature:
an em dash, the key's name, and base64 of key id and signature.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stillwatch.errors import InputError
from stillwatch.evidence.canonical import b64, from_b64
from stillwatch.evidence.signing import COSIGNATURE, PublicKey, Signer, is_name

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NOTE = 64 * 1024
MAX_SIGNATURES = 100

_DASH = "— "


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the key's name and id, and what it holds, not yet checked."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """As it stands in a note."""
        return f"{_DASH}{self.name} {b64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text with its signatures, not yet checked."""

    text: str
    signatures: tuple[Signature, ...]

    @property
    def data(self) -> bytes:
        """As it is written."""
        return (self.text + "\n" + "".join(s.line for s in self.signatures)).encode()

    def by(self, keys: Iterable[PublicKey]) -> tuple[tuple[Signature, PublicKey], ...]:
        """The signatures that keys of these made, each with its key."""
        known = {(key.name, key.key_id): key for key in keys}
        made = [(s, known.get((s.name, s.key_id))) for s in self.signatures]
        return tuple((s, k) for s, k in made if k is not None and accepts(k, s, self.text))

    def with_signature(self, signature: Signature) -> Note:
        """The same with one signature more; one by the same key is replaced."""
        others = [
            s for s in self.signatures if (s.name, s.key_id) != (signature.name, signature.key_id)
        ]
        return Note(self.text, (*others, signature))


def accepts(key: PublicKey, signature: Signature, text: str) -> bool:
    """Whether a key made a signature on a note's text."""
    if (key.name, key.key_id) != (signature.name, signature.key_id):
        return False
    if key.kind == COSIGNATURE:
        if len(signature.value) != 72:
            return False
        return key.accepts(signature.value[8:], _cosigned(text, cosigned_at(signature)))
    return key.accepts(signature.value, text.encode())


def signed(text: str, signer: Signer) -> Signature:
    """Sign a note's text."""
    return Signature(signer.key.name, signer.key.key_id, signer.sign(text.encode()))


def cosigned(text: str, signer: Signer, at: int) -> Signature:
    """Sign a checkpoint's text as its witness, at `at` seconds since the epoch."""
    value = struct.pack(">Q", at) + signer.sign(_cosigned(text, at))
    return Signature(signer.key.name, signer.key.key_id, value)


def cosigned_at(signature: Signature) -> int:
    """Seconds since the epoch at which a witness signed."""
    at: int = struct.unpack(">Q", signature.value[:8])[0]
    return at


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def parse_note(data: bytes, *, file: str = "") -> Note:
    """Read a note; only the exact bytes that `Note.data` writes are one.

    Raises:
        InputError: it is not a note, or not in its one form.
    """
    if len(data) > MAX_NOTE:
        raise InputError(f"is larger than a note may be ({MAX_NOTE} bytes)", file=file)
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("is not a signed note: not UTF-8", file=file) from None
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or tail.count("\n") > MAX_SIGNATURES:
        raise InputError("is not a signed note: its signatures are missing", file=file)
    note = Note(text + "\n", tuple(_signature(line, file) for line in tail[:-1].split("\n")))
    if note.data != data:
        raise InputError("is not a signed note in its one form", file=file)
    return note


def _signature(line: str, file: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        value = from_b64(encoded)
    except ValueError:
        value = b""
    if not line.startswith(_DASH) or not is_name(name) or len(value) < 5:
        raise InputError(f"has a line that is no signature: {line[:80]!r}", file=file)
    return Signature(name, value[:4], value[4:])
