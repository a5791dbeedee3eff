from __future__ import annotations

from typing import Any

import pytest

from stillwatch.guard import Ask, Guard, Profile, Settlement, Traces, parse_policy
from stillwatch.guard.clock import ReplayClock
from stillwatch.schema import FAMILY_KEYS, Verdict
from stillwatch.standing import Action, KnownCampaign, Snapshot, Standing

BEGIN = 1_780_000_000.0
SYSTEM, HEAD8, TAIL4 = (FAMILY_KEYS.index(n) for n in ("system_key", "head8_key", "tail4_key"))
TEMPLATE = ((SYSTEM, 7), (HEAD8, 8))


class World:
    """A guard and a clock; every request has a body of its own unless one is given."""

    def __init__(self, policy: str = "", snapshot: Snapshot | None = None, **profiles: Any) -> None:
        rules = parse_policy(f'mode = "enforce"\n{policy}')
        self.guard = Guard(rules, snapshot, profiles=profiles, clock=ReplayClock())
        self.now, self.bodies = BEGIN, 0

    def send(self, account: str, status: int = 200, after: float = 60.0, **traces: Any) -> Action:
        self.now += after
        self.bodies += 1
        shown = {
            "families": TEMPLATE,
            "body": self.bodies,
            "turns": self.bodies,
            "prefix": None,
            "depth": 1,
            "asks": True,
        } | traces
        seen = Traces(**shown)  # type: ignore[arg-type]
        ask = Ask(account_id=account, at=self.now)
        decision = self.guard.decide(ask, seen)
        if decision.passes:
            settlement = Settlement(account_id=account, at=self.now, status=status)
            self.guard.settle(settlement, seen)
        return decision.action


def paid(
    domain: str, payer: str = "card", organization: str | None = None, age: float = 400.0
) -> Any:
    return Profile(organization, payer, "email", "payg", domain, BEGIN - age * 86_400)


HIDDEN: dict[str, Any] = {f"a{n}": paid(f"domain{n}.example") for n in range(4)}


def rounds(world: World, count: int = 10, **traces: Any) -> list[Action]:
    return [world.send(f"a{n}", **traces) for _ in range(count) for n in range(4)]


def test_unrelated_accounts_of_one_payer_that_feed_one_template_are_challenged() -> None:
    world = World(**HIDDEN)
    actions = rounds(world)
    assert actions[:8] == [Action.ALLOW] * 8
    assert set(actions[12:]) == {Action.VERIFY}
    assert world.send("stranger") is Action.ALLOW


@pytest.mark.parametrize(
    ("profiles", "traces"),
    [
        # one organisation, in the open
        ({f"a{n}": paid(f"d{n}.example", organization="o") for n in range(4)}, {}),
        # a company that spreads its work: one domain, one payer, accounts with a past
        ({f"a{n}": paid("company.example") for n in range(4)}, {}),
        # everybody pays alone
        ({f"a{n}": paid(f"d{n}.example", payer=f"card{n}") for n in range(4)}, {}),
        # nobody asks for reasoning
        (HIDDEN, {"asks": False}),
        # the same few things are asked again and again
        (HIDDEN, {"body": 5}),
        # only an ordinary turn of phrase is shared
        (HIDDEN, {"families": ((TAIL4, 9),)}),
    ],
)
def test_innocent_likenesses_are_left_alone(
    profiles: dict[str, Any], traces: dict[str, Any]
) -> None:
    assert set(rounds(World(**profiles), **traces)) == {Action.ALLOW}


def test_accounts_made_for_the_purpose_and_spread_over_networks_are_hidden_too() -> None:
    fresh: dict[str, Any] = {f"a{n}": paid("one.example", age=3) for n in range(4)}
    world = World(**fresh)
    for number in range(40):
        action = world.send(f"a{number % 4}", network=number % 4)
    assert action is Action.VERIFY
    world = World(**fresh)
    assert {world.send(f"a{n % 4}", network=1) for n in range(40)} == {Action.ALLOW}


FEW_PAYERS = '[live.few_payers]\naction = "verify"\n'


def crowd(size: int = 10, payers: int = 5, **more: Any) -> dict[str, Any]:
    """Accounts of which each payer has two, too few for the signal of one payer."""
    return {f"a{n}": paid(f"d{n % 3}.example", f"card{n % payers}", **more) for n in range(size)}


def feed(world: World, size: int = 10, count: int = 6, **traces: Any) -> list[Action]:
    return [world.send(f"a{n}", **traces) for _ in range(count) for n in range(size)]


def test_a_crowd_of_unrelated_accounts_that_few_payers_pay_for_is_challenged() -> None:
    size, payers = 15, 5
    # three to a payer that share a domain: one company each, but all five with one template
    profiles = {f"a{n}": paid(f"d{n % payers}.example", f"card{n % payers}") for n in range(size)}
    assert set(feed(World(**profiles), size)) == {Action.ALLOW}
    world = World(FEW_PAYERS, **profiles)
    actions = feed(world, size)
    assert actions[: 2 * size] == [Action.ALLOW] * 2 * size
    assert set(actions[4 * size :]) == {Action.VERIFY}
    # whoever pays alone is left alone, whatever others do with the template
    assert {world.send("stranger") for _ in range(9)} == {Action.ALLOW}
    assert world.send("a0", families=((HEAD8, 99),), after=2 * 86_400) is Action.ALLOW


