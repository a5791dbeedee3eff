from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stillwatch.guard import Ask, Decision, Guard, Profile, Settlement, parse_policy
from stillwatch.guard.clock import ReplayClock, ServiceClock
from stillwatch.guard.store import StoreError
from stillwatch.guard.store.memory import MemoryStore
from stillwatch.schema import Verdict
from stillwatch.standing import Action, KnownCampaign, Snapshot, Standing

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
BEGIN = NOW.timestamp()
ENFORCE = 'version = "p"\nmode = "enforce"\n'


def guard(policy: str = "", *standings: Standing, **more: object) -> Guard:
    campaigns = tuple(
        KnownCampaign(campaign_id=name, verdict=Verdict.DISTILLATION, budget="first")
        for name in sorted({s.campaign_id for s in standings if s.campaign_id})
    )
    snapshot = Snapshot(sequence=1, standings=standings, campaigns=campaigns)
    return Guard(parse_policy(ENFORCE + policy), snapshot, clock=ReplayClock(), **more)  # type: ignore[arg-type]


def ask(account: str = "a", at: float = BEGIN, **fields: Any) -> Ask:
    return Ask(account_id=account, at=at, **fields)


def standing(action: Action, **fields: Any) -> Standing:
    defaults = {"account_id": "a", "since": NOW, "reason": "why", "author": "user:kim"}
    return Standing(action=action, **(defaults | fields))  # type: ignore[arg-type]


def test_nothing_speaks_against_a_stranger() -> None:
    assert guard().decide(ask()) == Decision()


def test_a_standing_is_carried_out_with_reason_author_and_expiry() -> None:
    end = NOW + timedelta(days=1)
    one = guard("", standing(Action.RESTRICT, expires_at=end, notice="n"))
    decision = one.decide(ask())
    assert decision.effective is Action.RESTRICT
    assert decision.passes
    assert (decision.reason, decision.notice, decision.author) == ("why", "n", "user:kim")
    assert decision.expires_at == end.timestamp()
    assert decision.restrictions is not None
    assert decision.restrictions.withhold_logprobs
    assert decision.restrictions.max_choices == 1


def test_an_action_ends_and_begins_in_event_time() -> None:
    one = guard("", standing(Action.VERIFY, expires_at=NOW + timedelta(hours=1)))
    assert one.decide(ask(at=BEGIN - 1)).action is Action.ALLOW
    assert one.decide(ask(at=BEGIN)).action is Action.VERIFY
    assert one.decide(ask(at=BEGIN + 3_599)).action is Action.VERIFY
    assert one.decide(ask(at=BEGIN + 3_600)).action is Action.ALLOW


CLOSED = '[fail]\ndefault = "closed"\n'


class Away(MemoryStore):
    shared = True

    async def take(self, charges: Any, now: float) -> Any:
        raise StoreError("gone")


@pytest.mark.parametrize(
    ("policy", "source"),
    [
        ('[limits.account]\nrequests = "1/1h"\n', "limit"),
        ("[history]\nfloor = 1\n", "history"),
        ('[limits.throttled]\nrequests = "1/1h"\n', "limit"),
        (CLOSED + '[limits.account]\nrequests = "9/1h"\n', "failure"),
    ],
)
def test_every_action_of_the_policys_own_has_a_reason_an_expiry_and_an_author(
    policy: str, source: str
) -> None:
    throttled = standing(Action.THROTTLE)
    one = guard(policy, throttled, store=Away() if source == "failure" else None)
    asyncio.run(one.decide_shared(ask()))
    refused = asyncio.run(one.decide_shared(ask()))
    assert (refused.action, refused.source) == (Action.THROTTLE, source)
    assert refused.reason
    assert refused.author == "policy:p"
    assert refused.expires_at == pytest.approx(BEGIN + refused.retry_after)
    failed = one.failed("decide")
    assert failed.action is (Action.THROTTLE if source == "failure" else Action.ALLOW)
    if not failed.passes:
        assert (failed.author, failed.expires_at) == ("policy:p", BEGIN + failed.retry_after)


def test_shadow_mode_records_and_changes_nothing() -> None:
    snapshot = Snapshot(sequence=1, standings=(standing(Action.VERIFY),))
    one = Guard(parse_policy(""), snapshot, clock=ReplayClock())
    decision = one.decide(ask())
    assert decision.action is Action.VERIFY
    assert decision.effective is Action.ALLOW
    assert decision.passes
    assert one.counts[Action.VERIFY, "standing", False] == 1


