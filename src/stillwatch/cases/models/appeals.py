"""Appeals of customers against what is in force for them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stillwatch.cases.models.base import Base, Salted
from stillwatch.cases.models.people import User


class AppealState(StrEnum):
    """The life of an appeal."""

    OPEN = "open"
    VERIFYING = "verifying"
    UPHELD = "upheld"
    REJECTED = "rejected"

    @property
    def open(self) -> bool:
        """Whether it still waits for an answer."""
        return self in {AppealState.OPEN, AppealState.VERIFYING}


class Appeal(Salted, Base):
    """One appeal. `text` is the customer's, `answer` is for the customer, `finding` is ours."""

    __tablename__ = "appeals"
    __table_args__ = (Index("ix_appeals_queue", "state", "deadline"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), index=True)
    decision_id: Mapped[int] = mapped_column(ForeignKey("decisions.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    action: Mapped[str]
    state: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[datetime]
    deadline: Mapped[datetime]
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    answer: Mapped[str | None]
    finding: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column()

    assignee: Mapped[User | None] = relationship(lazy="joined")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's way

    @property
    def name(self) -> str:
        """The name that people say: ``A-17``."""
        return f"A-{self.id}"
