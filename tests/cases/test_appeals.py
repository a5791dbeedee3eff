"""Appeals and verification: reasons, deadlines, other eyes, and the ways back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from tests import invented_scan

from stillwatch.cases import (
    Actor,
    Storage,
    appeals,
    bulk,
    outcomes,
    publish,
    verification,
    webhooks,
)
from stillwatch.cases import accounts as account_of
from stillwatch.cases.actors import CUSTOMER, Permission, system
from stillwatch.cases.decisions import decide_account, decide_case
from stillwatch.cases.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
)
from stillwatch.cases.feedback import feedback, realised
from stillwatch.cases.importing import import_scan
from stillwatch.cases.models import Account, Appeal, Case, StepUp, User, Verification
from stillwatch.cases.notices import notice_for
from stillwatch.cases.publish import snapshot
from stillwatch.cases.targets import preview
from stillwatch.guard import Policy
from stillwatch.schema import Verdict
from stillwatch.standing import Action

from .conftest import MEMBERS

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Clock

WHY = "one work queue over all accounts"
SECRET = b"a secret that the vendor shares "
VENDOR = Actor("webhook:vendor", frozenset())
People = dict[str, Actor]
ONE = MEMBERS[0]


def suspended(storage: Storage, people: People) -> str:
    """Suspend one account; returns the customer's link."""
    with storage.write(people["ada"]) as unit:
        decide_account(unit, ONE, action=Action.SUSPEND, reason=WHY)
        return account_of.link(unit, account_of.find(unit.session, ONE))


def appealed(storage: Storage, people: People) -> int:
    link = suspended(storage, people)
    with storage.write(CUSTOMER) as unit:
        account = account_of.by_link(unit.session, link)
        return appeals.file(unit, account, "We are a school.").id


def action_of(storage: Storage, account: str = ONE) -> str:
    with storage.read() as session:
        return session.get_one(Account, account).action


def judge(storage: Storage, people: People, number: int) -> Actor:
    with storage.read() as session:
        found = session.get_one(Appeal, number)
        assert found.assignee is not None
        return people[found.assignee.name]


def test_an_appeal_goes_to_somebody_other_than_the_author(
    storage: Storage, people: People, case_id: int
) -> None:
    number = appealed(storage, people)
    assert judge(storage, people, number).name != "user:ada"
    with pytest.raises(ForbiddenError, match="part"), storage.write(people["ada"]) as unit:
        appeals.uphold(unit, number, answer="You are right.", finding="")


def test_an_upheld_appeal_restores_and_is_remembered(
    storage: Storage, people: People, case_id: int
) -> None:
    number = appealed(storage, people)
    with storage.write(judge(storage, people, number)) as unit:
        appeals.uphold(unit, number, answer="You are right, sorry.", finding="a school")
    assert action_of(storage) == "allow"
    with storage.read() as session:
        hit = preview(session, storage.rules, session.get_one(Case, case_id), Action.SUSPEND)
        assert (hit.targets, hit.cleared) == (11, 1)
        labels = {row["account_id"]: row["label"] for row in feedback(session)}
        assert labels == {ONE: "cleared"}
        standing = {one.account_id: one for one in publish.snapshot(session, storage).standings}
    assert standing[ONE].action is Action.ALLOW
    assert standing[ONE].campaign_id is None


def test_a_rejected_appeal_stands_and_a_second_is_the_last(
    storage: Storage, people: People, case_id: int
) -> None:
    first = appealed(storage, people)
    with storage.write(judge(storage, people, first)) as unit:
        appeals.reject(unit, first, answer="It stands, as we see it.", finding="")
    assert action_of(storage) == "suspend"
    with storage.write(CUSTOMER) as unit:
        second = appeals.file(unit, account_of.find(unit.session, ONE), "Please look again.").id
    assert judge(storage, people, second) != judge(storage, people, first)
    with storage.write(judge(storage, people, second)) as unit:
        appeals.reject(unit, second, answer="It stands, as we see it.", finding="")
    with pytest.raises(ConflictError, match="twice"), storage.write(CUSTOMER) as unit:
        appeals.file(unit, account_of.find(unit.session, ONE), "And again.")


def test_nobody_appeals_twice_at_once_or_against_nothing(
    storage: Storage, people: People, case_id: int
) -> None:
    appealed(storage, people)
    with pytest.raises(ConflictError, match="already"), storage.write(CUSTOMER) as unit:
        appeals.file(unit, account_of.find(unit.session, ONE), "Hello?")
    with pytest.raises(RefusedError, match="nothing"), storage.write(CUSTOMER) as unit:
        appeals.file(unit, account_of.find(unit.session, MEMBERS[1]), "Why?")


def test_a_wrong_or_replaced_link_opens_nothing(
    storage: Storage, people: People, case_id: int
) -> None:
    old = suspended(storage, people)
    with storage.write(people["ada"]) as unit:
        new = account_of.replace_link(unit, account_of.find(unit.session, ONE))
    assert new != old
    with storage.read() as session:
        assert account_of.by_link(session, new).account_id == ONE
        for wrong in (old, "a" * 32, ""):
            with pytest.raises(NotFoundError):
                account_of.by_link(session, wrong)


