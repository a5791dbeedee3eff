"""Keys of marks: one secret, a key for each epoch, and the commitment that the ledger keeps.

An epoch is whatever shall be told apart later: a campaign, a tenant, a month. Its key comes from
the deployment's secret by HKDF (RFC 5869), so that giving one key to a court or an auditor gives
no other away.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.canonical import canonical, digest, read_canonical
from stillwatch.secret import SECRET_BYTES, SecretPlace, from_hex, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PLACE = SecretPlace("STILLWATCH_MARK_KEY", "STILLWATCH_MARK_KEY_FILE", "mark-key")
"""Where the secret lies that marks are made with."""

RED_GREEN, SYNTHID = "red-green", "synthid"
SCHEMES = (RED_GREEN, SYNTHID)

_LONGEST_EPOCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How answers are marked; everything but the key.

    Attributes:
        epoch: what the key is for, such as ``2026-11`` or ``campaign k-3fa9``.
        scheme: ``red-green`` (Kirchenbauer et al. 2023, arXiv 2301.10226) raises the logits of a
            keyed part of the vocabulary; ``synthid`` (Dathathri et al. 2024, Nature 634) leaves the
            distribution as it is on average over keys.
        context: tokens before a token that choose its part. Few make a mark that training picks
            up; many make one that is harder to learn and to steal.
        green: share of the vocabulary that is raised (red-green).
        bias: by how much its logits are raised (red-green).
        depth: rounds of the tournament (synthid).
    """

    epoch: str
    scheme: str = RED_GREEN
    context: int = 2
    green: float = 0.25
    bias: float = 2.0
    depth: int = 30

    def __post_init__(self) -> None:
        problems = (
            (self.scheme not in SCHEMES, f"the scheme is one of {', '.join(SCHEMES)}"),
            (not 1 <= self.context <= 8, "the context is 1 to 8 tokens"),
            (not 0 < self.green < 1, "the green share is between 0 and 1"),
            (not 0 < self.bias <= 20, "the bias is above 0 and at most 20"),
            (not 1 <= self.depth <= 60, "the depth is 1 to 60"),
            (not self.epoch or len(self.epoch) > _LONGEST_EPOCH, "the epoch needs a short name"),
            (not self.epoch.isprintable(), "the epoch's name has unprintable characters"),
        )
        for wrong, message in problems:
            if wrong:
                raise UsageError(message)

    @property
    def parameters(self) -> dict[str, Any]:
        """What the ledger says of it; only what its scheme uses."""
        of_scheme: dict[str, Any] = (
            {"green": self.green, "bias": self.bias}
            if self.scheme == RED_GREEN
            else {"depth": self.depth}
        )
        return {
            "epoch": self.epoch,
            "scheme": self.scheme,
            "context": self.context,
            **of_scheme,
        }

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> Mark:
        """Read what `parameters` wrote.

        Raises:
            UsageError: it is something else.
        """
        try:
            return cls(**parameters)
        except TypeError:
            raise UsageError("these are not the parameters of a mark") from None


@dataclass(frozen=True, slots=True)
class MarkKey:
    """A mark with its key of 32 bytes. `repr` never shows the key."""

    mark: Mark
    secret: bytes = field(repr=False)

    @classmethod
    def derive(cls, secret: bytes, mark: Mark) -> MarkKey:
        """The key of an epoch; different parameters have different keys.

        Args:
            secret: the deployment's, 32 bytes.
            mark: how it will be used.
        """
        info = b"stillwatch mark\n" + canonical(mark.parameters)
        return cls(mark, HKDF(SHA256(), SECRET_BYTES, None, info).derive(secret))

    @property
    def commitment(self) -> str:
        """SHA-256 over parameters and key, in hex: binds to the key and does not give it away."""
        return digest(canonical({**self.mark.parameters, "key": self.secret.hex()}))

    @property
    def name(self) -> str:
        """Eight digits that name the key in findings."""
        return self.commitment[:8]

    def words(self, purpose: str, count: int) -> NDArray[np.uint64]:
        """`count` uniform 64-bit words, different for each purpose."""
        data = HKDFExpand(SHA256(), 8 * count, purpose.encode()).derive(self.secret)
        return np.frombuffer(data, dtype="<u8").astype(np.uint64)

    def decoy(self, number: int) -> MarkKey:
        """A key that marked nothing, the same each time.

        It hangs on the key itself, so nobody can choose decoys that suit a result.
        """
        message = f"decoy {number}".encode()
        return MarkKey(self.mark, hmac.digest(self.secret, message, hashlib.sha256))

    def export(self, path: Path) -> None:
        """Write the key to a file for the machines that mark with it, closed to other users.

        They need this epoch's key and nothing else; the secret stays where the ledger is.
        """
        data = canonical({**self.mark.parameters, "key": self.secret.hex()})
        write_private(path, data + b"\n")

    @classmethod
    def read(cls, path: Path) -> MarkKey:
        """Read what `export` wrote.

        Raises:
            InputError: it is something else, or open to other users.
        """
        if path.stat().st_mode & 0o077:
            raise InputError(f"is open to other users; chmod 600 {path}", file=str(path))
        value = read_canonical(
            path.read_bytes().removesuffix(b"\n"), what="the key", file=str(path)
        )
        try:
            secret = from_hex(value.pop("key"), source=str(path))
            return cls(Mark.of(value), secret)
        except (AttributeError, KeyError, TypeError, UsageError):
            raise InputError("is no exported key", file=str(path)) from None
