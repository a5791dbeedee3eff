"""A database of each kind, people to act, and a clock that tests move."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import invented_scan
from tests.cases.audited import every_write_is_audited  # noqa: F401 - the fixture
from tests.postgres import Postgres

from stillwatch.cases import Actor, Role, Rules, Storage
from stillwatch.cases.actors import system
from stillwatch.cases.importing import import_scan
from stillwatch.cases.people import actor_of, invite

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 6, 10, 9, tzinfo=UTC)
MEMBERS = tuple(f"acct-{number:03}" for number in range(12))


class Clock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # a short path: a socket's name has room for about a hundred characters
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        server = Postgres(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.binary("pg_ctlcluster", package="postgresql")),
    ]
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "cases.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def storage(url: str, clock: Clock) -> Iterator[Storage]:
    """An empty, migrated database."""
    made = Storage(url, key=invented_scan.KEY, rules=Rules(bulk_batch=5), clock=clock)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def people(storage: Storage) -> dict[str, Actor]:
    """Two investigators, an approver and an administrator."""
    roles = {
        "ada": Role.INVESTIGATOR,
        "ida": Role.INVESTIGATOR,
        "bob": Role.APPROVER,
        "root": Role.ADMIN,
    }
    with storage.write(system("test")) as unit:
        return {name: actor_of(invite(unit, name, role)[0]) for name, role in roles.items()}


@pytest.fixture
def case_id(storage: Storage, people: dict[str, Actor], tmp_path: Path) -> int:
    """A case of twelve accounts."""
    folder, accounts = invented_scan.write(
        tmp_path / "scan", invented_scan.campaign("c-first", MEMBERS)
    )
    return import_scan(storage, folder, actor=system("import"), accounts=accounts).opened[0]