def test_notices_give_no_detector_away(storage: Storage) -> None:
    telling = (
        "template",
        "prompt",
        "timing",
        "payment",
        "card",
        "network",
        "fingerprint",
        "p-value",
    )
    for action in list(Action)[1:]:
        assert notice_for(action)
        assert not [word for word in telling if word in notice_for(action).lower()]


def call(
    storage: Storage,
    clock: Clock,
    body: dict[str, object] | bytes,
    *,
    identifier: str = "msg_1",
    secret: bytes = SECRET,
    age: int = 0,
) -> StepUp | None:
    """What the vendor's call does, as the API's handler does it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = int(clock().timestamp()) - age
    headers = {
        "webhook-id": identifier,
        "webhook-timestamp": str(stamp),
        "webhook-signature": webhooks.sign(secret, identifier, stamp, data),
    }
    taken = webhooks.check(SECRET, headers, data, clock())
    with storage.write(VENDOR) as unit:
        return webhooks.take(unit, taken, data)


def asked(storage: Storage, people: People) -> str:
    """Ask the account to verify; returns the request's link."""
    with storage.write(people["ada"]) as unit:
        decide_account(unit, ONE, action=Action.VERIFY, reason=WHY)
        found = unit.session.execute(select(StepUp)).scalar_one()
        return verification.verify_link(unit.key, found.id)


def test_verifying_restores_service_and_raises_the_level(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    link = asked(storage, people)
    assert action_of(storage) == "verify"
    call(storage, clock, {"request": link, "outcome": "passed", "evidence": "sms"})
    assert action_of(storage) == "allow"
    with storage.read() as session:
        assert session.get_one(Account, ONE).level == "phone"


def test_who_did_what_the_guard_asked_for_is_challenged_no_more(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    portal = Actor("token:portal", frozenset({Permission.VERIFY}))
    with storage.write(portal) as unit:
        request = verification.request_step_up(unit, ONE, reason="live", wanted=None)
        link = verification.verify_link(unit.key, request.id)
    call(storage, clock, {"request": link, "outcome": "passed"})
    with storage.read() as session:
        (mine,) = (one for one in snapshot(session, storage).standings if one.account_id == ONE)
    assert Policy().verify.satisfies(mine.verification_level)


def test_a_replayed_call_changes_nothing(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    link = asked(storage, people)
    body: dict[str, object] = {"request": link, "outcome": "passed"}
    assert call(storage, clock, body) is not None
    assert call(storage, clock, body) is None
    with storage.read() as session:
        assert session.execute(select(func.count()).select_from(Verification)).scalar_one() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"secret": b"another secret of the same size!"}, "signature"),
        ({"age": 301}, "too old"),
        ({"age": -301}, "future"),
        ({"identifier": ""}, "headers"),
    ],
)
def test_a_call_that_cannot_be_trusted_is_refused(
    storage: Storage,
    people: People,
    case_id: int,
    clock: Clock,
    change: dict[str, object],
    words: str,
) -> None:
    link = asked(storage, people)
    with pytest.raises(ForbiddenError, match=words):
        call(storage, clock, {"request": link, "outcome": "passed"}, **change)  # type: ignore[arg-type]
    assert action_of(storage) == "verify"


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"outcome": "passed"}', b'{"request": "x", "outcome": "maybe"}', b"\xff"],
)
def test_a_signed_call_that_says_nonsense_is_refused(
    storage: Storage, clock: Clock, body: bytes
) -> None:
    with pytest.raises(RefusedError, match="no report"):
        call(storage, clock, body)


