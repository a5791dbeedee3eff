"""The guard: one request in, one decision out.

    standing ─┐
    live ─────┼─▶ suspend? verify? ─▶ volume, budgets ─▶ restrict? ─▶ allow
    policy ───┘

The guard reads a snapshot that people and scans publish, its policy, and its own counters. It never
suspends on its own evidence.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import UsageError
from stillwatch.guard.ask import Ask, Profile, Settlement, Traces
from stillwatch.guard.clock import Clock, ServiceClock
from stillwatch.guard.decision import Decision
from stillwatch.guard.force import Force, Held
from stillwatch.guard.history import Volumes
from stillwatch.guard.levels import Levels
from stillwatch.guard.limits import Budgets
from stillwatch.guard.live import Detector, Flag
from stillwatch.guard.live.sighting import Sighting, sighting
from stillwatch.guard.policy import Policy
from stillwatch.guard.restrict import restrictions
from stillwatch.guard.store import Charge, Refusal, Store, StoreError
from stillwatch.guard.store.memory import MemoryStore
from stillwatch.guard.together import Together
from stillwatch.standing import Action, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stillwatch.guard.tracing import Tracer as _Tracer
    from stillwatch.schema import Verdict
    from stillwatch.sketch import Sketcher

FAILED_FOR = 1.0
"""Seconds for which a request is refused that could not be decided and whose route fails closed."""

FAILED = frozenset([429, *range(500, 600)])
NOTICE = {
    Action.THROTTLE: "Too many requests. Please slow down and try again later.",
    Action.VERIFY: "Please verify your account to go on.",
    Action.RESTRICT: "Some features are not available to this account at the moment.",
    Action.SUSPEND: "This account is suspended. Contact support to appeal.",
}
NOTICE_OF_MODEL = "This model is for verified accounts. Verify yours to use it."
_NOBODY = Profile()


class _View(msgspec.Struct, frozen=True, gc=False):
    """All that is known of the sender of one request."""

    profile: Profile
    held: Held | None
    flag: Flag | None
    organization: str | None
    payment: str | None
    level: str | None
    plan: str | None
    campaign: tuple[str, Verdict] | None
    campaign_id: str | None


class Guard:
    """Decides about requests.

    Args:
        policy: what to do and when; the built-in one watches in shadow mode.
        snapshot: what is in force.
        profiles: what the provider knows of accounts, by id, where asks do not say it.
        store: where budgets are kept; this process if not given.
        clock: of event time.
        sketcher: of the key that the snapshot's tokens were made with; without one, text that asks
            carry is not looked at.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        snapshot: Snapshot | None = None,
        *,
        profiles: Mapping[str, Profile] | None = None,
        store: Store | None = None,
        clock: Clock | None = None,
        sketcher: Sketcher | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self.store: Store = store if store is not None else MemoryStore()
        self.clock: Clock = clock or ServiceClock()
        self.profiles: Mapping[str, Profile] = profiles if profiles is not None else {}
        self._tracer = _tracer(sketcher)
        self._together = Together(self._tracer) if self._tracer is not None else None
        self.live = Detector(self.policy.live)
        self.counts: Counter[tuple[str, str, bool]] = Counter()
        self._volumes = Volumes()
        self._own_store = MemoryStore()
        self._use(self.policy, snapshot or Snapshot(sequence=0))

    @property
    def snapshot(self) -> Snapshot:
        """What is in force."""
        return self._force.snapshot

    @property
    def remembered(self) -> dict[str, int]:
        """Entries of everything that grows with the traffic, by what they are; each is bounded."""
        local = self.store if isinstance(self.store, MemoryStore) else self._own_store
        return {**self.live.sizes, "budgets": len(local), "volumes": len(self._volumes)}

    def _use(self, policy: Policy, snapshot: Snapshot) -> None:
        force, budgets = Force(snapshot, policy), Budgets(policy)
        self.policy, self._force, self._budgets = policy, force, budgets
        self._restrictions = restrictions(policy.restrict)
        self._levels = Levels(policy)
        self._author = f"policy:{policy.version}"
        self._enforced = policy.mode == "enforce"

    def apply_policy(self, policy: Policy) -> None:
        """Go on under another policy; counters stay."""
        self._use(policy, self._force.snapshot)
        self.live.configure(policy.live)

    def apply_snapshot(self, snapshot: Snapshot) -> bool:
        """Go on with a newer snapshot.

        Returns:
            Whether it was taken; an older one than the present is not.
        """
        if snapshot.sequence < self._force.snapshot.sequence:
            return False
        self._use(self.policy, snapshot)
        return True

    def decide(self, ask: Ask, traces: Traces | None = None) -> Decision:
        """Decide, with budgets that are kept in this process.

        Args:
            ask: the request.
            traces: its sketch, for live detection.

        Raises:
            UsageError: the store is shared; use `decide_shared`.
        """
        store = self.store
        if not isinstance(store, MemoryStore):
            raise UsageError("budgets are kept in a shared store: await Guard.decide_shared")
        now = self.clock.now(ask.at)
        view = self._look(ask, traces, now)
        decided = self._before_budgets(ask, view, now)
        if decided is None:
            charges = self._charges(ask, ask.tokens, view)
            refusal = store.take_now(charges, now) if charges else None
            decided = self._after_budgets(ask, view, refusal, now)
        return self._finish(decided, ask, view, traces, now)

    async def decide_shared(
        self, ask: Ask, traces: Traces | None = None, *, route: str = "decide"
    ) -> Decision:
        """Decide, with budgets wherever they are kept; arguments as `decide`.

        Args:
            ask: the request.
            traces: its sketch.
            route: where it came in, for what holds if the store is away.
        """
        now = self.clock.now(ask.at)
        view = self._look(ask, traces, now)
        decided = self._before_budgets(ask, view, now)
        if decided is None:
            charges = self._charges(ask, ask.tokens, view)
            try:
                refusal = await self.store.take(charges, now) if charges else None
                decided = self._after_budgets(ask, view, refusal, now)
            except StoreError as error:
                decided = self._without_store(ask, view, route, str(error), now)
        return self._finish(decided, ask, view, traces, now)

    def worded(self, action: Action, *, retry_after: float = 0.0) -> Decision:
        """A decision with this policy's words and nothing else, to tell a client."""
        url = self.policy.verify.url if action is Action.VERIFY else ""
        return Decision(
            action=action, notice=NOTICE[action], retry_after=retry_after, verify_url=url
        )

    def failed(self, route: str) -> Decision:
        """What holds on a route when deciding failed altogether."""
        if self.policy.fail.of(route) == "open":
            return Decision(enforced=self._enforced, degraded="the decision failed")
        decision = self.worded(Action.THROTTLE, retry_after=FAILED_FOR)
        decision.expires_at = self.clock.now(0) + FAILED_FOR
        decision.source, decision.enforced = "failure", self._enforced
        decision.author = self._author
        decision.reason, decision.degraded = "this route fails closed", "the decision failed"
        return decision

    def trace(self, ask: Ask) -> Traces | None:
        """The sketch of an ask's text; None where there is no text or no key."""
        return self._tracer.traces(ask) if self._tracer is not None else None

    async def traced(self, ask: Ask) -> Traces | None:
        """As `trace`, without holding up others, and together with asks that wait meanwhile."""
        if self._together is None or not (ask.prompt or ask.messages):
            return None
        return await self._together.traces(ask)

    def settle(self, settlement: Settlement, traces: Traces | None = None) -> None:
        """Say what a request came to; see `settle_shared`.

        Raises:
            UsageError: the store is shared.
        """
        if not isinstance(self.store, MemoryStore):
            raise UsageError("budgets are kept in a shared store: await Guard.settle_shared")
        now = self.clock.now(settlement.at)
        self.store.settle_now(self._settled(settlement, traces, now), now)

    async def settle_shared(self, settlement: Settlement, traces: Traces | None = None) -> None:
        """Say what a request came to: tokens beyond the reservation become debt.

        Args:
            settlement: what it used and how it was answered.
            traces: its sketch: a refused one is remembered, in case it goes on elsewhere.

        Raises:
            StoreError: the store is away; nothing was settled.
        """
        now = self.clock.now(settlement.at)
        charges = self._settled(settlement, traces, now)
        if charges:
            await self.store.settle(charges, now)

    def observe(self, ask: Ask, traces: Traces, status: int = 0) -> None:
        """Show live detection a request from a log, unless it was seen when it was decided."""
        now = self.clock.now(ask.at)
        seen = self.live.has_seen(ask.account_id, traces)
        view = self._look(ask, None if seen else traces, now)
        if status in FAILED:
            self.live.refuse(self._sighting(ask, view, traces, now))

    def _settled(self, given: Settlement, traces: Traces | None, now: float) -> list[Charge]:
        view = self._look(given, None, now)
        if traces is not None and given.status in FAILED:
            self.live.refuse(self._sighting(given, view, traces, now))
        more = given.used - given.reserved
        if not more:
            return []
        return [c for c in self._charges(given, more, view) if c.unit == "t"]

    def _look(self, who: Ask | Settlement, traces: Traces | None, now: float) -> _View:
        account = who.account_id
        held = self._force.of(account)
        profile = self.profiles.get(account, _NOBODY)
        standing = held.standing if held is not None else None
        organization = who.organization_id or profile.organization_id
        level = who.verification_level or profile.verification_level
        if standing is not None:
            organization = organization or standing.organization_id
            level = standing.verification_level or level
        payment = who.payment_fingerprint or profile.payment_fingerprint
        if traces is not None:
            seen = sighting(account, organization, payment, profile, traces, now)
            self.live.see(seen, self._force, self._payer_key(payment))
        flag = self.live.flag(account, now)
        campaign, campaign_id = None, None
        if held is not None and held.campaign is not None:
            campaign, campaign_id = held.campaign, held.standing.campaign_id
        elif flag is not None and flag.campaign is not None:
            campaign, campaign_id = self._force.budget_of(flag.campaign), flag.campaign
        plan = who.plan or profile.plan
        return _View(profile, held, flag, organization, payment, level, plan, campaign, campaign_id)

    def _payer_key(self, payment: str | None) -> int | None:
        if payment is None or self._tracer is None or not self._force.known.payments:
            return None
        return self._tracer.payer_key(payment)

    def _sighting(self, who: Ask | Settlement, view: _View, traces: Traces, now: float) -> Sighting:
        return sighting(who.account_id, view.organization, view.payment, view.profile, traces, now)

    def _before_budgets(self, ask: Ask, view: _View, now: float) -> Decision | None:
        """What refuses a request whatever its budgets hold."""
        held, flag = view.held, view.flag
        if held is not None and held.begin <= now < held.end:
            if held.action is Action.SUSPEND:
                return self._by_standing(held, view)
            if held.action is Action.VERIFY and not self.policy.verify.satisfies(view.level):
                return self._by_standing(held, view)
        if flag is not None and flag.action == "verify" and not self._verified(view):
            return self._decision(
                Action.VERIFY, view, flag.reason, source="live", expires_at=flag.until
            )
        if not self._levels.of(view.level).use(ask.model):
            reason = f"the policy does not open {ask.model} to accounts of level {view.level}"
            return self._decision(
                Action.VERIFY, view, reason, source="level", notice=NOTICE_OF_MODEL
            )
        history = self.policy.history
        if history.factor:
            wait = self._volumes.over(ask.account_id, view.plan, now, history)
            if wait:
                reason = "more requests today than its own past and its plan explain"
                return self._decision(
                    Action.THROTTLE,
                    view,
                    reason,
                    source="history",
                    retry_after=wait,
                    expires_at=now + wait,
                )
        return None

    def _verified(self, view: _View) -> bool:
        return self.policy.verify.satisfies(view.level)

    def _charges(self, who: Ask | Settlement, tokens: float, view: _View) -> list[Charge]:
        held, flag = view.held, view.flag
        throttled = held is not None and held.action is Action.THROTTLE
        throttled = throttled or (flag is not None and flag.action == "throttle")
        return self._budgets.charges(
            who,
            tokens,
            organization=view.organization,
            payment=view.payment,
            level=view.level,
            throttled=throttled,
            campaign=view.campaign,
        )

    def _after_budgets(
        self, ask: Ask, view: _View, refusal: Refusal | None, now: float
    ) -> Decision:
        if refusal is not None:
            return self._over_budget(view, refusal, now)
        self._volumes.add(ask.account_id, now, self.policy.history)
        held = view.held
        if held is not None and held.action is Action.RESTRICT and held.begin <= now < held.end:
            decision = self._by_standing(held, view)
        elif features := self._levels.of(view.level).restrictions:
            reason = f"the policy restricts accounts of level {view.level}"
            decision = self._decision(Action.RESTRICT, view, reason, source="level")
            decision.restrictions = features
        else:
            decision = Decision(campaign_id=view.campaign_id, enforced=self._enforced)
        decision.reserved = ask.tokens
        return decision

    def _over_budget(self, view: _View, refusal: Refusal, now: float) -> Decision:
        what = "requests" if refusal.unit == "r" else "tokens"
        action, reason = Action.THROTTLE, f"the {refusal.subject}'s budget of {what} is used up"
        if refusal.subject == "throttled":
            reason = view.flag.reason if view.flag else view.held.reason if view.held else reason
        if refusal.subject == "campaign":
            reason = f"campaign {view.campaign_id}: the {what} that its members share are used up"
            if self.policy.limits.campaign.over == "verify" and not self._verified(view):
                action = Action.VERIFY
        return self._decision(
            action,
            view,
            reason,
            source="limit",
            subject=refusal.subject,
            retry_after=refusal.retry_after,
            expires_at=now + refusal.retry_after,
        )

    def _without_store(
        self, ask: Ask, view: _View, route: str, problem: str, now: float
    ) -> Decision:
        """What holds while the store is away: standings do, budgets are counted here alone."""
        if self.policy.fail.of(route) == "closed":
            reason = f"budgets cannot be counted ({problem}) and this route fails closed"
            decision = self._decision(
                Action.THROTTLE,
                view,
                reason,
                source="failure",
                retry_after=FAILED_FOR,
                expires_at=now + FAILED_FOR,
            )
        else:
            charges = self._charges(ask, ask.tokens, view)
            refusal = self._own_store.take_now(charges, now) if charges else None
            decision = self._after_budgets(ask, view, refusal, now)
        decision.degraded = problem
        return decision

    def _by_standing(self, held: Held, view: _View) -> Decision:
        end = held.end if held.end != float("inf") else None
        return self._decision(
            held.action,
            view,
            held.reason,
            source="standing",
            notice=held.standing.notice,
            author=held.standing.author,
            expires_at=end,
        )

    def _decision(
        self,
        action: Action,
        view: _View,
        reason: str,
        *,
        source: str,
        notice: str = "",
        author: str = "",
        **fields: float | str | None,
    ) -> Decision:
        decision = Decision(
            action=action,
            enforced=self._enforced,
            reason=reason,
            notice=notice or NOTICE[action],
            source=source,
            author=author or self._author,
            campaign_id=view.campaign_id,
            **fields,  # type: ignore[arg-type]
        )
        if action is Action.RESTRICT:
            decision.restrictions = self._restrictions
        elif action is Action.VERIFY:
            decision.verify_url = self.policy.verify.url
        return decision

    def _finish(
        self, decision: Decision, ask: Ask, view: _View, traces: Traces | None, now: float
    ) -> Decision:
        if traces is not None and not decision.passes:
            self.live.refuse(self._sighting(ask, view, traces, now))
        self.counts[decision.action, decision.source, decision.enforced] += 1
        return decision


def _tracer(sketcher: Sketcher | None) -> _Tracer | None:
    """Sketching brings Arrow and Numba with it, which a guard without a key does without."""
    if sketcher is None:
        return None
    from stillwatch.guard.tracing import Tracer  # noqa: PLC0415

    return Tracer(sketcher)
