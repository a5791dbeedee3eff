"""What every table shares: the base class, moments in UTC, and salts for audit commitments."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, DateTime, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Dialect

SALT_BYTES = 16
NUL = "\U0010fffe"


class Moment(TypeDecorator[datetime]):
    """A moment, aware and in UTC on both databases; SQLite itself would drop the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        """From the database: aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Text(TypeDecorator[str]):
    """Text that may hold NUL, which PostgreSQL refuses: it is kept as the noncharacter U+10FFFE.

    Names in a log come from the people under investigation, who may try it.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the database: without NUL."""
        return value.replace("\x00", NUL) if value and "\x00" in value else value

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """From the database: as it was."""
        return value.replace(NUL, "\x00") if value and NUL in value else value


class Base(DeclarativeBase):
    """Base of all tables; constraints have names, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's way to declare it
        datetime: Moment(),
        dict[str, Any]: JSON,
        list[str]: JSON,
        str: Text(),
    }


def new_salt() -> bytes:
    """Random bytes that blind an audit commitment; whoever deletes them has erased the value."""
    return secrets.token_bytes(SALT_BYTES)


class Salted:
    """A row whose free text enters the audit trail as a commitment, blinded by its own salt."""

    salt: Mapped[bytes | None] = mapped_column(default=new_salt)


Token = BigInteger
"""A keyed 64-bit hash, as `stillwatch.sketch` makes them: joins, and says nothing by itself."""