def test_silence_leads_on_and_a_late_success_lifts_it(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    link = asked(storage, people)
    clock.forward(days=8)
    with storage.write(system("deadlines")) as unit:
        assert outcomes.expire(unit) == 1
    assert action_of(storage) == "restrict"
    call(storage, clock, {"request": link, "outcome": "passed"})
    assert action_of(storage) == "allow"


def test_failure_leads_on_and_cannot_be_turned(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    link = asked(storage, people)
    call(storage, clock, {"request": link, "outcome": "failed", "reason": "no match"})
    assert action_of(storage) == "restrict"
    with pytest.raises(ConflictError, match="failed already"):
        call(storage, clock, {"request": link, "outcome": "passed"}, identifier="msg_2")


def test_less_than_was_asked_for_does_not_do(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    link = asked(storage, people)
    with pytest.raises(RefusedError, match="less"):
        call(storage, clock, {"request": link, "outcome": "passed", "level": "email"})
    assert action_of(storage) == "verify"


def test_verifying_instead_of_a_judgement_upholds_the_appeal(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    number = appealed(storage, people)
    with storage.write(judge(storage, people, number)) as unit:
        step = appeals.offer_verification(unit, number, wanted="payment")
        link = verification.verify_link(unit.key, step.id)
    call(storage, clock, {"request": link, "outcome": "passed"})
    assert action_of(storage) == "allow"
    with storage.read() as session:
        assert session.get_one(Appeal, number).state == "upheld"
        assert session.get_one(Account, ONE).cleared_at is not None


def test_who_does_not_verify_instead_is_judged_after_all(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    number = appealed(storage, people)
    with storage.write(judge(storage, people, number)) as unit:
        step = appeals.offer_verification(unit, number)
        link = verification.verify_link(unit.key, step.id)
    call(storage, clock, {"request": link, "outcome": "failed"})
    assert action_of(storage) == "suspend"
    with storage.read() as session:
        assert session.get_one(Appeal, number).state == "open"


def test_asking_a_whole_case_opens_a_request_for_each(
    storage: Storage, people: People, case_id: int
) -> None:
    with storage.write(people["ada"]) as unit:
        decide_case(unit, case_id, action=Action.VERIFY, reason=WHY)
    bulk.apply_all(storage)
    with storage.read() as session:
        assert session.execute(select(func.count()).select_from(StepUp)).scalar_one() == 12


def test_programmes_need_their_own_evidence_and_run_out(
    storage: Storage, people: People, case_id: int, clock: Clock
) -> None:
    with storage.write(people["ada"]) as unit:
        with pytest.raises(RefusedError, match="needs the level"):
            verification.grant(
                unit, ONE, name="start-up", evidence="company register", reference=None
            )
        verification.grant(unit, ONE, name="payment", evidence="card check", reference=None)
        with pytest.raises(RefusedError, match="accepts"):
            verification.grant(unit, ONE, name="start-up", evidence="a letter", reference=None)
        verification.grant(unit, ONE, name="start-up", evidence="company register", reference="r")
        assert verification.programmes(unit.session, ONE) == ["start-up"]
    clock.forward(days=366)
    with storage.write(system("deadlines")) as unit:
        assert outcomes.expire(unit) == 2
        assert verification.programmes(unit.session, ONE) == []
        assert unit.session.get_one(Account, ONE).level == "unverified"


@pytest.mark.parametrize(("number", "asked_for"), [(4, 0), (7, 7)])
def test_accounts_that_change_a_card_together_verify_again(
    storage: Storage, tmp_path: Path, number: int, asked_for: int
) -> None:
    def cards(changed: int) -> dict[str, dict[str, str]]:
        return {
            account: {"payment_fingerprint": "new" if i < changed else account}
            for i, account in enumerate(MEMBERS)
        }

    for turn, changed in enumerate((0, number)):
        folder, file = invented_scan.write(
            tmp_path / str(turn),
            invented_scan.campaign("c-1", MEMBERS),
            declared=cards(changed),
            clear=20 + turn,
        )
        findings = folder / "campaigns.json"
        findings.write_bytes(findings.read_bytes() + b"\n" * turn)
        import_scan(storage, folder, actor=system("import"), accounts=file)
    with storage.read() as session:
        steps = session.execute(select(StepUp.reason)).scalars().all()
    assert len(steps) == asked_for
    assert set(steps) <= {f"{number} accounts changed to one payment together"}


def test_without_an_uninvolved_judge_nobody_is_assigned(
    storage: Storage, people: People, case_id: int
) -> None:
    with storage.write(system("test")) as unit:
        for user in unit.session.execute(select(User)).scalars():
            if user.name != "ada":
                user.disabled_at = unit.now
                unit.record("user.disable", f"user:{user.id}")
    number = appealed(storage, people)
    with storage.read() as session:
        assert session.get_one(Appeal, number).assignee is None


def test_accusations_that_fell_are_counted_against_what_scans_promise(
    storage: Storage, people: People, tmp_path: Path
) -> None:
    with storage.read() as session:
        assert realised(session) is None
    campaigns = [
        invented_scan.campaign(f"c-{n}", tuple(f"{n}-{i}" for i in range(4))) for n in range(4)
    ]
    pooled = invented_scan.campaign("c-9", ("x", "y"), Verdict.POOLED)
    folder, accounts = invented_scan.write(tmp_path / "scan", *campaigns, pooled)
    import_scan(storage, folder, actor=system("import"), accounts=accounts)
    with storage.read() as session:
        cases = {one.campaign_id: one.id for one in session.execute(select(Case)).scalars()}
        assert realised(session) is None
    for name, action in (("c-0", Action.ALLOW), ("c-1", Action.VERIFY), ("c-2", Action.VERIFY)):
        with storage.write(people["ada"]) as unit:
            decide_case(unit, cases[name], action=action, reason=WHY)
    with storage.write(people["ada"]) as unit:
        decide_case(unit, cases["c-9"], action=Action.ALLOW, reason=WHY)
    with storage.write(people["ada"]) as unit:
        for name in ("2-0", "2-1"):
            account_of.find(unit.session, name).cleared_at = unit.now
    with storage.read() as session:
        found = realised(session)
    assert found is not None
    assert (found.judged, found.fallen, found.promised) == (3, 2, 0.01)
    assert found.low == pytest.approx(0.0943, abs=1e-4)  # Clopper and Pearson's own tables
    assert found.high == pytest.approx(0.9916, abs=1e-4)
    assert found.broken
