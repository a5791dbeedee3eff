"""The audit trail: append-only, chained by hashes, without personal data in what is chained."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from stillwatch.cases.models.base import Base


class AuditEntry(Base):
    """One write.

    `payload` is the canonical JSON that `hash` covers; it names people and accounts by commitments
    only. `subject` and `note` are for readers, outside of the chain, and go with an erasure.
    """

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_subject", "subject", "sequence"),)

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str | None]
    note: Mapped[str | None]
    payload: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]


class Head(Base):
    """One row: the end of the chain, and the revision of what is in force."""

    __tablename__ = "head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int]
    hash: Mapped[str]
    revision: Mapped[int]
