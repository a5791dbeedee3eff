"""Single values from outside, made into what the request table holds."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""Requests before `EARLIEST` or from `LATEST` on are rejected: no model API, or a broken clock."""

# One pair of surrogates is one character; a surrogate alone is none and stops the decoder.
_SURROGATES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{0,9})?")


def repair(record: bytes) -> bytes:
    """Replace what JSON cannot carry (bad UTF-8, lone surrogates) by U+FFFD.

    A client chooses these bytes, so a record that holds them must not get out of the scan.
    """
    record = record.decode("utf-8", "replace").encode("utf-8")
    return _SURROGATES.sub(lambda m: m[0] if len(m[0]) in (2, 12) else rb"\ufffd", record)


def decode_json(data: bytes | str) -> object:
    """Decode one JSON value, repairing its text where that is needed.

    Raises:
        msgspec.DecodeError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    try:
        value: object = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = msgspec.json.decode(repair(raw))
    return value


def from_json(value: object) -> object:
    """Decode a string that holds a JSON object or array; give anything else back as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return decode_json(value)
        except (msgspec.DecodeError, RecursionError):
            return value
    return value


def microseconds(value: object) -> int | None:
    """Microseconds since 1970 of a time in any common spelling, None where it is no time.

    Args:
        value: an ISO 8601 / RFC 3339 string (UTC where it names no zone), or a number: seconds,
            milliseconds, microseconds or nanoseconds since 1970, told apart by their size; or
            such a number as a string.
    """
    if isinstance(value, str):
        value = value.strip()
        if _NUMBER.fullmatch(value):
            value = float(value) if "." in value else int(value)
        else:
            try:
                value = datetime.fromisoformat(value.upper())
            except ValueError:
                return None
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (moment - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    size = abs(value)
    for limit, factor in ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1)):
        if size < limit:
            return round(value * factor)
    return int(value // 1_000) if size < 1e20 else None


def text(value: object) -> str | None:
    """A non-empty string; whole numbers count as strings, as identifiers often come so."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: object) -> float | None:
    """A finite number, also from a string of digits; None for everything else."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def integer(value: object) -> int | None:
    """A whole number; None for everything else."""
    as_float = number(value)
    return int(as_float) if as_float is not None and as_float.is_integer() else None


def flag(value: object) -> bool | None:
    """True or false; a number is true where it is not zero (old completions: `logprobs: 5`)."""
    if isinstance(value, bool):
        return value
    as_number = number(value)
    return None if as_number is None else as_number != 0


def dig(value: object, *path: str | int) -> object:
    """What lies at a path of keys and indices, None where any step is missing."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def first(*values: object) -> object:
    """The first value that is neither None nor empty."""
    for value in values:
        if value is not None and value not in ("", [], {}):
            return value
    return None
