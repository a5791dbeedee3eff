"""A registration's identifiers as the keyed tokens that are stored and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.sketch.clients import network
from stillwatch.sketch.siphash import sip_bytes

if TYPE_CHECKING:
    from stillwatch.cases.registration import Registration
    from stillwatch.sketch import SketchKey
    from stillwatch.sketch.columns import Key

TRAITS = ("mailbox", "payment", "device")

_DOTLESS = frozenset({"gmail.com", "googlemail.com"})


@dataclass(frozen=True, slots=True)
class Tokens:
    """Keyed 64-bit tokens; None where the registration lacks the value. `domain` is in clear."""

    domain: str | None
    mailbox: int | None
    payment: int | None
    device: int | None
    network: int | None


class Tokeniser:
    """Makes tokens under the deployment's key: those that `Sketcher` makes of whole columns."""

    def __init__(self, key: SketchKey) -> None:
        self._keys = {trait: key.subkey(f"trait {trait}") for trait in TRAITS}
        self._network = key.subkey("network")
        _token("compile the kernel now", self._network)

    def tokens(self, registration: Registration) -> Tokens:
        """The tokens of a registration."""
        domain, mailbox = mail_parts(registration.email)
        place = network(registration.address) if registration.address else None
        return Tokens(
            domain=domain,
            mailbox=_token(mailbox, self._keys["mailbox"]),
            payment=_token(registration.payment_fingerprint, self._keys["payment"]),
            device=_token(registration.device, self._keys["device"]),
            network=_token(place, self._network),
        )


def _token(value: str | None, key: Key) -> int | None:
    """SipHash-2-4 of a value as a signed number; a column of one value would cost far more."""
    if not value:
        return None
    data = np.frombuffer(value.encode(), dtype=np.uint8)
    hashed = int(sip_bytes(data, 0, len(data), key[0], key[1]))
    return hashed - (1 << 64) if hashed >> 63 else hashed


def mail_parts(email: str | None) -> tuple[str | None, str | None]:
    """The domain of an address, and the mailbox behind its spellings (case, tags, dots).

    Only a domain gives no mailbox.
    """
    if not email:
        return None, None
    local, at, domain = email.strip().lower().rpartition("@")
    if not at or not local:
        return domain or None, None
    local = local.partition("+")[0]
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return domain, f"{local}@{domain}"
