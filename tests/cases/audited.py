"""Every write is audited: whatever a test writes, its transaction must leave an entry."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from stillwatch.cases.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.cases import Actor
    from stillwatch.cases.storage import Unit

WITHOUT_ENTRY = {"signups", "login_sessions", "login_attempts", "deliveries", "accounts"}
"""Rows that are records themselves (a scored sign-up, a login's session and attempts, a call taken
once), and the accounts of an import, whose entry is the scan's."""

LAST_USE = "UPDATE api_tokens"


@pytest.fixture(autouse=True)
def every_write_is_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a transaction that changes rows and records nothing."""
    plain = Storage.write

    @contextmanager
    def watched(self: Storage, actor: Actor) -> Iterator[Unit]:
        changed: set[str] = set()
        mine = threading.get_ident()

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if threading.get_ident() != mine:
                return
            found = re.match(r"\s*(INSERT INTO|UPDATE|DELETE FROM) \"?(\w+)", statement)
            if found:
                whole = f"{found[1]} {found[2]}"
                changed.add(whole if whole == LAST_USE else found[2])

        with plain(self, actor) as unit:
            bind = unit.session.get_bind()
            event.listen(bind, "before_cursor_execute", note)
            try:
                yield unit
                unit.session.flush()
            finally:
                event.remove(bind, "before_cursor_execute", note)
            if not unit._events:
                assert changed <= {*WITHOUT_ENTRY, LAST_USE}, (actor.name, changed)

    monkeypatch.setattr(Storage, "write", watched)
