"""Decisions, and what each did to each account."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from stillwatch.cases.models.base import Base, Salted


class DecisionState(StrEnum):
    """The life of a decision."""

    PROPOSED = "proposed"
    APPLYING = "applying"
    APPLIED = "applied"
    REJECTED = "rejected"
    UNDONE = "undone"


class MeasureState(StrEnum):
    """What became of a decision for one account."""

    PENDING = "pending"
    APPLIED = "applied"
    SKIPPED = "skipped"
    ENDED = "ended"


class Decision(Salted, Base):
    """What somebody decided, about a case or about one account.

    `reason` is for the operator's own people, `notice` for the customer. `targets` is fixed when
    the decision is made: who it hits does not change while it waits for approval.
    """

    __tablename__ = "decisions"
    __table_args__ = (Index("ix_decisions_state", "state", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.account_id"), index=True)
    action: Mapped[str]
    reason: Mapped[str]
    notice: Mapped[str]
    state: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    needs_approval: Mapped[bool]
    settled_by: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    settled_why: Mapped[str | None]
    approved_by: Mapped[str | None]
    targets: Mapped[int]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's way

    @property
    def name(self) -> str:
        """The name that people say: ``D-17``."""
        return f"D-{self.id}"


class Measure(Base):
    """A decision for one account. Of those applied and not expired, the strictest is in force."""

    __tablename__ = "measures"
    __table_args__ = (
        UniqueConstraint("decision_id", "account_id"),
        Index("ix_measures_account", "account_id", "state"),
        Index("ix_measures_todo", "decision_id", "state", "id"),
        Index("ix_measures_expiry", "state", "expires_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    decision_id: Mapped[int] = mapped_column(ForeignKey("decisions.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"))
    action: Mapped[str]
    state: Mapped[str]
    since: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None]