@pytest.mark.parametrize(
    ("policy", "fields", "expected"),
    [
        ("", {"approved_by": "lee"}, Action.SUSPEND),
        ("", {}, Action.RESTRICT),
        ("", {"author": "scan:x", "verdict": Verdict.DISTILLATION}, Action.RESTRICT),
        (
            '[verdicts.distillation]\nsuspension = "automatic"',
            {"author": "scan:x", "verdict": Verdict.DISTILLATION},
            Action.SUSPEND,
        ),
        (
            '[verdicts.distillation]\nsuspension = "automatic"',
            {"author": "scan:x", "verdict": Verdict.POOLED},
            Action.RESTRICT,
        ),
        (
            '[verdicts.distillation]\nsuspension = "automatic"',
            {"author": "user:kim", "verdict": Verdict.DISTILLATION},
            Action.RESTRICT,
        ),
    ],
)
def test_suspension_needs_a_person_or_the_policy_and_the_error_control(
    policy: str, fields: dict[str, Any], expected: Action
) -> None:
    decision = guard(policy, standing(Action.SUSPEND, **fields)).decide(ask())
    assert decision.action is expected
    assert ("awaits" in decision.reason) == (expected is Action.RESTRICT)


def test_verification_lifts_a_challenge() -> None:
    policy = '[verify]\nurl = "https://example.org/verify"'
    one = guard(policy, standing(Action.VERIFY))
    assert one.decide(ask()).verify_url == "https://example.org/verify"
    assert one.decide(ask(verification_level="phone")).action is Action.VERIFY
    assert one.decide(ask(verification_level="identity")).action is Action.ALLOW
    assert one.decide(ask(verification_level="business")).action is Action.ALLOW


LIMITED = '[limits.{subject}]\nrequests = "3/1h"\n'


@pytest.mark.parametrize(
    ("subject", "fields"),
    [
        ("key", {"api_key_id": "k"}),
        ("organization", {"organization_id": "o"}),
        ("payment", {"payment_fingerprint": "p"}),
    ],
)
def test_a_budget_follows_what_accounts_share(subject: str, fields: dict[str, Any]) -> None:
    one = guard(LIMITED.format(subject=subject))
    actions = [one.decide(ask(f"account-{n}", **fields)).action for n in range(5)]
    assert actions == [Action.ALLOW] * 3 + [Action.THROTTLE] * 2
    assert one.decide(ask("other")).action is Action.ALLOW


def test_profiles_say_what_the_ask_does_not() -> None:
    profiles = {f"account-{n}": Profile(payment_fingerprint="p") for n in range(5)}
    one = guard(LIMITED.format(subject="payment"), profiles=profiles)
    actions = [one.decide(ask(f"account-{n}")).action for n in range(5)]
    assert actions == [Action.ALLOW] * 3 + [Action.THROTTLE] * 2


def test_levels_have_budgets_of_their_own() -> None:
    one = guard('[limits.levels.none]\nrequests = "1/1h"\n')
    assert one.decide(ask(verification_level="none")).action is Action.ALLOW
    assert one.decide(ask(verification_level="none")).action is Action.THROTTLE
    assert one.decide(ask(verification_level="email")).action is Action.ALLOW


@pytest.mark.parametrize("word", ["business", "organisation", "Organization"])
def test_a_level_is_the_same_in_all_its_words(word: str) -> None:
    one = guard('[limits.levels.business]\nrequests = "1/1h"\n')
    assert one.decide(ask(verification_level=word)).action is Action.ALLOW
    assert one.decide(ask(verification_level=word)).action is Action.THROTTLE


LEVELLED = """
[verify]
url = "https://example.org/verify"
[levels.none]
models = ["small-*", "embed"]
[levels.email.restrict]
logprobs = "allow"
output_tokens = 500
"""


@pytest.mark.parametrize(
    ("level", "model", "expected"),
    [
        ("none", "large-1", Action.VERIFY),
        ("unverified", "large-1", Action.VERIFY),
        ("none", "small-1", Action.ALLOW),
        ("none", "embed", Action.ALLOW),
        ("none", "embed-2", Action.VERIFY),
        ("none", None, Action.ALLOW),
        (None, "large-1", Action.ALLOW),
        ("email", "large-1", Action.RESTRICT),
        ("phone", "large-1", Action.ALLOW),
    ],
)
def test_levels_open_models_and_features(
    level: str | None, model: str | None, expected: Action
) -> None:
    decision = guard(LEVELLED).decide(ask(verification_level=level, model=model))
    assert decision.action is expected
    if expected is Action.VERIFY:
        assert decision.verify_url == "https://example.org/verify"
        assert "large" not in decision.notice
    if expected is Action.RESTRICT:
        assert decision.restrictions is not None
        assert decision.restrictions.max_output_tokens == 500
        assert not decision.restrictions.withhold_logprobs


