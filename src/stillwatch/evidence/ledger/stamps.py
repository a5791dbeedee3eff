"""Time stamps on checkpoints (RFC 3161): an authority's word that a ledger was this at that time.

By file exchange: a request is written, whoever may reach the authority carries it there, and the
answer is checked and kept with the authority's root certificate. An entry of the ledger names the
digests of both, so that neither can be changed or dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stillwatch.errors import InputError, MissingExtraError, UsageError
from stillwatch.evidence.canonical import digest
from stillwatch.evidence.ledger.checkpoint import Checkpoint, parse_checkpoint
from stillwatch.evidence.ledger.tiles import SCRATCH, replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stillwatch.evidence.ledger.log import Ledger

TIME_STAMP = "time stamp"
MAX_RESPONSE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of checking a time stamp that is kept."""

    where: str
    files: tuple[str, ...] = ()
    problem: str = ""
    checked: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def request_stamp(checkpoint: Checkpoint) -> bytes:
    """A time-stamp request for a checkpoint, DER.

    Raises:
        MissingExtraError: the part that speaks RFC 3161 is not installed.
    """
    rfc3161 = _library()
    builder = rfc3161.TimestampRequestBuilder().data(checkpoint.text.encode())
    data: bytes = builder.hash_algorithm(rfc3161.HashAlgorithm.SHA256).build().as_bytes()
    return data


def check_stamp(response: bytes, roots: bytes, checkpoint: Checkpoint, *, file: str = "") -> str:
    """Check an authority's answer.

    Args:
        response: DER, as the authority sent it.
        roots: PEM of the certificates that it must lead to.
        checkpoint: what must be stamped.
        file: for messages.

    Returns:
        The time in it, RFC 3339 UTC.

    Raises:
        InputError: the answer is damaged, refused, over something else, or not by that authority.
        MissingExtraError: the part that speaks RFC 3161 is not installed.
    """
    rfc3161 = _library()
    from cryptography import x509  # noqa: PLC0415 - only here

    if len(response) > MAX_RESPONSE:
        raise InputError("is too large for a time stamp", file=file)
    try:
        certificates = x509.load_pem_x509_certificates(roots)
        answer = rfc3161.decode_timestamp_response(response)
        if answer.as_bytes() != response:
            raise ValueError("it holds more than a time stamp")
        verifier = rfc3161.VerifierBuilder(roots=certificates).build()
        verifier.verify_message(answer, checkpoint.text.encode())
        at = answer.tst_info.gen_time
    except (ValueError, rfc3161.VerificationError) as error:
        raise InputError(f"the time stamp does not hold: {error}", file=file) from None
    return str(at.strftime("%Y-%m-%dT%H:%M:%SZ"))


def keep_stamp(ledger: Ledger, response: bytes, roots: bytes, size: int) -> str:
    """Check an answer and keep it with the checkpoint of a size; the time in it is returned.

    Raises:
        UsageError: there is no such checkpoint.
        InputError: the answer does not hold.
    """
    signed = next((s for s in ledger.history() if s.checkpoint.size == size), None)
    if signed is None:
        raise UsageError(f"the ledger has no checkpoint of size {size}")
    at = check_stamp(response, roots, signed.checkpoint)
    folder = ledger.folder / "timestamps"
    for name, data in ((f"{size}.tsr", response), (f"{size}.pem", roots)):
        replace_file(folder / name, data, ledger.folder / SCRATCH)
    ledger.append(
        TIME_STAMP,
        {"size": size, "response": digest(response), "roots": digest(roots), "time": at},
    )
    return at


def check_kept_stamp(  # noqa: PLR0911 - a return a reason
    folder: Path, payload: Mapping[str, Any]
) -> Kept:
    """Check a time stamp that an entry names."""
    size = str(payload.get("size"))
    if not re.fullmatch(r"\d{1,12}", size):
        return Kept("time stamp", problem="its entry names no checkpoint")
    files = (f"{size}.tsr", f"{size}.pem")
    where = f"timestamps/{files[0]}"
    try:
        response, roots = ((folder / "timestamps" / name).read_bytes() for name in files)
        point, _ = parse_checkpoint((folder / "history" / f"{int(size):012}").read_bytes())
    except (OSError, InputError) as error:
        return Kept(where, files, f"cannot be read: {error}")
    for name, data in (("response", response), ("roots", roots)):
        if digest(data) != payload.get(name):
            return Kept(where, files, f"the {name} is not the one that was kept")
    try:
        at = check_stamp(response, roots, point, file=where)
    except MissingExtraError as error:
        return Kept(where, files, unchecked=(f"the time stamp on size {size}: {error}",))
    except InputError as error:
        return Kept(where, files, str(error))
    if at != payload.get("time"):
        return Kept(where, files, f"says {at}, the entry says {payload.get('time')}")
    return Kept(
        where,
        files,
        checked=(f"a time stamp says that the first {size} entries were there at {at}",),
        unchecked=(f"whether the certificate in timestamps/{files[1]} is the authority's",),
    )


def _library() -> Any:
    try:
        import rfc3161_client  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("timestamp", "a time stamp") from None
    return rfc3161_client
