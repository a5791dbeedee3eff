"""Accounts as people see them: what the provider declared, what scans said, what is in force."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from stillwatch.cases.models.base import Base, Token, new_salt

UNVERIFIED = "unverified"


class Account(Base):
    """One account.

    Personal fields are `email_domain`, `payment`, `network` and the id itself; the country that an
    account file may carry is never stored. `link` is the hash of the customer's status link, and
    `blinding` keys the commitments by which the audit trail names this account.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        Index("ix_accounts_action", "action", "account_id"),
        Index("ix_accounts_verdict", "verdict", "account_id"),
    )

    account_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[datetime | None]
    email_domain: Mapped[str | None] = mapped_column(index=True)
    payment: Mapped[int | None] = mapped_column(Token, index=True)
    network: Mapped[int | None] = mapped_column(Token, index=True)
    plan: Mapped[str | None]
    declared_level: Mapped[str] = mapped_column(default=UNVERIFIED)
    level: Mapped[str] = mapped_column(default=UNVERIFIED)
    seen_at: Mapped[datetime]

    verdict: Mapped[str | None]
    requests: Mapped[int] = mapped_column(default=0)
    coordination_p: Mapped[float | None]
    extraction_p: Mapped[float | None]
    reasons: Mapped[list[str]] = mapped_column(default=list)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)

    action: Mapped[str] = mapped_column(default="allow")
    cleared_at: Mapped[datetime | None]
    cleared_why: Mapped[str | None]
    deleted_at: Mapped[datetime | None]
    link: Mapped[str | None] = mapped_column(unique=True)
    link_epoch: Mapped[int] = mapped_column(default=0)
    blinding: Mapped[bytes | None] = mapped_column(default=new_salt)
