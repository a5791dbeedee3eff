"""The key that partners share.

Tokens made with it mean the same to all of them, and nothing to others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.errors import InputError
from stillwatch.secret import SecretPlace, create_once, read_secret
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from pathlib import Path

PLACE = SecretPlace("STILLWATCH_PARTNER_KEY", "STILLWATCH_PARTNER_KEY_FILE", "partner-key")


def load_partner_key(path: Path | None = None) -> SketchKey:
    """The partners' key from a file, else from the environment, else from its file.

    Raises:
        UsageError: it is malformed.
        InputError: the file cannot be used.
    """
    if path is None:
        return SketchKey(PLACE.load())
    try:
        return SketchKey(read_secret(path))
    except OSError as error:
        raise InputError(f"the key file cannot be used: {error.strerror}", file=str(path)) from None


def make_partner_key(path: Path) -> SketchKey:
    """A fresh key in a file of mode 0600, to be given to partners over a safe channel."""
    create_once(path)
    return load_partner_key(path)
