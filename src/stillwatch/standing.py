"""What is in force: the snapshot of decisions and known campaigns that the guard reads.

`cases` (people) and `replay` or `watch` (scans) publish it, `guard` reads it, and neither knows the
other. One file, canonical JSON, replaced as a whole, so a reader sees the old one or the new one
and never half of one.
"""

from __future__ import annotations

import os
from datetime import datetime  # noqa: TC003 (read at run time)
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import InputError
from stillwatch.schema import Verdict  # noqa: TC001 (read at run time)

if TYPE_CHECKING:
    from pathlib import Path

SNAPSHOT_FORMAT = 1


class Action(StrEnum):
    """What happens to a request, from the mildest to the strictest."""

    ALLOW = "allow"
    THROTTLE = "throttle"
    VERIFY = "verify"
    RESTRICT = "restrict"
    SUSPEND = "suspend"

    __hash__ = str.__hash__  # the one of Enum is written in Python, and slow

    @property
    def severity(self) -> int:
        """0 for `allow` up to 4 for `suspend`."""
        return list(Action).index(self)


LEVELS = ("unverified", "email", "phone", "payment", "organisation")
"""Levels of verification, each stronger than the one before."""

SATISFYING = "payment"
"""The level from which the guard challenges nobody any more where a policy names no other, and so
what it asks for: who has done it must not be challenged again."""

_LEVEL_WORDS = {
    "none": "unverified",
    "e-mail": "email",
    "card": "payment",
    "identity": "payment",  # a person's papers prove a person, not an organisation
    "business": "organisation",
    "organization": "organisation",
    "company": "organisation",
}


def level_named(word: str) -> str:
    """A level as this program names it, from a provider's word; other words as they are."""
    known = word.strip().lower()
    return _LEVEL_WORDS.get(known, known)


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is in force for one account.

    Attributes:
        account_id: as the log and the gateway name it.
        action: the action on its requests; `allow` where only its level or campaign is known.
        verdict: of the last scan.
        campaign_id: the campaign it is a member of, whose budget it shares.
        organization_id: the declared organisation, if any.
        verification_level: the level it has reached.
        reason: for the operator's people; may name evidence.
        notice: for the customer; gives no detector away.
        author: who decided: ``scan:<id>``, ``user:<name>`` or ``policy:<version>``.
        approved_by: who approved a suspension; empty where nobody had to or nobody has.
        since, expires_at: event time; an action without expiry lasts until it is undone.
        link: unguessable name of the customer's own page, where it sees its status, appeals and
            verifies; empty where no action is in force.
    """

    account_id: str
    action: Action = Action.ALLOW
    verdict: Verdict | None = None
    campaign_id: str | None = None
    organization_id: str | None = None
    verification_level: str | None = None
    reason: str = ""
    notice: str = ""
    author: str = ""
    approved_by: str = ""
    since: datetime | None = None
    expires_at: datetime | None = None
    link: str = ""

    def in_force(self, now: datetime) -> bool:
        """Whether the action counts at this moment of event time."""
        begun = self.since is None or self.since <= now
        return begun and (self.expires_at is None or now < self.expires_at)


class KnownCampaign(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A campaign as the guard may recognise it: sketched tokens only, no text and no identifier.

    Attributes:
        campaign_id: as in `campaigns.json`.
        verdict: of the last scan.
        families: prompt families that only its members use as (kind, key), `schema.TEMPLATE_KEYS`.
        payments, networks, clients: keyed tokens that its members share and outsiders do not.
        accounts: number of members.
        budget: name of the budget that its members share, kept while the members change from scan
            to scan; empty for `campaign_id`.
    """

    campaign_id: str
    verdict: Verdict
    families: tuple[tuple[str, int], ...] = ()
    payments: tuple[int, ...] = ()
    networks: tuple[int, ...] = ()
    clients: tuple[int, ...] = ()
    accounts: int = 0
    budget: str = ""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the guard needs to know at one moment.

    Attributes:
        format: version of this layout.
        sequence: grows with every publication; a guard never goes back.
        as_of: event time up to which the log was scanned.
        key_fingerprint: of the sketch key that the campaigns' tokens were made with.
        standings: one an account, ordered by `account_id`.
        campaigns: ordered by `campaign_id`.
    """

    format: int = SNAPSHOT_FORMAT
    sequence: int
    as_of: datetime | None = None
    key_fingerprint: str = ""
    standings: tuple[Standing, ...] = ()
    campaigns: tuple[KnownCampaign, ...] = ()


class _Outline(msgspec.Struct, kw_only=True):
    """A `Snapshot` whose standings have not been decoded yet."""

    format: int = SNAPSHOT_FORMAT
    sequence: int
    as_of: datetime | None = None
    key_fingerprint: str = ""
    standings: list[msgspec.Raw] = []
    campaigns: tuple[KnownCampaign, ...] = ()


def dump_snapshot(snapshot: Snapshot) -> bytes:
    """A snapshot as JSON, the same bytes for the same content."""
    return msgspec.json.encode(snapshot, order="deterministic") + b"\n"


def write_snapshot(snapshot: Snapshot, path: Path) -> None:
    """Replace the file as a whole; a crash leaves the old one."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(dump_snapshot(snapshot))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_step_up(path: Path) -> tuple[Standing, ...]:
    """Read the accounts to ask for verification, `verify.json` of `stillwatch share match`.

    Raises:
        InputError: the file is missing or damaged, an account is named twice, or a standing asks
            for anything but verification, or has no author, no reason or no end.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=tuple[Standing, ...])
    except OSError as error:
        raise InputError(f"this cannot be read: {error.strerror}", file=str(path)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"no verify.json of share match: {error}", file=str(path)) from None
    seen: set[str] = set()
    for number, standing in enumerate(found):
        told = standing.reason and standing.author and standing.expires_at
        if standing.action is not Action.VERIFY or not told or standing.account_id in seen:
            raise InputError(
                "each account may be asked to verify, once, with author, reason and end",
                file=str(path),
                field=f"[{number}]",
            )
        seen.add(standing.account_id)
    return found


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot.

    Raises:
        InputError: the file is missing, damaged, or of a newer format.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"this snapshot cannot be read: {error.strerror}", file=str(path)
        ) from None
    try:
        snapshot = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"this is not a snapshot: {error}", file=str(path)) from None
    if snapshot.format != SNAPSHOT_FORMAT:
        raise InputError(
            f"this snapshot has format {snapshot.format}, this version reads {SNAPSHOT_FORMAT}",
            file=str(path),
        )
    return snapshot


def _decode(data: bytes) -> Snapshot:
    """Decode one standing at a time: all at once, other threads would have to wait."""
    outline, decoder = msgspec.json.decode(data, type=_Outline), msgspec.json.Decoder(Standing)
    standings = []
    for number, raw in enumerate(outline.standings):
        try:
            standings.append(decoder.decode(raw))
        except msgspec.ValidationError as error:
            raise msgspec.ValidationError(f"standings[{number}]: {error}") from None
    return Snapshot(
        format=outline.format,
        sequence=outline.sequence,
        as_of=outline.as_of,
        key_fingerprint=outline.key_fingerprint,
        standings=tuple(standings),
        campaigns=outline.campaigns,
    )
