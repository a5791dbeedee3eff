"""One look at everything that was seen before: how often each token of a registration came."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select

from stillwatch.cases.models import Account, Case, CaseStatus, Signup, Trait
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from sqlalchemy import ScalarSelect, Select

    from stillwatch.cases.signup_tokens import Tokens

PUBLIC_MAIL = frozenset(
    files("stillwatch.cases").joinpath("mail_public.txt").read_text(encoding="utf-8").split()
)
"""Mail services where anybody gets an address: their domain joins nobody."""

BURST = timedelta(days=2)
DAY = timedelta(days=1)
MONTH = timedelta(days=30)
CARD_WINDOW = timedelta(days=365)
"""A card is remembered longer than an address: it is dearer to replace."""

DOMAIN_ACCOUNTS = 200
"""Accounts of a mail domain that are looked at: of an operator's own nearly all are in its case,
and a large company's registrations shall not wait for all of its accounts."""


def parameters(
    reference: str, organization: str | None, tokens: Tokens, at: datetime
) -> dict[str, Any]:
    """What `COUNTS` needs to know of a registration.

    Args:
        reference: the provider's number of it.
        organization: the declared one; its own registrations do not count against it.
        tokens: of the registration.
        at: when; only what came before counts.
    """
    return {
        "reference": reference,
        "payment": tokens.payment,
        "device": tokens.device,
        "network": tokens.network,
        "domain": tokens.domain if tokens.domain not in PUBLIC_MAIL else None,
        "mailbox": tokens.mailbox,
        "organization": organization or "",
        "at": at,
        "card_since": at - CARD_WINDOW,
        "since": at - MONTH,
        "burst_since": at - BURST,
        "day_since": at - DAY,
    }


def _strangers(column: Any) -> Any:
    ours: Any = bindparam("organization")
    return (func.coalesce(column, "") != ours) | (ours == "")


def _seen(column: Any, name: str, since: str) -> Any:
    return (
        select(func.count())
        .select_from(Signup)
        .where(
            column == bindparam(name),
            Signup.at > bindparam(since),
            Signup.at <= bindparam("at"),
            _strangers(Signup.organization_id),
        )
        .scalar_subquery()
        .label(name)
    )


def _accused(kind: str, name: str) -> ScalarSelect[Any]:
    """The case of an accused campaign that has this token."""
    return (
        select(func.min(Case.id))
        .join(Trait, Trait.case_id == Case.id)
        .where(
            Trait.kind == kind,
            Trait.key == bindparam(name),
            Case.verdict == Verdict.DISTILLATION,
            Case.status != CaseStatus.DISMISSED,
        )
        .scalar_subquery()
    )


def _accused_domain() -> ScalarSelect[Any]:
    """The case of an accused campaign among accounts of this private mail domain."""
    some = (
        select(Account.case_id)
        .where(Account.email_domain == bindparam("domain"), Account.deleted_at.is_(None))
        .limit(DOMAIN_ACCOUNTS)
        .subquery()
    )
    return (
        select(func.min(Case.id))
        .join(some, some.c.case_id == Case.id)
        .where(Case.verdict == Verdict.DISTILLATION, Case.status != CaseStatus.DISMISSED)
        .scalar_subquery()
    )


def _build() -> Select[Any]:
    accounts = (
        select(func.count())
        .select_from(Account)
        .where(
            Account.payment == bindparam("payment"),
            _strangers(Account.organization_id),
            Account.deleted_at.is_(None),
        )
        .scalar_subquery()
    )
    known = select(Signup.id).where(Signup.reference == bindparam("reference")).scalar_subquery()
    parts: list[Any] = [
        known.label("known"),
        _seen(Signup.payment, "payment", "card_since"),
        _seen(Signup.device, "device", "since"),
        _seen(Signup.mailbox, "mailbox", "since"),
        _seen(Signup.email_domain, "domain", "burst_since"),
        _seen(Signup.network, "network", "day_since"),
        accounts.label("payment_accounts"),
        _accused("payment", "payment").label("case_id"),
        _accused("signup network", "network").label("known_network"),
        _accused_domain().label("known_domain"),
    ]
    return select(*parts)


COUNTS = _build()
"""One statement with every count; each part is a look into one index."""
