"""Reading what others share: bounded, checked, and believed in nothing.

Whatever format it comes in, what is left is a `Package`: names of letters and digits, numbers in
their ranges, tokens of sixteen hex digits. No text of a partner is kept that was not checked
against these types; a partner cannot bring in a script, a path or an account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import InputError
from stillwatch.evidence.dsse import signed_by, unseal
from stillwatch.evidence.signing import SHARING, PublicKey
from stillwatch.exchange.package import FORMAT, Package, as_name, check_package

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PAYLOAD_TYPE = "application/vnd.stillwatch.share+json"

MAX_BYTES = 8 * 2**20
MAX_DEPTH = 24
MAX_ITEMS = 50_000


def read_shared(path: Path, keys: Sequence[PublicKey] = ()) -> tuple[Package, ...]:
    """Read packages from a file in any of the formats: our own, STIX 2.1, or MISP events.

    Args:
        path: the file.
        keys: published keys of partners; with these, only what is signed by one of them is read.

    Raises:
        InputError: the file is too large, malformed, of no known format, or not signed by a
            partner; nothing of it is used.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path)) from None
    return parse_shared(data, keys, file=str(path))


def parse_shared(
    data: bytes, keys: Sequence[PublicKey] = (), *, file: str = ""
) -> tuple[Package, ...]:
    """The same from bytes."""
    value = bounded_json(data, file=file)
    if isinstance(value, dict) and "payloadType" in value:
        return (_signed(data, keys, file),)
    if keys:
        raise InputError("is not signed, and --keys asks for the signature of a partner", file=file)
    if isinstance(value, dict) and value.get("format") == FORMAT:
        return (as_package(value, file=file),)
    if isinstance(value, dict) and value.get("type") == "bundle":
        from stillwatch.exchange.stix import from_stix  # noqa: PLC0415 - it imports this module

        return from_stix(value, file=file)
    if isinstance(value, dict) and value.keys() & {"Event", "response"}:
        from stillwatch.exchange.misp import from_misp  # noqa: PLC0415 - it imports this module

        return from_misp(value, file=file)
    raise InputError("is neither a package, nor a STIX bundle, nor a MISP event", file=file)


def _signed(data: bytes, keys: Sequence[PublicKey], file: str) -> Package:
    """A signed package; its source must be the name of the key."""
    known = list(keys) or [PublicKey.parse(signed_by(data, file=file), file=file)]
    payload, key = unseal(data, PAYLOAD_TYPE, known, file=file)
    package = as_package(bounded_json(payload, file=file), file=file)
    if package.source != as_name(key.name.removesuffix(f"/{SHARING}")):
        raise InputError(
            f"names {package.source!r} as its source, signed by {key.name!r}", file=file
        )
    return package


def as_package(value: Any, *, file: str = "") -> Package:
    """A decoded value as a package.

    Raises:
        InputError: it is none.
    """
    try:
        package = msgspec.convert(value, Package)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InputError(f"is not a package: {error}", file=file) from None
    return check_package(package, file=file)


def bounded_json(data: bytes, *, file: str = "") -> Any:
    """Decode JSON of bounded size, depth and number of parts.

    Raises:
        InputError: it is larger, or no JSON.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"is larger than {MAX_BYTES >> 20} MiB", file=file)
    try:
        value = msgspec.json.decode(data)
    except RecursionError:
        raise InputError("is nested too deeply", file=file) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"is not JSON: {error}", file=file) from None
    _bounded(value, file)
    return value


def _bounded(value: Any, file: str) -> None:
    waiting, items = [(value, 1)], 0
    while waiting:
        part, depth = waiting.pop()
        items += 1
        if depth > MAX_DEPTH or items > MAX_ITEMS:
            raise InputError(
                f"is nested more than {MAX_DEPTH} deep or has more than {MAX_ITEMS} parts",
                file=file,
            )
        if isinstance(part, dict):
            waiting += [(below, depth + 1) for below in part.values()]
        elif isinstance(part, list):
            waiting += [(below, depth + 1) for below in part]
