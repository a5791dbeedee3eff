"""Scans, the cases that their campaigns became, members, and what cases have in common."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stillwatch.cases.models.base import Base, Salted, Token
from stillwatch.cases.models.people import User


class CaseStatus(StrEnum):
    """Where a case stands. Only people move it on; a scan that finds it again may reopen it."""

    NEW = "new"
    REVIEWING = "reviewing"
    WAITING = "awaiting approval"
    DECIDED = "decided"
    DISMISSED = "dismissed"

    @property
    def open(self) -> bool:
        """Whether somebody still has to do something."""
        return self in {CaseStatus.NEW, CaseStatus.REVIEWING, CaseStatus.WAITING}


class Scan(Base):
    """One import of a scan's results.

    `summary` is the scan's summary as JSON, with the log's sources, what was rejected and what
    could not be judged.
    """

    __tablename__ = "scans"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    folder: Mapped[str]
    imported_at: Mapped[datetime]
    as_of: Mapped[datetime | None]
    key_fingerprint: Mapped[str] = mapped_column(default="")
    requests: Mapped[int]
    accounts: Mapped[int]
    rejected: Mapped[int]
    campaigns: Mapped[int]
    summary: Mapped[str]


class Case(Base):
    """A campaign that people work on; it outlives the scans that find it.

    `finding` is the last scan's campaign as JSON, its members cut to those that its links name;
    all members are rows of their own. `version` grows with every change and guards against two
    investigators overwriting each other.
    """

    __tablename__ = "cases"
    __table_args__ = (Index("ix_cases_queue", "status", "rank"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[str] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(default=CaseStatus.NEW)
    verdict: Mapped[str]
    rank: Mapped[float] = mapped_column(default=0.0)
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    first_seen: Mapped[str]
    last_seen: Mapped[str]
    accounts: Mapped[int]
    joined: Mapped[int] = mapped_column(default=0)
    requests: Mapped[int]
    cost_usd: Mapped[float]
    headline: Mapped[str]
    finding: Mapped[str]
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"))
    version: Mapped[int] = mapped_column()

    assignee: Mapped[User | None] = relationship(lazy="joined")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's way

    @property
    def name(self) -> str:
        """The name that people say: ``C-17``."""
        return f"C-{self.id}"


class Sighting(Base):
    """One scan that found a case, under which campaign id, and how it was recognised."""

    __tablename__ = "sightings"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"), primary_key=True)
    campaign_id: Mapped[str]
    verdict: Mapped[str]
    accounts: Mapped[int]
    requests: Mapped[int]
    e_value: Mapped[float | None]
    matched_by: Mapped[str]


class Member(Base):
    """One account in a case; `scan_id` is the last scan that found it there."""

    __tablename__ = "members"
    __table_args__ = (
        Index("ix_members_volume", "case_id", "stream_requests", "account_id"),
        Index("ix_members_account", "account_id"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    requests: Mapped[int]
    stream_requests: Mapped[int]
    first_seen: Mapped[str]
    last_seen: Mapped[str]
    reasons: Mapped[list[str]]
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"))
    first_scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"))


class Trait(Base):
    """Something rare that members of a case share: a prompt family, a payment or client token.

    `accounts` counts members that have it, `others` accounts outside the case at import.
    """

    __tablename__ = "traits"
    __table_args__ = (Index("ix_traits_key", "kind", "key"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[int] = mapped_column(Token, primary_key=True)
    accounts: Mapped[int]
    others: Mapped[int]
    requests: Mapped[int]


class MemberTrait(Base):
    """One member that has a trait of its case."""

    __tablename__ = "member_traits"
    __table_args__ = (
        Index("ix_member_traits_key", "kind", "key", "account_id"),
        Index("ix_member_traits_account", "account_id"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[int] = mapped_column(Token, primary_key=True)


class CaseShare(Base):
    """What part of a case's requests has some value: a pivot from one case to others.

    `kind` is ``capability``, ``model`` or ``hour``; an hour's value is its number in UTC.
    """

    __tablename__ = "case_shares"
    __table_args__ = (Index("ix_case_shares_value", "kind", "value", "share"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    share: Mapped[float]


class CaseLink(Base):
    """Two cases that may be one operator's, and why; the smaller id comes first."""

    __tablename__ = "case_links"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    other_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    why: Mapped[str]


class Note(Salted, Base):
    """What somebody wrote about a case or an account."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.account_id"), index=True)
    author: Mapped[str]
    at: Mapped[datetime]
    text: Mapped[str]
