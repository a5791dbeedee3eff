"""Secrets derived from the deployment's key: customers' links, stored hashes, commitments."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stillwatch.sketch.key import SketchKey

LINK_BYTES = 20


def derived(key: SketchKey, purpose: str) -> bytes:
    """A 32-byte secret for one purpose (BLAKE2b keyed with the deployment's secret)."""
    return hashlib.blake2b(
        purpose.encode(), key=key.secret, digest_size=32, person=b"stillwatch-ppl"
    ).digest()


def new_token() -> str:
    """A secret that nobody guesses: 256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def stored(token: str) -> str:
    """What is kept of a secret token. It has full entropy, so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode()).hexdigest()


def customer_link(key: SketchKey, account_id: str, epoch: int) -> str:
    """The unguessable name of an account's status page; another epoch gives another one.

    It is derived and not stored, so that a copy of the database opens nobody's page.
    """
    mac = hmac.new(derived(key, "customer link"), f"{epoch}\n{account_id}".encode(), "sha256")
    return base64.b32encode(mac.digest()[:LINK_BYTES]).decode().lower()


def commitment(blinding: bytes | None, value: str) -> str:
    """A commitment to a personal value: HMAC-SHA256 under a salt that erasure deletes.

    Without the salt the value cannot be confirmed, not even by trying all values; with it, whoever
    holds the value can show that the audit trail speaks of it.
    """
    if blinding is None:
        return "erased"
    return hmac.new(blinding, value.encode(), "sha256").hexdigest()
