"""Secrets of the deployment: from the environment, else from a file that only its user can open.

There is no default secret. The default file is made at first use; one that is named but missing is
a mistake, and a fresh secret in its place would be worse than an error.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stillwatch.errors import InputError, UsageError

SECRET_BYTES = 32

MAKE_SECRET = f"python3 -c 'import secrets; print(secrets.token_hex({SECRET_BYTES}))'"

_LONGEST_FILE = 4096


def configuration() -> Path:
    """The folder of this user's keys (XDG base directories)."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "stillwatch"


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """Where one secret may lie.

    Attributes:
        variable: the environment variable that holds it, as 64 hex digits.
        file_variable: the environment variable that names its file.
        file_name: of the default file in `configuration()`.
    """

    variable: str
    file_variable: str
    file_name: str

    @property
    def default_file(self) -> Path:
        """Where it lies when neither environment variable is set."""
        return configuration() / self.file_name

    @property
    def given(self) -> bool:
        """Whether the environment holds it, or names its file."""
        return bool(os.environ.get(self.variable) or os.environ.get(self.file_variable))

    def load(self) -> bytes:
        """Take the secret from the environment, else from its file, made 0600 at first use.

        Raises:
            UsageError: the secret is malformed.
            InputError: the file cannot be read, made, or is open to other users.
        """
        if text := os.environ.get(self.variable):
            return from_hex(text, source=f"the environment variable {self.variable}")
        named = os.environ.get(self.file_variable)
        path = Path(named) if named else self.default_file
        try:
            if not named:
                create_once(path)
            return read_secret(path)
        except FileNotFoundError:
            raise InputError(
                f"there is no such key file, though {self.file_variable} names it; make it with: "
                f"(umask 077; {MAKE_SECRET} > {path})",
                file=str(path),
            ) from None
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            raise InputError(f"the key file cannot be used: {reason}", file=str(path)) from None


def from_hex(text: str, *, source: str) -> bytes:
    """Read a secret from 64 hex digits.

    Raises:
        UsageError: the text is not 64 hex digits. The text itself is not repeated.
    """
    try:
        secret = bytes.fromhex(text.strip())
    except ValueError:
        secret = b""  # the error would repeat the text
    if len(secret) != SECRET_BYTES:
        raise UsageError(
            f"{source} must hold {SECRET_BYTES * 2} hex digits; make a key with: {MAKE_SECRET}"
        )
    return secret


def read_secret(path: Path) -> bytes:
    """Read a secret's file.

    Raises:
        InputError: other users can open it.
        UsageError: it does not hold a secret.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise InputError(
                f"the key file is open to other users; close it with: chmod 600 {path} "
                "(and consider the key known to them)",
                file=str(path),
            )
        text = file.read(_LONGEST_FILE).decode("ascii", "replace")
    return from_hex(text, source=f"the key file {path}")


def create_once(path: Path) -> None:
    """Write a fresh secret unless there is one; of several first runs all take the same one.

    The secret is complete before it gets its name, and the name is given only if it is free.
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


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its user can open, also where there was one that others could."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        path.chmod(0o600)
        file.write(data)
