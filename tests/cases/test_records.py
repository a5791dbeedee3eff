"""The audit trail, erasure, retention, the snapshot, users, and a database that goes away."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update
from tests import invented_scan

from stillwatch.cases import Actor, Role, Storage, api_tokens, audit, bulk, login, people
from stillwatch.cases import accounts as account_of
from stillwatch.cases.actors import CUSTOMER, system
from stillwatch.cases.appeals import file
from stillwatch.cases.decisions import decide_account, decide_case
from stillwatch.cases.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from stillwatch.cases.keys import commitment
from stillwatch.cases.models import Account, AuditEntry, Base, LoginSession, Member
from stillwatch.cases.people import disable
from stillwatch.cases.publish import Publisher
from stillwatch.cases.retention import erase, expire_personal
from stillwatch.cases.triage import add_note
from stillwatch.errors import MissingExtraError, UsageError
from stillwatch.standing import Action, load_snapshot

from .conftest import MEMBERS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Postgres

    from .conftest import Clock

WHY = "one work queue over all accounts"
ONE = MEMBERS[0]
PASSWORD = "a long and simple sentence"
TEST_KEY = invented_scan.KEY
People = dict[str, Actor]


def worked_on(storage: Storage, people: People, case_id: int) -> None:
    """Leave entries of several kinds."""
    with storage.write(people["ada"]) as unit:
        add_note(unit, "they answer within a minute", account_id=ONE)
        decide_account(unit, ONE, action=Action.SUSPEND, reason=WHY)
    with storage.write(CUSTOMER) as unit:
        file(unit, account_of.find(unit.session, ONE), "My name is Jo and I teach.")


def test_the_chain_holds_and_is_handed_on_in_order(
    storage: Storage, people: People, case_id: int
) -> None:
    worked_on(storage, people, case_id)
    with storage.read() as session:
        assert audit.first_break(session) is None
        first = list(audit.entries_after(session, 0, most=3))
        rest = list(audit.entries_after(session, first[-1].sequence))
    numbers = [entry.sequence for entry in (*first, *rest)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(b'"actor":' in entry.payload for entry in rest)


@pytest.mark.parametrize(
    "tamper",
    [
        update(AuditEntry).where(AuditEntry.sequence == 4).values(payload="{}"),
        update(AuditEntry).where(AuditEntry.sequence == 4).values(actor="user:eve"),
        update(AuditEntry).where(AuditEntry.sequence == 4).values(previous="0" * 64),
        delete(AuditEntry).where(AuditEntry.sequence == 4),
        update(AuditEntry).where(AuditEntry.sequence == 4).values(hash="f" * 64),
    ],
)
def test_a_change_of_the_trail_is_found_where_it_is(
    storage: Storage, people: People, case_id: int, tamper: object
) -> None:
    with storage.engine.begin() as connection:
        connection.execute(tamper)  # type: ignore[call-overload]
    with storage.read() as session:
        assert audit.first_break(session) == 4


def test_cutting_the_end_of_the_trail_is_found(
    storage: Storage, people: People, case_id: int
) -> None:
    with storage.read() as session:
        last = max(session.execute(select(AuditEntry.sequence)).scalars())
    with storage.engine.begin() as connection:
        connection.execute(delete(AuditEntry).where(AuditEntry.sequence == last))
    with storage.read() as session:
        assert audit.first_break(session) == last


def test_erasure_leaves_no_trace_of_the_person_and_every_proof(
    storage: Storage, people: People, case_id: int
) -> None:
    worked_on(storage, people, case_id)
    with storage.read() as session:
        account = session.get_one(Account, ONE)
        committed = commitment(account.blinding, ONE)
        said = [entry.payload for entry in session.execute(select(AuditEntry)).scalars()]
    assert any(committed in payload for payload in said), "the trail speaks of the account"
    with storage.write(people["root"]) as unit:
        name = erase(unit, ONE)
    with storage.read() as session:
        assert audit.first_break(session) is None
        with pytest.raises(NotFoundError):
            account_of.find(session, ONE)
        assert session.get_one(Member, (case_id, name)).requests > 0
        assert session.get_one(Account, name).blinding is None
    with storage.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                shown = " ".join(map(str, row))
                assert ONE not in shown, table.name
                assert "Jo and I teach" not in shown, table.name
                assert "within a minute" not in shown, table.name


def test_personal_fields_run_out_where_nobody_needs_them(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    with storage.write(system("test")) as unit:
        for name in ("user-00001", ONE):
            unit.session.get_one(Account, name).email_domain = "small.example"
    clock.forward(days=181)
    with storage.write(system("retention")) as unit:
        assert expire_personal(unit) == 1
        assert unit.session.get_one(Account, "user-00001").email_domain is None
        assert unit.session.get_one(Account, ONE).email_domain == "small.example"


def test_the_snapshot_follows_what_is_in_force(
    storage: Storage, people: People, case_id: int, tmp_path: Path
) -> None:
    publisher = Publisher(storage, tmp_path / "out" / "snapshot.json")
    first = publisher.publish()
    assert first is not None
    assert publisher.publish() is None
    with storage.write(people["ada"]) as unit:
        add_note(unit, "changes nothing for the guard", case_id=case_id)
    assert publisher.publish() is None
    with storage.write(people["ada"]) as unit:
        decide_case(unit, case_id, action=Action.RESTRICT, reason=WHY)
    bulk.apply_all(storage)
    second = publisher.publish()
    assert second is not None
    assert second.sequence > first.sequence
    read = load_snapshot(tmp_path / "out" / "snapshot.json")
    assert read == second
    mine = {one.account_id: one for one in read.standings}
    assert set(mine) >= set(MEMBERS)
    assert mine[ONE].action is Action.RESTRICT
    assert (mine[ONE].campaign_id, mine[ONE].author) == ("c-first", "user:ada")
    assert mine[ONE].notice != mine[ONE].reason == WHY
    assert len({one.link for one in mine.values() if one.link}) == 12
    assert [one.campaign_id for one in read.campaigns] == ["c-first"]


def test_two_replicas_publish_the_same_bytes(
    storage: Storage, people: People, case_id: int, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        Publisher(storage, tmp_path / name).publish()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_first_link_makes_the_first_administrator_once(storage: Storage) -> None:
    with storage.write(system("setup")) as unit:
        first = people.first_link(unit)
    assert first is not None
    with storage.write(CUSTOMER) as unit:
        user = people.set_password(unit, first[1], PASSWORD)
        assert (user.name, user.role) == ("admin", "admin")
        with pytest.raises(NotFoundError, match="not valid"):
            people.set_password(unit, first[1], PASSWORD)
        assert people.first_link(unit) is None


def with_password(storage: Storage, name: str = "ada") -> None:
    with storage.write(system("setup")) as unit:
        _, link = people.invite(unit, name, Role.INVESTIGATOR)
        people.set_password(unit, link, PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "ada-ada-ada-ada", "x" * 2000])
def test_bad_passwords_are_refused(storage: Storage, password: str) -> None:
    with storage.write(system("setup")) as unit:
        _, link = people.invite(unit, "ada", Role.INVESTIGATOR)
        with pytest.raises(RefusedError, match="password"):
            people.set_password(unit, link, password)


def test_a_session_ends_by_itself_by_logout_and_by_shutting_out(
    storage: Storage, clock: Clock
) -> None:
    with_password(storage)
    token = login.log_in(storage, "Ada ", PASSWORD, "192.0.2.0/24")
    user = login.session_user(storage, token)
    assert user is not None
    with storage.read() as session:
        assert token not in str(session.execute(select(LoginSession.hash)).scalars().all())
    clock.forward(hours=3)
    assert login.session_user(storage, token) is None
    token = login.log_in(storage, "ada", PASSWORD, "192.0.2.0/24")
    with storage.write(system("test")) as unit:
        people.disable(unit, user.id)
    assert login.session_user(storage, token) is None
    with pytest.raises(ForbiddenError, match="do not match"):
        login.log_in(storage, "ada", PASSWORD, "192.0.2.0/24")


def test_guessing_is_limited_and_waiting_helps(storage: Storage, clock: Clock) -> None:
    with_password(storage)
    for _ in range(5):
        with pytest.raises(ForbiddenError, match="do not match"):
            login.log_in(storage, "ada", "wrong", "192.0.2.0/24")
    with pytest.raises(login.TooManyAttemptsError, match="minutes"):
        login.log_in(storage, "ada", PASSWORD, "198.51.100.0/24")
    clock.forward(minutes=16)
    assert login.log_in(storage, "ada", PASSWORD, "192.0.2.0/24")


def test_the_last_administrator_stays(storage: Storage, people: People) -> None:
    with pytest.raises(ConflictError, match="last"), storage.write(people["root"]) as unit:
        disable(unit, people["root"].user_id or 0)


def test_api_tokens_have_scopes_end_and_are_kept_as_hashes(
    storage: Storage, people: People, clock: Clock
) -> None:
    with storage.write(people["root"]) as unit:
        token, secret = api_tokens.make(unit, "portal", ["links"], valid=timedelta(days=1))
        with pytest.raises(RefusedError, match="scopes"):
            api_tokens.make(unit, "all", ["approve"])
        number, kept = token.id, token.hash
    assert secret not in kept
    actor = api_tokens.actor_of(storage, secret)
    assert actor is not None
    assert [str(one) for one in actor.permissions] == ["links"]
    assert api_tokens.actor_of(storage, secret + "x") is None
    clock.forward(days=2)
    assert api_tokens.actor_of(storage, secret) is None
    clock.forward(days=-2)
    with storage.write(people["root"]) as unit:
        api_tokens.revoke(unit, number)
    assert api_tokens.actor_of(storage, secret) is None
    with pytest.raises(ForbiddenError), storage.write(people["ada"]) as unit:
        api_tokens.make(unit, "mine", ["view"])


def test_the_migrations_make_what_the_models_say(storage: Storage) -> None:
    with storage.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.binary("pg_ctlcluster", package="postgresql")
def test_a_database_that_is_gone_for_a_while_loses_nothing(
    postgres: Postgres, clock: Clock
) -> None:
    storage = Storage(postgres.database(), key=TEST_KEY, clock=clock)
    storage.migrate()
    postgres.stop()
    try:
        with pytest.raises(UnavailableError, match="cannot be reached"):
            storage.check()
        with (
            pytest.raises(UnavailableError, match="cannot be reached"),
            storage.write(system("test")) as unit,
        ):
            people.invite(unit, "ada", Role.VIEWER)
    finally:
        postgres.start()
    storage.check()
    with storage.write(system("test")) as unit:
        people.invite(unit, "ada", Role.VIEWER)
    storage.close()


def test_a_busy_sqlite_says_so_and_recovers(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stillwatch.cases.storage.BUSY_SECONDS", 0.1)
    storage = Storage(str(tmp_path / "c.db"), key=TEST_KEY, clock=clock)
    storage.migrate()
    with storage._writing.connect() as holder:
        holder.execute(text("select 1"))
        busy = pytest.raises(UnavailableError, match="locked")
        with busy, storage.write(system("test")) as unit:
            people.invite(unit, "ada", Role.VIEWER)
    with storage.write(system("test")) as unit:
        people.invite(unit, "ada", Role.VIEWER)
    storage.close()


@pytest.mark.parametrize("url", ["mongo://x", "postgresql://", "://"])
def test_an_address_that_is_none_is_refused_in_plain_words(url: str, clock: Clock) -> None:
    with pytest.raises((UsageError, UnavailableError, MissingExtraError)):
        Storage(url, key=TEST_KEY, clock=clock).check()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=st.text(max_size=60), other=st.text(max_size=60))
def test_commitments_bind_and_hide(value: str, other: str) -> None:
    salt, pepper = b"s" * 16, b"p" * 16
    assert commitment(salt, value) == commitment(salt, value)
    assert (commitment(salt, value) == commitment(salt, other)) == (value == other)
    assert commitment(salt, value) != commitment(pepper, value)
    assert commitment(None, value) == commitment(None, other) == "erased"


def test_tidying_moves_what_was_committed_into_the_file(storage: Storage, tmp_path: Path) -> None:
    with storage.write(system("test")) as unit:
        unit.record("test", "nothing")
    storage.tidy()
    if storage.dialect == "sqlite":
        (alone,) = tmp_path.glob("*.db")
        copy = tmp_path / "copy.sqlite"  # the file without its log
        copy.write_bytes(alone.read_bytes())
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("select action from audit").fetchall()[-1] == ("test",)
    with storage.read() as session:
        assert audit.first_break(session) is None
