"""Decisions, four eyes, bulk, undo: who is hit, by whom, and never twice."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from stillwatch.cases import Actor, Rules, Storage, approvals, bulk, measures, retention
from stillwatch.cases.actors import system
from stillwatch.cases.decisions import (
    decide_account,
    decide_case,
    lift_account,
    undo,
)
from stillwatch.cases.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
)
from stillwatch.cases.lookup import look_up
from stillwatch.cases.models import (
    Account,
    AuditEntry,
    Case,
    CaseStatus,
    Decision,
    DecisionState,
    Measure,
    MeasureState,
)
from stillwatch.cases.targets import preview
from stillwatch.cases.triage import assign
from stillwatch.standing import Action

from .conftest import MEMBERS

if TYPE_CHECKING:
    from .conftest import Clock

WHY = "one work queue over all accounts"
People = dict[str, Actor]


def actions(storage: Storage) -> dict[str, str]:
    with storage.read() as session:
        rows = session.execute(select(Account.account_id, Account.action)).all()
        return {name: action for name, action in rows if action != "allow"}


def suspend_all(storage: Storage, people: People, case_id: int) -> int:
    with storage.write(people["ada"]) as unit:
        number = decide_case(unit, case_id, action=Action.SUSPEND, reason=WHY).id
    with storage.write(people["bob"]) as unit:
        approvals.approve(unit, number)
    bulk.apply_all(storage)
    return number


def test_a_mild_decision_is_applied_at_once(storage: Storage, people: People, case_id: int) -> None:
    with storage.write(people["ada"]) as unit:
        decision = decide_case(unit, case_id, action=Action.THROTTLE, reason=WHY)
        assert decision.state == DecisionState.APPLYING
    assert bulk.apply_all(storage) == 12
    assert actions(storage) == dict.fromkeys(MEMBERS, "throttle")


def test_a_suspension_in_bulk_waits_for_somebody_else(
    storage: Storage, people: People, case_id: int
) -> None:
    with storage.write(people["bob"]) as unit:
        number = decide_case(unit, case_id, action=Action.SUSPEND, reason=WHY).id
    assert bulk.apply_all(storage) == 0
    assert actions(storage) == {}
    with pytest.raises(ForbiddenError, match="yourself"), storage.write(people["bob"]) as unit:
        approvals.approve(unit, number)
    with pytest.raises(ForbiddenError, match="approve"), storage.write(people["ida"]) as unit:
        approvals.approve(unit, number)
    with storage.write(people["root"]) as unit:
        approvals.approve(unit, number)
    bulk.apply_all(storage)
    assert actions(storage) == dict.fromkeys(MEMBERS, "suspend")


def test_a_rejected_suspension_touches_nobody(
    storage: Storage, people: People, case_id: int
) -> None:
    with storage.write(people["ada"]) as unit:
        number = decide_case(unit, case_id, action=Action.SUSPEND, reason=WHY).id
    with storage.write(people["bob"]) as unit:
        approvals.reject(unit, number, why="they are a class")
    assert bulk.apply_all(storage) == 0
    with storage.read() as session:
        assert look_up(session, Case, case_id).status == CaseStatus.REVIEWING


def test_undo_leaves_what_else_is_in_force(storage: Storage, people: People, case_id: int) -> None:
    with storage.write(people["ada"]) as unit:
        decide_account(unit, MEMBERS[0], action=Action.RESTRICT, reason=WHY)
    number = suspend_all(storage, people, case_id)
    assert actions(storage)[MEMBERS[0]] == "suspend"
    with storage.write(people["ada"]) as unit:
        undo(unit, number, why="they are a class after all")
    assert actions(storage) == {MEMBERS[0]: "restrict"}
    with pytest.raises(ConflictError, match="already"), storage.write(people["ada"]) as unit:
        undo(unit, number, why="they are a class after all")


def test_a_mild_decision_never_softens_a_strict_one(
    storage: Storage, people: People, case_id: int
) -> None:
    with storage.write(people["ada"]) as unit:
        decide_account(unit, MEMBERS[0], action=Action.SUSPEND, reason=WHY)
        decide_case(unit, case_id, action=Action.THROTTLE, reason=WHY)
    bulk.apply_all(storage)
    assert actions(storage)[MEMBERS[0]] == "suspend"


def test_measures_end_by_themselves(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    with storage.write(people["ada"]) as unit:
        later = unit.now + timedelta(days=7)
        decide_account(unit, MEMBERS[0], action=Action.RESTRICT, reason=WHY, expires_at=later)
        decide_account(unit, MEMBERS[0], action=Action.THROTTLE, reason=WHY)
    clock.forward(days=8)
    with storage.write(system("deadlines")) as unit:
        assert measures.expire(unit) == 1
    assert actions(storage) == {MEMBERS[0]: "throttle"}


def test_the_preview_counts_who_is_hit_and_who_is_spared(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    with storage.write(people["ada"]) as unit:
        unit.session.get_one(Account, MEMBERS[0]).cleared_at = unit.now
        unit.session.get_one(Account, MEMBERS[1]).deleted_at = unit.now
        unit.session.get_one(Account, MEMBERS[2]).level = "payment"
        unit.session.get_one(Account, MEMBERS[3]).organization_id = "org"
        decide_account(unit, MEMBERS[4], action=Action.SUSPEND, reason=WHY)
    with storage.read() as session:
        found = preview(session, storage.rules, look_up(session, Case, case_id), Action.RESTRICT)
    assert (found.targets, found.cleared, found.deleted, found.stricter) == (10, 1, 1, 1)
    assert (found.verified, found.organisations, found.needs_approval) == (1, 1, False)


def test_two_investigators_at_once_do_not_overwrite_each_other(
    storage: Storage, people: People, case_id: int
) -> None:
    with storage.read() as session:
        seen = look_up(session, Case, case_id).version
    with storage.write(people["ada"]) as unit:
        assign(unit, case_id, people["ada"].user_id, version=seen)
    with pytest.raises(ConflictError, match="changed"), storage.write(people["ida"]) as unit:
        decide_case(unit, case_id, action=Action.THROTTLE, reason=WHY, version=seen)


def test_of_two_that_race_one_wins(storage: Storage, people: People, case_id: int) -> None:
    """Both read the same version, then both write: a barrier makes them meet."""
    with storage.read() as session:
        seen = look_up(session, Case, case_id).version
    ready, outcomes = threading.Barrier(2), []

    def act(name: str) -> None:
        ready.wait()
        try:
            with storage.write(people[name]) as unit:
                decide_case(unit, case_id, action=Action.THROTTLE, reason=WHY, version=seen)
            outcomes.append("done")
        except ConflictError:
            outcomes.append("conflict")

    threads = [threading.Thread(target=act, args=(name,)) for name in ("ada", "ida")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict", "done"]
    with storage.read() as session:
        assert session.execute(select(func.count()).select_from(Decision)).scalar_one() == 1


def test_a_deleted_account_is_not_acted_on(storage: Storage, people: People, case_id: int) -> None:
    with storage.write(people["ada"]) as unit:
        number = decide_case(unit, case_id, action=Action.SUSPEND, reason=WHY).id
    with storage.write(people["root"]) as unit:
        retention.mark_deleted(unit, MEMBERS[0])
        approvals.approve(unit, number)
    bulk.apply_all(storage)
    assert MEMBERS[0] not in actions(storage)
    with pytest.raises(RefusedError, match="deleted"), storage.write(people["ada"]) as unit:
        decide_account(unit, MEMBERS[0], action=Action.SUSPEND, reason=WHY)
    with pytest.raises(NotFoundError), storage.write(people["ada"]) as unit:
        lift_account(unit, "nobody", why="there is no such account")


class InterruptionError(Exception):
    """What stops a test's bulk action half-way."""


