"""Feedback to whoever shared an indicator: signed, so that nobody can dispute in another's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.canonical import canonical
from stillwatch.evidence.dsse import seal, signed_by, unseal
from stillwatch.evidence.signing import SHARING, PublicKey
from stillwatch.exchange.book import Feedback
from stillwatch.exchange.package import as_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stillwatch.evidence.signing import SigningKey

PAYLOAD_TYPE = "application/vnd.stillwatch.feedback+json"
MAX_BYTES = 64 * 1024


def write_feedback(
    key: SigningKey, package: str, finding: str, accounts: int, note: str, at: str
) -> bytes:
    """A signed feedback.

    Args:
        key: of who found it.
        package: name of the package, ``source:campaign``.
        finding: ``false positive`` or ``confirmed``.
        accounts: how many.
        note: in a line.
        at: when.

    Raises:
        UsageError: a value is none.
    """
    value = {
        "format": "stillwatch/feedback/1",
        "package": package,
        "source": as_name(key.name),
        "at": at,
        "finding": finding,
        "accounts": accounts,
        "note": note,
    }
    try:
        msgspec.convert(value, Feedback)
    except msgspec.ValidationError as error:
        raise UsageError(f"this is no feedback: {error}") from None
    return seal(canonical(value), PAYLOAD_TYPE, key.signer(SHARING))


def is_feedback(path: Path) -> bool:
    """Whether a file is a feedback, and not a package."""
    with path.open("rb") as file:
        return PAYLOAD_TYPE.encode() in file.read(MAX_BYTES)


def read_feedback(path: Path, keys: Sequence[PublicKey] = ()) -> Feedback:
    """Read a feedback.

    Raises:
        InputError: it is too large, malformed, or not signed by its source.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError("is too large for a feedback", file=str(path))
    known = list(keys) or [PublicKey.parse(signed_by(data, file=str(path)), file=str(path))]
    payload, key = unseal(data, PAYLOAD_TYPE, known, file=str(path))
    try:
        found = msgspec.json.decode(payload, type=Feedback)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"is no feedback: {error}", file=str(path)) from None
    if found.source != as_name(key.name.removesuffix(f"/{SHARING}")):
        raise InputError(
            f"names {found.source!r} as its source, signed by {key.name!r}", file=str(path)
        )
    return found