def test_what_is_in_force_for_an_account_goes_before_its_level() -> None:
    one = guard(LEVELLED, standing(Action.RESTRICT))
    decision = one.decide(ask(verification_level="email", model="large-1"))
    assert decision.source == "standing"
    assert decision.restrictions is not None
    assert decision.restrictions.withhold_logprobs


def test_members_of_a_campaign_share_one_budget_so_new_accounts_buy_nothing() -> None:
    members = [
        Standing(
            account_id=f"m{n}",
            verdict=Verdict.DISTILLATION,
            campaign_id="c1" if n < 50 else "c2",
        )
        for n in range(100)
    ]
    one = guard('[limits.campaign.distillation]\nrequests = "30/1h burst 10"\n', *members)
    passed = [m.account_id for m in members if one.decide(ask(m.account_id)).passes]
    assert len(passed) == 10  # both names draw on the budget that the campaign inherited
    refused = one.decide(ask("m99"))
    assert refused.action is Action.THROTTLE
    assert refused.subject == "campaign"
    assert refused.campaign_id == "c2"
    assert refused.retry_after > 0


def test_tokens_are_settled_after_the_answer_with_debt() -> None:
    one = guard('[limits.account]\ntokens = "1000/1h"\n')
    decision = one.decide(ask(tokens=100))
    assert decision.reserved == 100
    one.settle(Settlement(account_id="a", at=BEGIN, reserved=100, used=1_500))
    refused = one.decide(ask(tokens=1))
    assert refused.action is Action.THROTTLE
    assert "tokens" in refused.reason
    assert one.decide(ask(tokens=1, at=BEGIN + refused.retry_after + 1)).passes


def test_volume_is_judged_against_the_accounts_own_past() -> None:
    policy = "[history]\nfloor = 10\nfactor = 3\ntiers = {team = 20}\n"
    one = guard(policy)
    day = 86_400.0
    start = BEGIN // day * day
    assert sum(one.decide(ask("new", start)).passes for _ in range(50)) == 10
    assert sum(one.decide(ask("team", start, plan="team")).passes for _ in range(50)) == 20
    grown = sum(one.decide(ask("new", start + day)).passes for _ in range(100))
    assert 20 < grown < 30  # three times a busiest day that has begun to fade
    refused = one.decide(ask("new", start + day + 100))
    assert refused.source == "history"
    assert refused.retry_after == day - 100


def test_a_throttled_account_has_a_small_budget() -> None:
    one = guard('[limits.throttled]\nrequests = "10/1h burst 2"\n', standing(Action.THROTTLE))
    actions = [one.decide(ask()).action for _ in range(4)]
    assert actions == [Action.ALLOW] * 2 + [Action.THROTTLE] * 2


def test_an_older_snapshot_is_not_taken() -> None:
    one = guard("", standing(Action.VERIFY))
    assert not one.apply_snapshot(Snapshot(sequence=0))
    assert one.decide(ask()).action is Action.VERIFY
    assert one.apply_snapshot(Snapshot(sequence=2))
    assert one.decide(ask()).action is Action.ALLOW


def test_another_policy_keeps_the_counters() -> None:
    one = guard(LIMITED.format(subject="account"))
    for _ in range(3):
        one.decide(ask())
    one.apply_policy(parse_policy(ENFORCE + LIMITED.format(subject="account") + "# changed"))
    assert one.decide(ask()).action is Action.THROTTLE


def test_time_does_not_go_back_when_the_clock_does() -> None:
    wall, monotonic = [BEGIN], [100.0]
    clock = ServiceClock(lambda: wall[0], lambda: monotonic[0])
    one = Guard(parse_policy(ENFORCE + LIMITED.format(subject="account")), clock=clock)
    assert [one.decide(ask(at=0)).passes for _ in range(4)] == [True, True, True, False]
    wall[0] -= 86_400
    monotonic[0] += 1_201
    assert clock.behind == pytest.approx(86_400 + 1_201)
    assert one.decide(ask(at=0)).passes  # a third of an hour later, one request is due
    refused = one.decide(ask(at=0))
    assert not refused.passes
    assert refused.retry_after < 1_201
    wall[0] += 2 * 86_400
    assert one.decide(ask(at=0)).passes
    assert clock.behind == 0


def test_a_gateway_cannot_move_time() -> None:
    clock = ServiceClock(lambda: BEGIN, lambda: 0.0)
    assert clock.now(BEGIN + 1e6) == BEGIN
    assert clock.now(BEGIN - 10) == BEGIN - 10
