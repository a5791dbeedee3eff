"""Witnesses by file exchange: somebody else signs that a ledger grew and was not rewritten.

The provider hands over its checkpoint and the proof that the last one that the witness saw is its
beginning (`offer`). The witness checks, remembers and signs (`Witness.cosign`). The provider keeps
the signature (`accept`); an entry names the witness's key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.canonical import b64, canonical, from_b64, read_canonical
from stillwatch.evidence.ledger.audit import is_beginning
from stillwatch.evidence.ledger.checkpoint import parse_checkpoint
from stillwatch.evidence.ledger.log import WITNESS_KEY
from stillwatch.evidence.ledger.note import cosigned
from stillwatch.evidence.ledger.tiles import SCRATCH, replace_file
from stillwatch.evidence.signing import COSIGNATURE, WITNESS, PublicKey, SigningKey

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.evidence.ledger.log import Ledger


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a witness gets: a signed checkpoint, and why it continues an older one."""

    checkpoint: str
    since: int
    proof: list[str]


def offer(ledger: Ledger, since: int) -> bytes:
    """The last checkpoint, with the proof that its beginning is the ledger at size `since`.

    Raises:
        UsageError: there is no checkpoint, or it is smaller.
    """
    last = ledger.last()
    if last is None or last.checkpoint.size < since:
        raise UsageError(f"the ledger has no checkpoint of {since} entries or more")
    proof = [b64(step) for step in ledger.consistency(since)] if since else []
    return canonical({"checkpoint": last.note.data.decode(), "since": since, "proof": proof})


class Witness:
    """Remembers the last checkpoint of each ledger that it has seen, in a folder.

    Args:
        folder: a file a ledger.
        key: signs as a witness.
    """

    def __init__(self, folder: Path, key: SigningKey) -> None:
        self._folder, self._signer = folder, key.signer(WITNESS)

    @property
    def key(self) -> PublicKey:
        """What the provider enters and others check by."""
        return self._signer.key

    def seen(self, origin: str) -> int:
        """Size of the ledger when it was last signed."""
        path = self._path(origin)
        return parse_checkpoint(path.read_bytes())[0].size if path.exists() else 0

    def cosign(self, data: bytes, trusted: PublicKey, at: int) -> bytes:
        """Check an offer and sign the checkpoint in it.

        Args:
            data: as `offer` wrote it.
            trusted: the ledger's published key.
            at: seconds since the epoch.

        Returns:
            The checkpoint with the witness's signature.

        Raises:
            InputError: it is damaged, not signed by the ledger, or no continuation of what was
                seen: then the ledger was rewritten, and both checkpoints together prove it.
        """
        try:
            given = msgspec.convert(read_canonical(data, what="the offer"), Offer)
            proof = [from_b64(step) for step in given.proof]
        except (msgspec.ValidationError, ValueError) as error:
            raise InputError(f"is no offer to a witness: {error}") from None
        point, note = parse_checkpoint(given.checkpoint.encode())
        if not note.by([trusted]):
            raise InputError(f"the checkpoint is not signed by {trusted.line}")
        path = self._path(point.origin)
        if path.exists():
            old, _ = parse_checkpoint(path.read_bytes(), file=str(path))
            if old.size != given.since:
                raise InputError(f"the proof starts at {given.since}, the last seen is {old.size}")
            if not is_beginning(old, point, proof):
                raise InputError(
                    f"the ledger of size {point.size} does not continue the one of size {old.size} "
                    f"that was signed before: a fork. Keep both: {path}"
                )
        signed = note.with_signature(cosigned(point.text, self._signer, at))
        replace_file(path, signed.data, path.with_name(SCRATCH))
        return signed.data

    def _path(self, origin: str) -> Path:
        return self._folder / "".join(c if c.isalnum() or c in ".-" else "_" for c in origin)


def accept(ledger: Ledger, data: bytes, key: PublicKey) -> None:
    """Keep a checkpoint that came back with a witness's signature.

    Raises:
        UsageError: the key is no witness's.
        InputError: it is not a checkpoint of this ledger with that signature.
    """
    if key.kind != COSIGNATURE:
        raise UsageError(f"{key.name} is not the key of a witness")
    point, note = parse_checkpoint(data)
    own = next((s for s in ledger.history() if s.checkpoint == point), None)
    if own is None:
        raise InputError("this ledger has no such checkpoint")
    by = note.by([key])
    if not by:
        raise InputError(f"the checkpoint is not signed by {key.line}")
    if not _known(ledger, key):
        ledger.append(WITNESS_KEY, {"key": key.line})
    ledger.replace_note(own.note.with_signature(by[0][0]))


def _known(ledger: Ledger, key: PublicKey) -> bool:
    return any(e.kind == WITNESS_KEY and e.payload.get("key") == key.line for e in ledger.entries())
