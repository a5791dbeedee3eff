"""A console on a free port, with people in it, and a browser."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from argon2 import PasswordHasher
from tests import invented_scan
from tests.cases.audited import every_write_is_audited  # noqa: F401 - the fixture
from tests.report.conftest import browser  # noqa: F401 - the fixture

from stillwatch.cases import Role, Rules, Storage, login, people
from stillwatch.cases.actors import Actor, system
from stillwatch.cases.importing import import_scan
from stillwatch.console import Settings, create_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from stillwatch.schema import Campaign

PASSWORD = "a long and simple sentence"
QUICK_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
WEBHOOK_SECRET = b"what only the vendor and we know"
PEOPLE = {
    "vera": Role.VIEWER,
    "ada": Role.INVESTIGATOR,
    "ida": Role.INVESTIGATOR,
    "bob": Role.APPROVER,
    "root": Role.ADMIN,
}


@dataclass
class Console:
    """A running console.

    Attributes:
        url: where.
        storage: its database.
        snapshot: what it publishes.
        actors: its people.
        folder: for files of the test.
    """

    url: str
    storage: Storage
    snapshot: Path
    folder: Path
    actors: dict[str, Actor] = field(default_factory=dict)

    def take_in(
        self, *campaigns: Campaign, families: Mapping[str, int] | None = None
    ) -> tuple[int, ...]:
        """Import invented campaigns; accounts may share families."""
        folder, accounts = invented_scan.write(self.folder / "scan", *campaigns, families=families)
        return import_scan(self.storage, folder, actor=system("import"), accounts=accounts).opened

    def cookie(self, name: str) -> dict[str, str]:
        """The session cookie of somebody who has just logged in."""
        return {"stillwatch": login.log_in(self.storage, name, PASSWORD, "127.0.0.0/24")}


@contextlib.contextmanager
def running(folder: Path, **changes: Any) -> Iterator[Console]:
    """Run a console with its people until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    storage = Storage(str(folder / "cases.db"), key=invented_scan.KEY, rules=Rules())
    storage.migrate()
    chosen = replace(
        Settings(
            database=str(folder / "cases.db"),
            key=invented_scan.KEY,
            snapshot=folder / "snapshot.json",
            base_url=url,
            webhook_secret=WEBHOOK_SECRET,
            verify_url="https://vendor.example/start?request={request}",
            contact="trust@provider.example",
        ),
        **changes,
    )
    console = Console(url, storage, folder / "snapshot.json", folder)
    with storage.write(system("test")) as unit:
        for name, role in PEOPLE.items():
            user, _ = people.invite(unit, name, role)
            user.password = QUICK_HASH
            console.actors[name] = people.actor_of(user)
    server = uvicorn.Server(
        uvicorn.Config(create_app(chosen, storage), port=port, log_level="warning", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield console
    finally:
        server.should_exit = True
        thread.join()
        storage.close()


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """An empty console with its people."""
    with running(tmp_path) as made:
        yield made
