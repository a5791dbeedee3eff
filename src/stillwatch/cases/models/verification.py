"""What accounts have proved about themselves, and what they were asked to prove."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from stillwatch.cases.models.base import Base


class RequestState(StrEnum):
    """The life of a step-up request."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Verification(Base):
    """A level or programme that an account has proved; `reference` is the vendor's own number."""

    __tablename__ = "verifications"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), index=True)
    name: Mapped[str]
    evidence: Mapped[str]
    reference: Mapped[str | None]
    source: Mapped[str]
    verified_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    revoked_why: Mapped[str | None]


class StepUp(Base):
    """A request to an account to verify. `token` is the hash of the link that the customer gets."""

    __tablename__ = "step_ups"
    __table_args__ = (Index("ix_step_ups_due", "state", "expires_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), index=True)
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"))
    appeal_id: Mapped[int | None] = mapped_column(ForeignKey("appeals.id"))
    wanted: Mapped[str]
    reason: Mapped[str]
    on_failure: Mapped[str]
    state: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_why: Mapped[str | None]


class Delivery(Base):
    """A webhook call that was taken; the same id is never taken again."""

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
