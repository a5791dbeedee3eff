"""Who signs: an Ed25519 key for each purpose, derived from one secret, and their public names.

A public key is written as in signed notes (C2SP signed-note): `name+keyid+base64`. These lines are
what a provider publishes, and what whoever checks its evidence has to know.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.canonical import b64, from_b64
from stillwatch.secret import SecretPlace, create_once, read_secret

if TYPE_CHECKING:
    from pathlib import Path

PLACE = SecretPlace("STILLWATCH_SIGNING_KEY", "STILLWATCH_SIGNING_KEY_FILE", "signing-key")
"""Where the secret lies that signs."""

NOTE, COSIGNATURE = 1, 4
"""Kinds of signatures in signed notes: of the note itself, and of a witness with its time."""

LEDGER, EVIDENCE, WITNESS, SHARING = "ledger", "evidence", "witness", "sharing"
"""What a key is for. No key signs two kinds of things."""

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key with the name that it signs under."""

    name: str
    public: bytes
    kind: int = NOTE

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key in a signature."""
        text = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(text).digest()[:4]

    @property
    def line(self) -> str:
        """As it is published."""
        return f"{self.name}+{self.key_id.hex()}+{b64(bytes([self.kind]) + self.public)}"

    def accepts(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made the signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    @classmethod
    def parse(cls, line: str, *, file: str = "") -> PublicKey:
        """Read a published line.

        Raises:
            InputError: it is no such line, or its key id belongs to another key.
        """
        name, _, rest = line.strip().partition("+")
        stated, _, encoded = rest.partition("+")
        try:
            data = from_b64(encoded)
        except ValueError:
            data = b""
        if not is_name(name) or len(data) != 33 or data[0] not in {NOTE, COSIGNATURE}:
            raise InputError(f"is not a public key: {line.strip()[:80]!r}", file=file)
        key = cls(name, data[1:], data[0])
        if key.key_id.hex() != stated:
            raise InputError(f"the key id of {name[:80]!r} belongs to another key", file=file)
        return key


def is_name(name: str) -> bool:
    """Whether a text can name a key: neither spaces nor plus signs, and not too long."""
    clean = name.isprintable() and "+" not in name and not any(c.isspace() for c in name)
    return bool(name) and clean and len(name) <= _LONGEST_NAME


@dataclass(frozen=True, slots=True)
class Signer:
    """The private side of a `PublicKey`. `repr` never shows it."""

    key: PublicKey
    private: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature (RFC 8032), the same for the same message."""
        return self.private.sign(message)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret and the name that its keys sign under. `repr` never shows the secret.

    Attributes:
        name: of the provider, such as ``evidence.example.com``.
        secret: 32 bytes.
    """

    name: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise UsageError(
                f"{self.name[:80]!r} cannot name a key: no spaces and no plus signs, such as "
                "evidence.example.com"
            )

    def signer(self, purpose: str) -> Signer:
        """The key of one purpose: HKDF-SHA256 (RFC 5869) of the secret."""
        seed = HKDF(SHA256(), 32, salt=None, info=f"stillwatch {purpose}".encode()).derive(
            self.secret
        )
        private = Ed25519PrivateKey.from_private_bytes(seed)
        kind = COSIGNATURE if purpose == WITNESS else NOTE
        public = private.public_key().public_bytes_raw()
        return Signer(PublicKey(f"{self.name}/{purpose}", public, kind), private)

    def public(self, purpose: str) -> PublicKey:
        """The public key of one purpose."""
        return self.signer(purpose).key

    @classmethod
    def load(cls, name: str = "") -> SigningKey:
        """Take the secret from the environment, else from its file, made 0600 at first use.

        Args:
            name: to sign under; made from the key unless given.

        Raises:
            UsageError: the secret or the name is malformed.
            InputError: the file cannot be used.
        """
        return cls.of(PLACE.load(), name)

    @classmethod
    def from_file(cls, path: Path, name: str = "") -> SigningKey:
        """Take the secret from a file, made 0600 if it is new.

        Raises:
            UsageError: the secret or the name is malformed.
            InputError: the file cannot be used.
        """
        try:
            create_once(path)
            return cls.of(read_secret(path), name)
        except OSError as error:
            raise InputError(f"cannot be used: {error.strerror}", file=str(path)) from None

    @classmethod
    def of(cls, secret: bytes, name: str = "") -> SigningKey:
        """A key under a name, by default one that is made from the key itself."""
        shown = hashlib.blake2b(b"name", key=secret, digest_size=5).hexdigest()
        return cls(name or f"stillwatch-{shown}", secret)


def read_keys(path: Path) -> tuple[PublicKey, ...]:
    """Read a file of published keys: one a line; empty lines and lines that begin with # are left.

    Raises:
        InputError: the file cannot be read, or a line is no public key.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=str(path)) from None
    named = [line for line in lines if line.strip() and not line.startswith("#")]
    return tuple(PublicKey.parse(line, file=str(path)) for line in named)
