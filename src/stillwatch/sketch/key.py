"""The deployment's secret, and the keys derived from it for each column.

Every hash that Stillwatch keeps is keyed with this secret, so two deployments' sketches cannot be
joined and a stolen sketch cannot be searched for a known prompt or address. There is no default.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.secret import SECRET_BYTES, SecretPlace, from_hex

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["PLACE", "SECRET_BYTES", "SketchKey", "default_key_file"]

PLACE = SecretPlace("STILLWATCH_KEY", "STILLWATCH_KEY_FILE", "key")
"""Where the deployment's secret lies."""


def default_key_file() -> Path:
    """Where the key lies when neither environment variable is set (XDG base directories)."""
    return PLACE.default_file


@dataclass(frozen=True, slots=True)
class SketchKey:
    """A 32-byte secret. `repr` never shows it."""

    secret: bytes = field(repr=False)

    def subkey(self, purpose: str) -> NDArray[np.uint64]:
        """Derive the 128-bit SipHash key of one column, as two 64-bit words.

        BLAKE2b keyed with the secret over the purpose (RFC 7693, a PRF in this use): columns of
        different purposes cannot be joined even inside one deployment.
        """
        digest = hashlib.blake2b(
            purpose.encode(), key=self.secret, digest_size=16, person=b"stillwatch"
        ).digest()
        return np.frombuffer(digest, dtype="<u8").copy()

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that name the key without giving it away."""
        return hashlib.blake2b(b"fingerprint", key=self.secret, digest_size=8).hexdigest()

    @classmethod
    def from_hex(cls, text: str, *, source: str) -> SketchKey:
        """Read a key from 64 hex digits.

        Raises:
            UsageError: the text is not 64 hex digits. The text itself is not repeated.
        """
        return cls(from_hex(text, source=source))

    @classmethod
    def load(cls) -> SketchKey:
        """Take the key from the environment, else from its file, made 0600 at first use.

        Raises:
            UsageError: the key is malformed.
            InputError: the file cannot be read, made, or is open to other users.
        """
        return cls(PLACE.load())
