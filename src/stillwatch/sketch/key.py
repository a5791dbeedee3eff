"""The deployment's secret, and the keys derived from it for each column.

Every hash that Stillwatch keeps is keyed with this secret, so two deployments' sketches cannot be
joined and a stolen sketch cannot be searched for a known prompt or address. There is no default.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.errors import InputError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENVIRONMENT_KEY = "STILLWATCH_KEY"
ENVIRONMENT_FILE = "STILLWATCH_KEY_FILE"
SECRET_BYTES = 32

_LONGEST_FILE = 4096
_MAKE_KEY = f"python3 -c 'import secrets; print(secrets.token_hex({SECRET_BYTES}))'"


def default_key_file() -> Path:
    """Where the key lies when neither environment variable is set (XDG base directories)."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "stillwatch" / "key"


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
        try:
            secret = bytes.fromhex(text.strip())
        except ValueError:
            secret = b""  # the error would repeat the text
        if len(secret) != SECRET_BYTES:
            raise UsageError(
                f"{source} must hold {SECRET_BYTES * 2} hex digits; make a key with: {_MAKE_KEY}"
            )
        return cls(secret)

    @classmethod
    def load(cls) -> SketchKey:
        """Take the key from the environment, else from its file, made 0600 at first use.

        Only the default file is made: one that is named but missing is a mistake, and a fresh key
        in its place would make sketches that can never be joined to the others.

        Raises:
            UsageError: the key is malformed.
            InputError: the file cannot be read, made, or is open to other users.
        """
        if text := os.environ.get(ENVIRONMENT_KEY):
            return cls.from_hex(text, source=f"the environment variable {ENVIRONMENT_KEY}")
        named = os.environ.get(ENVIRONMENT_FILE)
        path = Path(named) if named else default_key_file()
        try:
            if not named:
                _create_once(path)
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise InputError(
                        f"the key file is open to other users; close it with: chmod 600 {path} "
                        "(and consider the key known to them)",
                        file=str(path),
                    )
                text = file.read(_LONGEST_FILE).decode("ascii", "replace")
        except FileNotFoundError:
            raise InputError(
                f"there is no such key file, though {ENVIRONMENT_FILE} names it; make it with: "
                f"(umask 077; {_MAKE_KEY} > {path})",
                file=str(path),
            ) from None
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            raise InputError(f"the key file cannot be used: {reason}", file=str(path)) from None
        return cls.from_hex(text, source=f"the key file {path}")


def _create_once(path: Path) -> None:
    """Write a fresh key unless there is one; of several first runs all take the same one.

    The key is complete before it gets its name, and the name is given only if it is free.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(partial, path)
    finally:
        partial.unlink()
