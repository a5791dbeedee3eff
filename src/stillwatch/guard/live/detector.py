"""All of live detection: takes requests in, keeps flags on accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stillwatch.guard.bounded import Bounded
from stillwatch.guard.live.crowds import Crowds
from stillwatch.guard.live.moves import Moves
from stillwatch.guard.live.payers import Payers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stillwatch.guard.ask import Traces
    from stillwatch.guard.force import Force
    from stillwatch.guard.live.sighting import Sighting
    from stillwatch.guard.policy import Live, Signal

FLAGS = 200_000
"""Accounts with evidence or friction at a time."""

REASONS = {
    "one_payer": "unrelated accounts of one payer feed one prompt family",
    "few_payers": "many unrelated accounts of few payers feed one prompt family",
    "migration": "requests that were refused here or there went on at another account",
    "continuation": "conversations move between unrelated accounts",
    "joined": "sends what only members of campaign {campaign} send",
}


class Flag(NamedTuple):
    """Friction that live evidence has raised.

    Attributes:
        action: ``throttle`` or ``verify``.
        until: event time, seconds.
        reason: for the operator's people.
        campaign: the known campaign that the account has joined; None for other evidence.
    """

    action: str
    until: float
    reason: str
    campaign: str | None


class Detector:
    """Live detection under one policy.

    Args:
        policy: the `live` section.
    """

    def __init__(self, policy: Live) -> None:
        self._policy = policy
        self._bodies: Bounded[int, str] = Bounded(policy.memory)
        self._payers = Payers(policy.families)
        self._crowds = Crowds(policy.families)
        self._moves = Moves(policy.memory)
        self._counts: Bounded[tuple[str, str], int] = Bounded(FLAGS)
        self._flags: Bounded[str, Flag] = Bounded(FLAGS)

    @property
    def sizes(self) -> dict[str, int]:
        """Entries remembered, by what they are."""
        return {
            "bodies": len(self._bodies),
            "payers": self._payers.payers,
            "families": len(self._payers),
            "members": self._payers.members,
            "crowds": len(self._crowds),
            "crowd_members": self._crowds.members,
            **self._moves.sizes,
            "counts": len(self._counts),
            "flags": len(self._flags),
        }

    def configure(self, policy: Live) -> None:
        """Go on under another policy; sizes stay."""
        self._policy = policy

    def flag(self, account: str, now: float) -> Flag | None:
        """The friction on an account, if there is any."""
        found = self._flags.get(account)
        return found if found is not None and now < found.until else None

    def has_seen(self, account: str, traces: Traces) -> bool:
        """Whether this account sent this body lately."""
        return self._bodies.get(traces.body) == account

    def see(self, seen: Sighting, force: Force, payer_key: int | None = None) -> None:
        """Take one request in.

        Args:
            seen: the request.
            force: what is known of campaigns.
            payer_key: the payer as `KnownCampaign.payments` has it.
        """
        policy, account = self._policy, seen.account
        sender = self._bodies.get(seen.traces.body)
        if (joined := self._recognise(seen, force, payer_key)) is not None:
            self._count("joined", policy.joined, (account,), seen.at, joined)
        if (other := self._moves.retried(seen)) is not None:
            self._count("migration", policy.migration, (account, other), seen.at)
        if (other := self._moves.continued(seen)) is not None:
            self._count("continuation", policy.continuation, (account, other), seen.at)
        if policy.one_payer.action != "off":
            after = policy.one_payer.after
            for name in self._payers.see(seen, sender is None, policy.accounts, after):
                self._raise("one_payer", policy.one_payer, name, seen.at)
        if policy.few_payers.action != "off":
            for name in self._crowds.see(seen, sender is None, policy.few_payers.after):
                self._raise("few_payers", policy.few_payers, name, seen.at)
        if sender is None:
            self._bodies.put(seen.traces.body, account)

    def refuse(self, seen: Sighting) -> None:
        """A request was answered 429 or 5xx, by us or by the servers behind."""
        sender = self._bodies.get(seen.traces.body)
        self._moves.refuse(seen, sender is None or sender == seen.account)

    def _recognise(self, seen: Sighting, force: Force, payer_key: int | None) -> str | None:
        known = force.known
        found = known.payments.get(payer_key) if payer_key is not None else None
        if found is None and known.families:
            hits = (known.families[f] for f in seen.traces.families if f in known.families)
            found = next(hits, None)
        held = force.of(seen.account)
        is_member = held is not None and held.standing.campaign_id is not None
        return None if is_member else found

    def _count(
        self,
        name: str,
        signal: Signal,
        accounts: Iterable[str],
        now: float,
        campaign: str | None = None,
    ) -> None:
        if signal.action == "off":
            return
        for account in accounts:
            count = (self._counts.get((name, account)) or 0) + 1
            self._counts.put((name, account), count)
            if count >= signal.after:
                self._raise(name, signal, account, now, campaign)

    def _raise(
        self, name: str, signal: Signal, account: str, now: float, campaign: str | None = None
    ) -> None:
        until = now + signal.lasts.seconds
        before = self.flag(account, now)
        if before is not None and before.action == "verify" and signal.action == "throttle":
            return
        reason = f"live: {REASONS[name].format(campaign=campaign)}"
        kept = campaign or (before.campaign if before else None)
        self._flags.put(account, Flag(signal.action, until, reason, kept))
