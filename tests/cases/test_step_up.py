"""What partners' indicators ask for: proposed, approved by a person, then in the snapshot."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from stillwatch.cases import Actor, Storage, approvals, bulk, decisions, measures
from stillwatch.cases.actors import system
from stillwatch.cases.models import Decision, DecisionState
from stillwatch.cases.publish import snapshot
from stillwatch.cases.step_up import propose_step_up
from stillwatch.standing import Action, Snapshot, Standing

from .conftest import MEMBERS, START

if TYPE_CHECKING:
    from .conftest import Clock

END = START + timedelta(days=14)
ASKED = tuple(
    Standing(
        account_id=name,
        action=Action.VERIFY,
        reason=f"requests show prompt families of a campaign elsewhere: first:k-1 ({number + 3})",
        notice="Please verify.",
        author="import:first",
        since=START,
        expires_at=END,
    )
    for number, name in enumerate((*MEMBERS[:6], "nobody"))
)


def published(storage: Storage) -> Snapshot:
    with storage.read() as session:
        return snapshot(session, storage)


def verified(storage: Storage) -> dict[str, Standing]:
    return {s.account_id: s for s in published(storage).standings if s.action is Action.VERIFY}


def test_nobody_is_asked_before_a_person_approves(
    storage: Storage, people: dict[str, Actor], case_id: int
) -> None:
    done = propose_step_up(storage, ASKED)
    assert (done.accounts, done.known, done.unknown) == (6, 0, 1)
    (number,) = done.decisions
    bulk.apply_all(storage)
    assert verified(storage) == {}
    with storage.write(people["bob"]) as unit:
        approvals.approve(unit, number)
    bulk.apply_all(storage)
    found = verified(storage)
    assert set(found) == set(MEMBERS[:6])
    for standing in found.values():
        assert "first:k-1" in standing.reason
        assert (standing.author, standing.approved_by) == ("import:first", "user:bob")
        assert standing.expires_at == END


def test_rejected_accounts_are_not_proposed_again_and_expired_ones_are(
    storage: Storage, people: dict[str, Actor], case_id: int, clock: Clock
) -> None:
    (first,) = propose_step_up(storage, ASKED[:2]).decisions
    again = propose_step_up(storage, ASKED)
    assert (again.accounts, again.known) == (4, 2)
    with storage.write(people["bob"]) as unit:
        approvals.reject(unit, first, why="these are two classrooms")
        approvals.approve(unit, again.decisions[0])
    bulk.apply_all(storage)
    assert set(verified(storage)) == set(MEMBERS[2:6])
    assert propose_step_up(storage, ASKED).accounts == 0
    clock.forward(days=15)
    with storage.write(system("expiry")) as unit:
        measures.expire(unit)
    assert verified(storage) == {}
    assert propose_step_up(storage, ASKED).decisions == ()  # its own end has passed
    later = [
        Standing(
            account_id=s.account_id, action=s.action, reason=s.reason, notice=s.notice,
            author=s.author, since=clock.now, expires_at=clock.now + timedelta(days=14),
        )
        for s in ASKED
    ]  # fmt: skip
    assert propose_step_up(storage, later).accounts == 4


def test_each_source_is_proposed_by_itself_under_its_own_name(
    storage: Storage, people: dict[str, Actor], case_id: int
) -> None:
    other = Standing(
        account_id=MEMBERS[0], action=Action.VERIFY, reason="seen elsewhere", notice="Please.",
        author="import:second", since=START, expires_at=END,
    )  # fmt: skip
    done = propose_step_up(storage, (*ASKED, other))
    with storage.read() as session:
        made = [session.get_one(Decision, number) for number in done.decisions]
        assert [(d.author, d.targets, d.case_id) for d in made] == [
            ("import:first", 6, None),
            ("import:second", 1, None),
        ]
        assert {d.state for d in made} == {DecisionState.PROPOSED}


def test_what_nobody_asks_for_any_more_is_named_and_stays_until_a_person_undoes_it(
    storage: Storage, people: dict[str, Actor], case_id: int
) -> None:
    (number,) = propose_step_up(storage, ASKED).decisions
    assert propose_step_up(storage, ASKED).unasked == ()
    waiting = propose_step_up(storage, ASKED[:4])
    assert (waiting.decisions, waiting.unasked, waiting.no_longer) == ((), (number,), 2)
    with storage.write(people["bob"]) as unit:
        approvals.approve(unit, number)
    bulk.apply_all(storage)
    revoked = propose_step_up(storage, ())
    assert (revoked.unasked, revoked.no_longer) == ((number,), 6)
    assert set(verified(storage)) == set(MEMBERS[:6])
    with storage.write(people["bob"]) as unit:
        decisions.undo(unit, number, why="the partner took its indicators back")
    assert verified(storage) == {}
    assert propose_step_up(storage, ()).unasked == ()
