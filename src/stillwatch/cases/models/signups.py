"""Registrations that were scored before an account existed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from stillwatch.cases.models.base import Base, Token


class Signup(Base):
    """One registration, as keyed tokens, and what was answered."""

    __tablename__ = "signups"
    __table_args__ = (
        Index("ix_signups_payment", "payment", "at"),
        Index("ix_signups_device", "device", "at"),
        Index("ix_signups_network", "network", "at"),
        Index("ix_signups_domain", "email_domain", "at"),
        Index("ix_signups_mailbox", "mailbox", "at"),
        Index("ix_signups_at", "at"),
        Index("ix_signups_asked", "level", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime]
    organization_id: Mapped[str | None]
    email_domain: Mapped[str | None]
    mailbox: Mapped[int | None] = mapped_column(Token)
    payment: Mapped[int | None] = mapped_column(Token)
    device: Mapped[int | None] = mapped_column(Token)
    network: Mapped[int | None] = mapped_column(Token)
    address_kind: Mapped[str]
    level: Mapped[str]
    score: Mapped[float]
    reasons: Mapped[list[str]]
    case_id: Mapped[int | None]
