"""DSSE envelopes (secure-systems-lab/dsse, version 1.0.2): a signature over a payload and its type.

The envelope must be canonical JSON with one signature under the name of the key that made it, so
that its bytes cannot be changed without notice: DSSE itself does not protect the key's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import InputError
from stillwatch.evidence.canonical import b64, canonical, from_b64, read_canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stillwatch.evidence.signing import PublicKey, Signer


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payload: str
    payloadType: str  # noqa: N815 - DSSE's name
    signatures: list[_Signature]


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """What is signed: DSSE's PAE."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, payload_type: str, signer: Signer) -> bytes:
    """Sign a payload."""
    signature = signer.sign(pre_authentication(payload_type, payload))
    envelope: dict[str, Any] = {
        "payload": b64(payload),
        "payloadType": payload_type,
        "signatures": [{"keyid": signer.key.line, "sig": b64(signature)}],
    }
    return canonical(envelope)


def unseal(
    data: bytes, payload_type: str, keys: Iterable[PublicKey], *, file: str = ""
) -> tuple[bytes, PublicKey]:
    """Check an envelope's signature and take out the payload.

    Args:
        data: the envelope.
        payload_type: what the payload must be.
        keys: those that may have signed.
        file: where it is from, for messages.

    Returns:
        The payload and the key that signed it.

    Raises:
        InputError: it is not an envelope, of another type, or none of the keys signed it.
    """
    envelope = _read(data, file)
    if envelope.payloadType != payload_type:
        raise InputError(
            f"the envelope holds {envelope.payloadType[:80]!r}, not {payload_type!r}", file=file
        )
    try:
        payload = from_b64(envelope.payload)
        signature = from_b64(envelope.signatures[0].sig)
    except ValueError:
        raise InputError("payload or signature is not base64", file=file) from None
    stated = envelope.signatures[0].keyid
    for key in keys:
        if key.line == stated:
            if key.accepts(signature, pre_authentication(payload_type, payload)):
                return payload, key
            raise InputError(f"the signature is not by {stated[:120]!r}", file=file)
    raise InputError(f"it is signed by another key, {stated[:120]!r}", file=file)


def _read(data: bytes, file: str) -> _Envelope:
    value = read_canonical(data, what="the envelope", file=file)
    try:
        envelope = msgspec.convert(value, _Envelope)
    except msgspec.ValidationError as error:
        raise InputError(f"is no DSSE envelope: {error}", file=file) from None
    if len(envelope.signatures) != 1:
        raise InputError(f"has {len(envelope.signatures)} signatures, one is expected", file=file)
    return envelope


def signed_by(data: bytes, *, file: str = "") -> str:
    """The published line of the key that an envelope says it is signed by."""
    return _read(data, file).signatures[0].keyid
