"""Somebody who registers, as the provider describes it."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads annotations when it runs
from typing import Literal

import msgspec

AddressKind = Literal["residential", "mobile", "campus", "office", "hosting", "proxy", "unknown"]


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider knows of somebody who registers.

    Attributes:
        reference: the provider's own number of the registration.
        email: the address, or only its domain; it is not stored.
        payment_fingerprint, device: the payment processor's and the device's token.
        address: where it came from; stored as a keyed network.
        address_kind: what sort of network that is, from the provider's address intelligence.
        organization_id: the declared organisation, if any.
        at: when; now where not given.
    """

    reference: str
    email: str | None = None
    payment_fingerprint: str | None = None
    device: str | None = None
    address: str | None = None
    address_kind: AddressKind = "unknown"
    organization_id: str | None = None
    at: datetime | None = None
