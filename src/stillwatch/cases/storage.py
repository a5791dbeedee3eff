"""The database: connections, migrations, and transactions in which actors change things."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import create_engine, event
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from stillwatch.cases import audit
from stillwatch.cases.errors import ConflictError, UnavailableError
from stillwatch.cases.keys import commitment
from stillwatch.cases.models import Account, Head
from stillwatch.cases.rules import Rules
from stillwatch.errors import InputError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from stillwatch.cases.actors import Actor
    from stillwatch.sketch.key import SketchKey

BUSY_SECONDS = 10
"""How long SQLite waits for another writer before it gives up."""

MOST_LOG_PAGES = 65_536
"""Pages of SQLite's write-ahead log (256 MiB) from which a commit moves them into the database file
itself, which waits for the disk; `Storage.tidy` does it long before, in a thread that may wait."""

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(slots=True)
class Unit:
    """One transaction by one actor at one moment.

    Attributes:
        session: the transaction.
        actor: who acts.
        now: the moment; the same for everything in the transaction.
        rules: the house's rules.
        key: the deployment's secret, for links and tokens.
    """

    session: Session
    actor: Actor
    now: datetime
    rules: Rules
    key: SketchKey
    _events: list[audit.Event] = field(default_factory=list)
    _standing: bool = False

    def record(
        self,
        action: str,
        subject: str,
        note: str = "",
        *,
        about: Account | None = None,
        **payload: audit.Value,
    ) -> None:
        """Note what was done for the audit trail; it is written with the commit.

        Args:
            action: such as ``decision.propose``.
            subject: such as ``case:17``.
            note: one line for readers, kept outside of the chain.
            about: the account, which enters as a commitment.
            payload: what is chained; never a personal value.
        """
        if about is not None:
            payload["account"] = commitment(about.blinding, about.account_id)
        self._events.append(audit.Event(action, subject, note, payload))

    def touch_standing(self) -> None:
        """Say that what is in force for some account changes with this transaction."""
        self._standing = True


class Storage:
    """A database of cases.

    Args:
        url: an SQLAlchemy URL (``sqlite:///cases.db``, ``postgresql+pg8000://…``) or a file name.
        key: the deployment's secret.
        rules: the house's rules.
        clock: tells the time; tests set it.
    """

    def __init__(
        self,
        url: str,
        *,
        key: SketchKey,
        rules: Rules | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.key = key
        self.rules = rules or Rules()
        self.clock = clock or _now
        self.engine = _engine(url)
        self._writing = self.engine.execution_options(stillwatch_writes=True)
        # one moment for all queries of a view; SQLite gives that by itself
        one_moment = {} if self.dialect == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        self._reading = self.engine.execution_options(**one_moment)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A read-only view of one moment.

        Raises:
            UnavailableError: the database cannot be reached.
        """
        with _plain_errors(), Session(self._reading) as session:
            yield session
            session.expunge_all()  # what was read stays readable

    @contextmanager
    def write(self, actor: Actor) -> Iterator[Unit]:
        """A transaction: all of it or nothing, with its audit entries.

        Raises:
            ConflictError: another transaction changed the same thing meanwhile.
            UnavailableError: the database cannot be reached; nothing was changed.
        """
        with _plain_errors(), Session(self._writing) as session:
            unit = Unit(session, actor, self.clock(), self.rules, self.key)
            yield unit
            session.flush()
            if unit._events or unit._standing:
                audit.append(
                    session,
                    actor.name,
                    unit.now,
                    unit._events,
                    standing=unit._standing,
                )
            session.commit()

    def migrate(self) -> None:
        """Bring the schema up to date; an empty database becomes a usable one.

        Raises:
            UnavailableError: the database cannot be reached.
            InputError: its schema is newer than this version knows.
        """
        with _plain_errors(), self._writing.begin() as connection:
            try:
                command.upgrade(_alembic(connection), "head")
            except CommandError as error:
                raise InputError(
                    f"the database is of another version of Stillwatch: {error}",
                    file=self.engine.url.render_as_string(hide_password=True),
                ) from error
            if connection.execute(sa.select(Head.id)).first() is None:
                head = {"id": 1, "sequence": 0, "hash": audit.GENESIS, "revision": 0}
                connection.execute(sa.insert(Head).values(head))

    def check(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            UnavailableError: it gives none.
        """
        with self.read() as session:
            session.execute(sa.select(Head.sequence)).first()

    def tidy(self) -> None:
        """Move what was committed from SQLite's log into its file, so that no commit has to.

        Raises:
            UnavailableError: the database cannot be reached.
        """
        if self.dialect != "sqlite":
            return
        with _plain_errors(), closing(self.engine.raw_connection()) as connection:
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error as error:  # the engine translates its own statements only
                raise UnavailableError(f"the database cannot be tidied: {error}") from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _alembic(connection: sa.Connection) -> Any:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _now() -> datetime:
    return datetime.now(UTC)


def _engine(url: str) -> Engine:
    if "://" not in url:
        url = f"sqlite:///{url}"
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "postgresql" and parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+pg8000")
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed)
        if parsed.drivername == "postgresql+pg8000" and not parsed.username:
            raise UsageError(
                "a database server's address names a user: postgresql://USER@HOST/NAME"
            )
        return create_engine(parsed, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise MissingExtraError("postgres", "PostgreSQL") from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise UsageError(
            f"this is no database address: {error}; expected a file name, sqlite:///FILE or "
            "postgresql://USER@HOST/NAME"
        ) from None


def _sqlite(url: sa.URL) -> Engine:
    """SQLite with a write-ahead log: readers never wait, and a writer says so at its start."""
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin below, not in the driver
        for pragma in (
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
            "cache_size = -65536",
            f"wal_autocheckpoint = {MOST_LOG_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("stillwatch_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Say in plain words what the database could not do."""
    try:
        yield
    except StaleDataError as error:
        raise ConflictError("somebody else changed this a moment ago; look at it again") from error
    except IntegrityError as error:
        raise ConflictError(f"this was already done: {_short(error)}") from error
    except (OperationalError, InterfaceError) as error:
        raise UnavailableError(f"the database cannot be reached: {_short(error)}") from error
    except ProgrammingError as error:
        raise UnavailableError(f"the database refused: {_short(error)}") from error


def _short(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0][:200]