@pytest.mark.parametrize(
    ("profiles", "traces"),
    [
        (crowd(payers=10), {}),  # the users of an application pay by themselves
        (crowd(payers=5), {}),  # two to a payer, as in a household
        (crowd(size=7, payers=1, organization="o"), {}),  # one organisation, in the open
        ({f"a{n}": paid("one.example") for n in range(10)}, {}),  # one company, with a past
        (crowd(payers=2), {"asks": False}),
        (crowd(payers=2), {"families": ((TAIL4, 9),)}),
    ],
)
def test_a_crowd_with_an_innocent_likeness_is_left_alone(
    profiles: dict[str, Any], traces: dict[str, Any]
) -> None:
    policy = FEW_PAYERS + '[live.one_payer]\naction = "off"\n'
    assert set(feed(World(policy, **profiles), len(profiles), **traces)) == {Action.ALLOW}


def test_a_benchmark_whose_items_come_again_makes_no_crowd() -> None:
    policy = FEW_PAYERS + '[live.one_payer]\naction = "off"\n'
    world = World(policy, **crowd(payers=2))
    sent = [world.send(f"a{n}", body=item) for item in range(500, 506) for n in range(10)]
    assert set(sent) == {Action.ALLOW}
    assert Action.VERIFY in feed(World(policy, **crowd(payers=2)))  # but for the items, it is one


def test_a_refused_request_that_goes_on_elsewhere_challenges_both() -> None:
    world = World()
    for body in (1001, 1002):
        world.send("x", status=429, body=body)
        last = world.send("y", body=body, after=5)
    assert last is Action.VERIFY
    assert world.send("x") is Action.VERIFY


@pytest.mark.parametrize(
    ("between", "traces", "profiles"),
    [
        (300.0, {}, {}),  # too late for a retry
        (5.0, {"asks": False}, {}),  # ordinary chat through a relay
        (5.0, {}, {"x": paid("d.example", organization="o"), "y": paid("e", organization="o")}),
        (5.0, {}, {"x": paid("d.example"), "y": paid("d.example")}),  # one company, in the open
    ],
)
def test_other_retries_are_nobodys_business(
    between: float, traces: dict[str, Any], profiles: dict[str, Any]
) -> None:
    world = World(**profiles)
    for body in range(1001, 1011):
        world.send("x", status=503, body=body, **traces)
        assert world.send("y", body=body, after=between, **traces) is Action.ALLOW


def test_a_body_that_many_send_is_no_retry() -> None:
    world = World()
    for body in range(1001, 1011):
        world.send("somebody", body=body)
        world.send("x", status=429, body=body)
        assert world.send("y", body=body, after=5) is Action.ALLOW


def test_conversations_that_move_between_organisations_challenge() -> None:
    world = World()
    for number in range(2000, 2002):
        world.send("x", turns=number)
        last = world.send("y", prefix=number, turns=number + 500, depth=2)
    assert last is Action.VERIFY


def test_a_common_first_turn_is_no_continuation() -> None:
    world = World()
    for number in range(10):
        world.send("x", turns=2000)
        world.send(f"z{number}", turns=2000)
        assert world.send("y", prefix=2000, turns=3000 + number, depth=2) is Action.ALLOW


KNOWN = Snapshot(
    sequence=1,
    standings=(Standing(account_id="member", verdict=Verdict.DISTILLATION, campaign_id="c"),),
    campaigns=(
        KnownCampaign(campaign_id="c", verdict=Verdict.DISTILLATION, families=(("head8_key", 77),)),
    ),
)


def test_a_new_account_that_sends_what_only_members_send_has_joined() -> None:
    world = World('[live.joined]\naction = "verify"\n', snapshot=KNOWN)
    actions = [world.send("new", families=((HEAD8, 77),)) for _ in range(4)]
    assert actions == [Action.ALLOW, Action.ALLOW, Action.VERIFY, Action.VERIFY]
    decision = world.guard.decide(Ask(account_id="new", at=world.now))
    assert decision.campaign_id == "c"
    assert "campaign c" in decision.reason
    assert world.send("other", families=((HEAD8, 78),)) is Action.ALLOW


def test_an_account_that_joined_draws_on_the_campaigns_budget() -> None:
    policy = """
        [live.joined]
        action = "throttle"
        [limits.throttled]
        requests = "1000/1h"
        [limits.campaign.distillation]
        requests = "2/1h"
    """
    world = World(policy, snapshot=KNOWN)
    joined = [world.send(f"n{n}", families=((HEAD8, 77),)) for n in range(5) for _ in range(3)]
    assert joined.count(Action.ALLOW) == 2 * 5 + 2  # two before it is noticed, two for all of them


def test_live_evidence_fades_and_never_suspends() -> None:
    world = World('[live.one_payer]\nlasts = "1h"\n', **HIDDEN)
    assert Action.SUSPEND not in rounds(world)
    assert world.send("a0", after=3_700, families=()) is Action.ALLOW


def test_each_signal_can_be_turned_off() -> None:
    policy = "".join(
        f'[live.{name}]\naction = "off"\n'
        for name in ("one_payer", "few_payers", "migration", "continuation", "joined")
    )
    world = World(policy, snapshot=KNOWN, **HIDDEN)
    assert set(rounds(world, families=((HEAD8, 77),))) == {Action.ALLOW}
    for body in (901, 902, 903):
        world.send("x", status=429, body=body)
        assert world.send("y", body=body, after=5) is Action.ALLOW


def test_memory_is_bounded() -> None:
    world = World("[live]\nfamilies = 100\nmemory = 100\n", **HIDDEN)
    for number in range(2_000):
        world.send(f"a{number % 4}", families=((HEAD8, number),), status=429, prefix=number)
    assert world.guard.live.sizes["bodies"] == 100
    assert world.guard.live.sizes["families"] == 100
