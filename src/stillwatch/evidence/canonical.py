"""Canonical JSON (RFC 8785): one text for one value, so that a digest means the value.

One thing is stricter than the RFC: bytes that are read must already be canonical, so that no change
of a byte goes unseen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

import msgspec
import rfc8785

from stillwatch.errors import InputError

MAX_BYTES = 256 * 2**20
"""Largest document that is read: the verdict on 25,000 accounts takes 8 MiB."""


def canonical(value: Any) -> bytes:
    """The canonical JSON of dictionaries, lists, strings, numbers, booleans and None.

    Raises:
        ValueError: JSON cannot hold it: an infinite or undefined number, an integer beyond 2**53,
            half a surrogate pair, or another type.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise ValueError(str(error)) from None


def read_canonical(data: bytes, *, what: str, file: str = "") -> Any:
    """Read canonical JSON.

    Args:
        data: the bytes.
        what: what they should be, for the message.
        file: where they are from.

    Raises:
        InputError: they are too large, nested too deeply, not JSON, or not canonical.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"{what} is larger than {MAX_BYTES >> 20} MiB", file=file)
    try:
        value = msgspec.json.decode(data)
        again = canonical(value)
    except RecursionError:
        raise InputError(f"{what} is nested too deeply", file=file) from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise InputError(f"{what} is not JSON: {error}", file=file) from None
    if again != data:
        at = next((i for i, (a, b) in enumerate(zip(again, data, strict=False)) if a != b), None)
        at = min(len(again), len(data)) if at is None else at
        raise InputError(f"{what} is not in canonical form (RFC 8785) at byte {at}", file=file)
    return value


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def b64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def from_b64(text: str) -> bytes:
    """Decode standard base64 that is exactly what `b64` writes.

    Raises:
        ValueError: anything else, stray bits at its end too.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        data = None
    if data is None or b64(data) != text:
        raise ValueError("not base64")
    return data
