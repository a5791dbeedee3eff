"""What is shared about one campaign: a few numbers about it, and keyed tokens to recognise it by.

Every format that goes out is made from a package, and every one that comes in becomes one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from stillwatch.errors import InputError
from stillwatch.schema import Verdict  # noqa: TC001 (read at run time)

FORMAT = "stillwatch/share/1"

MIN_ACCOUNTS = 5
"""Accounts that a campaign, and each of its indicators, must have before anything about it
leaves."""

MAX_INDICATORS = 500

Kind = Literal["system_key", "head8_key", "tail8_key", "skeleton_key"]
"""What may be shared under a common key: families that are made of enough words to be beyond
trying. A network, a card or an e-mail domain is not: see `psi`."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")]
Token = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]
Moment = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Line = Annotated[str, msgspec.Meta(max_length=500)]
Tlp = Literal["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"]


class Indicator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token that requests of a campaign have and others have not.

    Attributes:
        kind: of the prompt family.
        token: keyed hash under the partners' key, 16 hex digits.
        accounts: members that showed it, to two digits.
        confidence: 0 to 100, how sure the source is.
        valid_from, valid_until: when it counts.
        revoked: taken back by its source.
    """

    kind: Kind
    token: Token
    accounts: Count
    confidence: Annotated[int, msgspec.Meta(ge=0, le=100)]
    valid_from: Moment
    valid_until: Moment
    revoked: bool = False

    @property
    def name(self) -> str:
        """Names it among all of one partnership."""
        return f"{self.kind}:{self.token}"

    def counts_at(self, now: datetime) -> bool:
        """Whether it is in force at a moment."""
        return not self.revoked and moment_of(self.valid_from) <= now < moment_of(self.valid_until)


class SharedCampaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A campaign as others may know it: no identifier, counts to two digits.

    Attributes:
        name: what its source calls it outside.
        verdict: of the source.
        first_seen, last_seen: days.
        accounts, requests: rounded.
        capabilities: share of the requests by capability.
        coordination_p, extraction_p, e_value, level: how sure the source is, and at which level.
        null: which innocent explanations these p-values are about.
        limits: what the evidence does not show.
    """

    name: Name
    verdict: Verdict
    first_seen: Moment
    last_seen: Moment
    accounts: Count
    requests: Count
    capabilities: Annotated[dict[Name, Share], msgspec.Meta(max_length=30)]
    coordination_p: Share | None
    extraction_p: Share | None
    e_value: Annotated[float, msgspec.Meta(ge=0, le=1e15)] | None
    level: Share
    null: Line
    limits: Annotated[tuple[Line, ...], msgspec.Meta(max_length=30)]


class Package(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is shared about one campaign.

    Attributes:
        format: `FORMAT`.
        source: who shares.
        created, modified: when; a later one of the same campaign replaces an earlier one.
        tlp: how far it may go.
        key: fingerprint of the partners' key that tokens are made with.
        campaign: what is said of it.
        indicators: ordered by name.
        revoked: taken back as a whole.
        reason: why, where it is.
        disputes: partners that told the source of honest accounts that it hit.
    """

    format: Literal["stillwatch/share/1"]
    source: Name
    created: Moment
    modified: Moment
    tlp: Tlp
    key: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]
    campaign: SharedCampaign
    indicators: Annotated[tuple[Indicator, ...], msgspec.Meta(max_length=MAX_INDICATORS)]
    revoked: bool = False
    reason: Line = ""
    disputes: Count = 0

    @property
    def name(self) -> str:
        """Names it among all: source and campaign."""
        return f"{self.source}:{self.campaign.name}"


def moment_of(text: str) -> datetime:
    """A moment of a package.

    Raises:
        ValueError: it is none, such as the 31st of February.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def check_package(package: Package, *, file: str = "") -> Package:
    """Check what types cannot say.

    Raises:
        InputError: it contradicts itself.
    """
    campaign = package.campaign
    try:
        order = [moment_of(campaign.first_seen) <= moment_of(campaign.last_seen)]
        order += [moment_of(package.created) <= moment_of(package.modified)]
        order += [moment_of(i.valid_from) < moment_of(i.valid_until) for i in package.indicators]
    except ValueError as error:
        raise InputError(f"names a moment that does not exist: {error}", file=file) from None
    if not all(order):
        raise InputError("has moments in the wrong order", file=file)
    if len({i.name for i in package.indicators}) != len(package.indicators):
        raise InputError("has an indicator twice", file=file)
    if campaign.accounts < MIN_ACCOUNTS or any(
        i.accounts < MIN_ACCOUNTS for i in package.indicators
    ):
        raise InputError(
            f"is about fewer than {MIN_ACCOUNTS} accounts, which could single somebody out",
            file=file,
        )
    return package


def two_digits(number: float) -> int:
    """A count as it may leave: to two significant digits."""
    return int(float(f"{number:.2g}"))


def as_name(text: str) -> str:
    """A text as a name that packages may carry."""
    cleaned = re.sub(r"[^A-Za-z0-9._/-]", "-", text)[:100].lstrip("._/-")
    return cleaned or "unnamed"
