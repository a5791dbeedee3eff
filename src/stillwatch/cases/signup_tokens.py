"""A registration's identifiers as the keyed tokens that are stored and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from stillwatch.sketch import Sketcher

if TYPE_CHECKING:
    from stillwatch.cases.registration import Registration
    from stillwatch.sketch import SketchKey

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
    """Makes tokens under the deployment's key; the same that sketches and account files get."""

    def __init__(self, key: SketchKey) -> None:
        self._sketcher = Sketcher(key)
        self.tokens_of("a@b.example", "p", "d", "192.0.2.1")  # compile the kernels now

    def tokens(self, registration: Registration) -> Tokens:
        """The tokens of a registration."""
        return self.tokens_of(
            registration.email,
            registration.payment_fingerprint,
            registration.device,
            registration.address,
        )

    def tokens_of(
        self, email: str | None, payment: str | None, device: str | None, address: str | None
    ) -> Tokens:
        """The tokens of single values."""
        domain, mailbox = mail_parts(email)
        network = None
        if address:
            network = self._sketcher.network_keys(pa.array([address], pa.string()))[0].as_py()
        return Tokens(
            domain=domain,
            mailbox=self._trait("mailbox", mailbox),
            payment=self._trait("payment", payment),
            device=self._trait("device", device),
            network=network,
        )

    def _trait(self, name: str, value: str | None) -> int | None:
        if not value:
            return None
        found: int | None = self._sketcher.trait_keys(pa.array([value], pa.string()), name)[
            0
        ].as_py()
        return found


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