@pytest.mark.parametrize("after", range(4))
def test_an_interrupted_bulk_action_goes_on_and_applies_once(
    url: str,
    storage: Storage,
    people: People,
    case_id: int,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
) -> None:
    with storage.write(people["ada"]) as unit:
        number = decide_case(unit, case_id, action=Action.THROTTLE, reason=WHY).id
    real, calls = bulk._mark, []

    def failing(*arguments: object) -> None:
        calls.append(1)
        if len(calls) > after:
            raise InterruptionError
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(bulk, "_mark", failing)
    with pytest.raises(InterruptionError):
        bulk.apply_all(storage)
    monkeypatch.setattr(bulk, "_mark", real)
    second = Storage(url, key=storage.key, rules=Rules(bulk_batch=5), clock=clock)
    bulk.apply_all(second)
    bulk.apply_all(storage)
    second.close()
    with storage.read() as session:
        states = bulk.progress(session, number)
        applied = session.execute(
            select(AuditEntry.payload).where(AuditEntry.action == "bulk.apply")
        ).scalars()
        total = sum(int(text.split('"accounts":')[1].split(",")[0]) for text in applied)
    assert states == {"applied": 12}
    assert total == 12
    assert actions(storage) == dict.fromkeys(MEMBERS, "throttle")


def test_two_workers_at_once_apply_each_account_once(
    storage: Storage, people: People, case_id: int
) -> None:
    with storage.write(people["ada"]) as unit:
        decide_case(unit, case_id, action=Action.THROTTLE, reason=WHY)
    changed: list[int] = []
    threads = [
        threading.Thread(target=lambda: changed.append(bulk.apply_all(storage))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(changed) == 12


@pytest.mark.parametrize("reason", ["", "short", " " * 40])
def test_a_decision_needs_a_reason(
    storage: Storage, people: People, case_id: int, reason: str
) -> None:
    with pytest.raises(RefusedError, match="reason"), storage.write(people["ada"]) as unit:
        decide_case(unit, case_id, action=Action.SUSPEND, reason=reason)


def test_lifting_ends_everything_for_one_account(
    storage: Storage, people: People, case_id: int
) -> None:
    suspend_all(storage, people, case_id)
    with storage.write(people["ida"]) as unit:
        lift_account(unit, MEMBERS[0], why="called the customer, who is a school")
    assert set(actions(storage)) == set(MEMBERS[1:])
    with storage.read() as session:
        ended = session.execute(
            select(Measure).where(Measure.state == MeasureState.ENDED)
        ).scalars()
        assert [one.ended_why for one in ended] == ["called the customer, who is a school"]
