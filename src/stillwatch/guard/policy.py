"""What the guard does and when: the policy, a TOML file.

Every key has a default, so an empty file is a policy: it watches, records what it would do, and
changes nothing. `docs/policy.md` describes each key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from stillwatch.guard.quantities import Duration, Rate
from stillwatch.guard.toml_file import Section, convert, read_toml
from stillwatch.standing import LEVELS, SATISFYING, Action, level_named

if TYPE_CHECKING:
    from pathlib import Path

Mode = Literal["shadow", "enforce"]
Failing = Literal["open", "closed"]
Friction = Literal["throttle", "verify"]


class Fail(Section, frozen=True, kw_only=True):
    """What is answered when the guard cannot decide, because its store is away.

    Attributes:
        default: ``open`` lets the request pass, ``closed`` refuses it with 429 and a short
            ``Retry-After``.
        routes: the same by route: ``decide``, ``forward-auth``, ``asgi``.
    """

    default: Failing = "open"
    routes: dict[str, Failing] = msgspec.field(default_factory=dict)

    def of(self, route: str) -> Failing:
        """What holds for a route."""
        return self.routes.get(route, self.default)


class Sentence(Section, frozen=True, kw_only=True):
    """What a verdict of a scan brings upon an account.

    Attributes:
        action: on its requests.
        lasts: until the action ends, unless a later scan renews it.
        suspension: ``propose`` it to a person, who approves it; ``automatic`` suspends accounts
            whose campaign the scan's error control accepted; ``never``.
    """

    action: Action = Action.ALLOW
    lasts: Duration = Duration(14 * 86_400.0)
    suspension: Literal["never", "propose", "automatic"] = "never"


class Accused(Sentence, frozen=True, kw_only=True):
    """The sentence of `distillation`; attributes as `Sentence`."""

    action: Action = Action.RESTRICT
    suspension: Literal["never", "propose", "automatic"] = "propose"


class Verdicts(Section, frozen=True, kw_only=True):
    """Sentences by verdict; ``clear`` has none."""

    distillation: Accused = Accused()
    pooled: Sentence = Sentence()
    inconclusive: Sentence = Sentence()

    def __post_init__(self) -> None:
        for name in ("pooled", "inconclusive"):
            given: Sentence = getattr(self, name)
            if given.suspension == "automatic" or given.action is Action.SUSPEND:
                raise ValueError(
                    f"{name}: only `distillation` may suspend; no error rate stands behind others"
                )
        if self.distillation.action is Action.SUSPEND:
            raise ValueError(
                'distillation: write suspension = "automatic", and in `action` what comes before it'
            )


class Limit(Section, frozen=True, kw_only=True):
    """A budget of requests and one of tokens; without a rate there is no limit.

    Attributes:
        requests: such as ``600/1m``.
        tokens: of input and output together, such as ``2M/1h burst 200k``.
    """

    requests: Rate | None = None
    tokens: Rate | None = None


class AccusedLimit(Limit, frozen=True, kw_only=True):
    """The budget of an accused campaign; attributes as `Limit`."""

    requests: Rate | None = Rate.parse("30/1h burst 10")


class ThrottledLimit(Limit, frozen=True, kw_only=True):
    """The budget of a throttled account; attributes as `Limit`."""

    requests: Rate | None = Rate.parse("10/1h burst 3")


class CampaignLimits(Section, frozen=True, kw_only=True):
    """Budgets that all members of a campaign share, by its verdict.

    Attributes:
        distillation, pooled, inconclusive: the budgets.
        over: what happens to a request beyond it.
    """

    distillation: AccusedLimit = AccusedLimit()
    pooled: Limit = Limit()
    inconclusive: Limit = Limit()
    over: Friction = "throttle"


class Limits(Section, frozen=True, kw_only=True):
    """Budgets by what they are counted for.

    Attributes:
        key: each API key.
        account: each account.
        organization: each declared organisation, all its accounts together.
        payment: each payment fingerprint, all accounts that pay with it together.
        throttled: each account under a standing `throttle`.
        levels: each account, by its verification level.
        campaign: each campaign.
    """

    key: Limit = Limit()
    account: Limit = Limit()
    organization: Limit = Limit()
    payment: Limit = Limit()
    throttled: ThrottledLimit = ThrottledLimit()
    levels: dict[str, Limit] = msgspec.field(default_factory=dict)
    campaign: CampaignLimits = CampaignLimits()


class History(Section, frozen=True, kw_only=True):
    """Anomalous volume: a day's requests against the account's own past and its tier.

    Attributes:
        factor: times its busiest past day (fading) that an account may reach; 0 turns this off.
        floor: requests a day that any account may reach.
        tiers: the same by the account's plan, instead of `floor`.
        fade: over how long the memory of a busy day halves.
    """

    factor: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    floor: Annotated[int, msgspec.Meta(ge=1)] = 2_000
    tiers: dict[str, Annotated[int, msgspec.Meta(ge=1)]] = msgspec.field(default_factory=dict)
    fade: Duration = Duration(7 * 86_400.0)


class Signal(Section, frozen=True, kw_only=True):
    """What live evidence of one kind brings.

    Attributes:
        action: ``off``, ``throttle`` or ``verify``; never more.
        lasts: until the friction ends, unless it is seen again.
        after: how often it must be seen.
    """

    action: Literal["off", "throttle", "verify"] = "verify"
    lasts: Duration = Duration(86_400.0)
    after: Annotated[int, msgspec.Meta(ge=1)] = 2


class OnePayer(Signal, frozen=True, kw_only=True):
    """Evidence by a shared payer; attributes as `Signal`."""

    after: Annotated[int, msgspec.Meta(ge=1)] = 3


class FewPayers(Signal, frozen=True, kw_only=True):
    """Evidence by few payers of many accounts; attributes as `Signal`.

    Off unless asked for: two simulated fortnights prove no rate.
    """

    action: Literal["off", "throttle", "verify"] = "off"
    after: Annotated[int, msgspec.Meta(ge=1)] = 3


class Joined(Signal, frozen=True, kw_only=True):
    """Evidence of having joined a known campaign; attributes as `Signal`.

    Off unless asked for: on the lab's demo it challenged laboratories that ran a public benchmark.
    """

    action: Literal["off", "throttle", "verify"] = "off"
    lasts: Duration = Duration(7 * 86_400.0)
    after: Annotated[int, msgspec.Meta(ge=1)] = 3


class Live(Section, frozen=True, kw_only=True):
    """Detection between scans.

    Attributes:
        one_payer: unrelated accounts that share a payer feed one prompt family.
        few_payers: many unrelated accounts that few payers pay for feed one prompt family.
        migration: requests refused on one account are sent again on another.
        continuation: conversations are continued by an unrelated account.
        joined: an account sends what only members of a known campaign send.
        accounts: unrelated accounts that a shared thing needs.
        families: prompt families remembered at most.
        memory: requests remembered at most, for retries and conversations.
    """

    one_payer: OnePayer = OnePayer()
    few_payers: FewPayers = FewPayers()
    migration: Signal = Signal()
    continuation: Signal = Signal()
    joined: Joined = Joined()
    accounts: Annotated[int, msgspec.Meta(ge=2)] = 3
    families: Annotated[int, msgspec.Meta(ge=100)] = 50_000
    memory: Annotated[int, msgspec.Meta(ge=100)] = 200_000


class Restrict(Section, frozen=True, kw_only=True):
    """What a restricted request is answered without; instructions to the gateway, in the open.

    Attributes:
        reasoning: ``withhold`` the raw reasoning, ``summarise`` it, or ``allow`` it.
        logprobs: ``withhold`` log-probabilities, or ``allow`` them.
        choices: most answers to one request (``n``); 0 for any number.
        output_tokens: most tokens of an answer; 0 for any number.
        watermark: ask the model's servers to mark the answer.
    """

    reasoning: Literal["withhold", "summarise", "allow"] = "withhold"
    logprobs: Literal["withhold", "allow"] = "withhold"
    choices: Annotated[int, msgspec.Meta(ge=0)] = 1
    output_tokens: Annotated[int, msgspec.Meta(ge=0)] = 1_024
    watermark: bool = True


class Verify(Section, frozen=True, kw_only=True):
    """Step-up verification.

    Attributes:
        url: where a customer verifies; given in the answer.
        levels: verification levels from the weakest to the strongest.
        satisfied_by: the level from which an account is asked no more.
    """

    url: str = ""
    levels: tuple[str, ...] = LEVELS
    satisfied_by: str = SATISFYING

    def __post_init__(self) -> None:
        if level_named(self.satisfied_by) not in map(level_named, self.levels):
            raise ValueError(f"satisfied_by: {self.satisfied_by!r} is not among `levels`")

    def satisfies(self, level: str | None) -> bool:
        """Whether an account of this level needs no further verification."""
        if level is None:
            return False
        names = [level_named(name) for name in self.levels]
        return level_named(level) in names[names.index(level_named(self.satisfied_by)) :]


class Access(Section, frozen=True, kw_only=True):
    """What accounts of one verification level may do.

    Attributes:
        models: names, with ``*`` for anything; other models need a higher level. All where none is
            named.
        restrict: features that its answers go without; all are there where this is not written.
    """

    models: tuple[str, ...] = ()
    restrict: Restrict | None = None


class Policy(Section, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        version: a name of yours, which every decision carries.
        mode: ``shadow`` decides and records and changes nothing; ``enforce`` acts.
        fail: when the guard cannot decide.
        verdicts: from a scan's verdicts to actions.
        limits: budgets.
        history: anomalous volume.
        live: detection between scans.
        restrict: what `restrict` means.
        verify: what `verify` means.
        levels: what accounts of a verification level may do, by level.
    """

    version: str = "built-in"
    mode: Mode = "shadow"
    fail: Fail = Fail()
    verdicts: Verdicts = Verdicts()
    limits: Limits = Limits()
    history: History = History()
    live: Live = Live()
    restrict: Restrict = Restrict()
    verify: Verify = Verify()
    levels: dict[str, Access] = msgspec.field(default_factory=dict)


def parse_policy(text: str, *, file: str = "policy") -> Policy:
    """Read a policy.

    Args:
        text: TOML.
        file: its name, for messages.

    Raises:
        InputError: it is not TOML, a key does not exist, or a value makes no sense; line and key
            are named.
    """
    return convert(text, Policy, file=file, pages="docs/policy.md")


def load_policy(path: Path) -> Policy:
    """Read a policy file; errors as `parse_policy`."""
    return parse_policy(read_toml(path, "policy"), file=str(path))
