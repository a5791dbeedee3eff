"""Sign-up risk: what to ask of somebody who registers, before there is an account.

Each registration is compared with those of the last weeks, with known accounts and with the traits
of accused campaigns. Every finding has points and a sentence; their sum asks for a level of
verification and never refuses: an operator pays for each account, an honest customer confirms once.
Where people is what makes a network busy (carriers' address translation, campuses, offices), a
network counts for little.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import msgspec
from sqlalchemy import bindparam, func, insert, select

from stillwatch.cases.actors import Permission
from stillwatch.cases.errors import ConflictError, RefusedError
from stillwatch.cases.models import Account, Case, CaseStatus, Signup, Trait
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from sqlalchemy import Row, Select
    from sqlalchemy.orm import Session

    from stillwatch.cases.signup_tokens import Tokens
    from stillwatch.cases.storage import Unit

AddressKind = Literal["residential", "mobile", "campus", "office", "hosting", "proxy", "unknown"]

PUBLIC_MAIL = frozenset(
    files("stillwatch.cases").joinpath("mail_public.txt").read_text(encoding="utf-8").split()
)
"""Mail services where anybody gets an address: their domain joins nobody."""

DISPOSABLE_MAIL = frozenset(
    files("stillwatch.cases").joinpath("mail_disposable.txt").read_text(encoding="utf-8").split()
)
"""Mail services for addresses that are thrown away."""

BUSY = {
    "residential": 4,
    "mobile": 60,
    "campus": 60,
    "office": 20,
    "hosting": 3,
    "proxy": 3,
    "unknown": 8,
}
"""Registrations of a day from one network (/24, /48) from which it is called busy, by what the
network is. Carriers put thousands of people behind one address, a campus registers in one lesson."""

LEVELS_FROM = ((7.0, "organisation"), (4.0, "payment"), (2.0, "phone"))
"""Points from which a level is asked for; e-mail is asked of everybody."""

BURST = timedelta(days=2)
DAY = timedelta(days=1)
BURST_SIZE = 6
"""Registrations from one private mail domain in two days; a class or a company does that too, so
that alone it asks for nothing."""

CARD_WINDOW = timedelta(days=365)
"""A card is remembered longer than an address: it is dearer to replace."""


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


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, what it weighs, and in words for the operator's people."""

    name: str
    points: float
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What to ask for, and why."""

    level: str
    score: float
    findings: tuple[Finding, ...]
    case_id: int | None


def score(unit: Unit, registration: Registration, tokens: Tokens) -> Answer:
    """Score a registration and remember it.

    The same reference again gives the same answer and counts once.

    Raises:
        ForbiddenError: the actor may not.
        RefusedError: there is no reference.
    """
    unit.actor.need(Permission.SIGNUPS)
    if not registration.reference or len(registration.reference) > 200:
        raise RefusedError("a registration needs a reference of 1 to 200 characters")
    at = registration.at or unit.now
    if at.tzinfo is None:
        raise RefusedError("a moment needs a time zone")
    counts = unit.session.execute(_counts(), _parameters(registration, tokens, at)).one()
    if counts.known is not None:
        return _remembered(unit.session, registration.reference)
    found = tuple(findings(registration, tokens, counts))
    total = sum(finding.points for finding in found)
    answer = Answer(_level(total), total, found, counts.case_id)
    unit.session.execute(
        insert(Signup),
        [
            {
                "reference": registration.reference,
                "at": at,
                "organization_id": registration.organization_id,
                "email_domain": tokens.domain,
                "mailbox": tokens.mailbox,
                "payment": tokens.payment,
                "device": tokens.device,
                "network": tokens.network,
                "address_kind": registration.address_kind,
                "level": answer.level,
                "score": total,
                "reasons": [finding.text for finding in found],
                "case_id": counts.case_id,
            }
        ],
    )
    return answer


def findings(
    registration: Registration, tokens: Tokens, counts: Row[tuple[int, ...]]
) -> list[Finding]:
    """What stands out, from the counts of what was seen before."""
    found: list[Finding] = []

    def note(name: str, points: float, text: str) -> None:
        found.append(Finding(name, points, text))

    cards = counts.payment + counts.payment_accounts
    if counts.case_id is not None:
        note("known_payment", 7, f"the payment token belongs to campaign C-{counts.case_id}")
    elif cards >= 4:
        note("payment_reuse", 5, f"the payment token was used by {cards} others")
    elif cards >= 2:
        note("payment_reuse", 3, f"the payment token was used by {cards} others")
    if counts.device >= 2:
        note(
            "device_reuse",
            4 if counts.device >= 4 else 2,
            f"the device registered {counts.device} times",
        )
    if counts.mailbox:
        note(
            "mailbox_reuse",
            3,
            f"the mailbox registered {counts.mailbox} times under other spellings",
        )
    if tokens.domain in DISPOSABLE_MAIL:
        note("disposable_mail", 3, "the mail address is of a kind that is thrown away")
    burst = counts.domain >= BURST_SIZE
    if burst:
        note("domain_burst", 1, f"{counts.domain} registrations from this mail domain in two days")
    busy = BUSY[registration.address_kind]
    if counts.network >= busy:
        points = 2.0 if registration.address_kind in {"hosting", "proxy"} else 1.0
        note("busy_network", points, f"{counts.network} registrations from this network in a day")
        if burst:
            note("burst_from_network", 2, "the burst comes from one network")
    if registration.address_kind in {"hosting", "proxy"}:
        note("rented_address", 0.5, "the address is rented, not a person's")
    if counts.known_network and counts.case_id is None:
        note("known_network", 1.5, "accounts of an accused campaign registered from this network")
    return found


def _level(total: float) -> str:
    return next((level for least, level in LEVELS_FROM if total >= least), "email")


def _parameters(registration: Registration, tokens: Tokens, at: datetime) -> dict[str, object]:
    private = tokens.domain if tokens.domain not in PUBLIC_MAIL else None
    return {
        "reference": registration.reference,
        "payment": tokens.payment,
        "device": tokens.device,
        "network": tokens.network,
        "domain": private,
        "mailbox": tokens.mailbox,
        "organization": registration.organization_id or "",
        "at": at,
        "card_since": at - CARD_WINDOW,
        "since": at - timedelta(days=30),
        "burst_since": at - BURST,
        "day_since": at - DAY,
    }


def _build_counts() -> Select[tuple[int, ...]]:
    """One question with all counts; every part is a look into one index.

    A declared organisation's own registrations do not count against it.
    """
    others = func.coalesce(Signup.organization_id, "") != bindparam("organization")
    strangers = others | (bindparam("organization") == "")

    def seen(column: object, name: str, since: str) -> object:
        return (
            select(func.count())
            .select_from(Signup)
            .where(
                column == bindparam(name),
                Signup.at > bindparam(since),
                Signup.at <= bindparam("at"),
                strangers,
            )
            .scalar_subquery()
            .label(name)
        )

    def accused(kind: str) -> object:
        return (
            select(func.min(Case.id))
            .join(Trait, Trait.case_id == Case.id)
            .where(
                Trait.kind == kind,
                Trait.key == bindparam("payment" if kind == "payment" else "network"),
                Case.verdict == Verdict.DISTILLATION,
                Case.status != CaseStatus.DISMISSED,
            )
            .scalar_subquery()
        )

    accounts = (
        select(func.count())
        .select_from(Account)
        .where(
            Account.payment == bindparam("payment"),
            (func.coalesce(Account.organization_id, "") != bindparam("organization"))
            | (bindparam("organization") == ""),
            Account.deleted_at.is_(None),
        )
        .scalar_subquery()
    )
    return select(
        select(Signup.id)
        .where(Signup.reference == bindparam("reference"))
        .scalar_subquery()
        .label("known"),
        seen(Signup.payment, "payment", "card_since"),
        seen(Signup.device, "device", "since"),
        seen(Signup.mailbox, "mailbox", "since"),
        seen(Signup.email_domain, "domain", "burst_since"),
        seen(Signup.network, "network", "day_since"),
        accounts.label("payment_accounts"),
        accused("payment").label("case_id"),
        accused("signup network").label("known_network"),
    )


_COUNTS = _build_counts()


def _counts() -> Select[tuple[int, ...]]:
    return _COUNTS


def _remembered(session: Session, reference: str) -> Answer:
    row = session.execute(select(Signup).where(Signup.reference == reference)).scalar_one_or_none()
    if row is None:
        raise ConflictError("this registration is being scored by somebody else; ask again")
    found = tuple(Finding("earlier", 0.0, text) for text in row.reasons)
    return Answer(row.level, row.score, found, row.case_id)
