"""Operators who answer: what a campaign does about the decisions on its accounts.

An account that is challenged, throttled or suspended is replaced at once by a new one; a refused
request goes out again through another account seconds later; part of the volume moves to the new
model. All three are public facts of the campaigns of 2026. The log is the plan of what the operator
wants; what it gets is what the guard lets through.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.guard import Profile
from stillwatch.lab.rng import Dice
from stillwatch.lab.stage import NEW_MODEL
from stillwatch.schema import ACCOUNTS
from stillwatch.standing import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stillwatch.guard import Decision, Guard
    from stillwatch.replay.turns import Turn

TRIES = 3
"""Accounts that one request is tried on."""

RETRY_SECONDS = (2.0, 20.0)
"""How long an operator's program waits before it tries another account."""

MOVED = 0.5
"""Share of the volume that moves to the new model once a campaign is acted upon."""


@dataclass
class Outcome:
    """What one campaign got.

    Attributes:
        wanted: requests of the plan.
        answered: answered in full.
        restricted: answered with restrictions.
        accounts: used, replacements included.
        exchanges: answered in full by each account before it was acted upon.
    """

    wanted: int = 0
    answered: int = 0
    restricted: int = 0
    exchanges: Counter[str] = field(default_factory=Counter)

    @property
    def accounts(self) -> int:
        """Accounts that sent at least one request."""
        return len(self.exchanges)

    @property
    def leakage(self) -> float:
        """Share of what was wanted that was answered in full."""
        return self.answered / self.wanted if self.wanted else 0.0

    @property
    def median(self) -> float:
        """Median exchanges an account."""
        return float(np.median(list(self.exchanges.values()))) if self.exchanges else 0.0


class Operators:
    """All campaigns of a simulated log, reacting.

    Args:
        campaign_of: campaign of each request id, None or missing for others.
        guard: learns the replacements' profiles, as a provider does when an account is opened.
        seed: of every choice.
    """

    def __init__(self, campaign_of: Mapping[str, str | None], guard: Guard, seed: int = 0) -> None:
        self._campaign_of, self._guard = campaign_of, guard
        self._rnd = Dice(seed, "operators").py
        self._profiles = dict(guard.profiles)
        guard.profiles = self._profiles
        self._payers = Counter(one.payment_fingerprint for one in self._profiles.values())
        self._now: dict[str, str] = {}  # account of the plan to the one that stands in for it
        self._plan: dict[str, str] = {}  # and back
        self._fleet: defaultdict[str, list[str]] = defaultdict(list)
        self._tries: dict[str, int] = {}
        self._acted: set[str] = set()
        self._opened: list[dict[str, object]] = []
        self.outcomes: defaultdict[str, Outcome] = defaultdict(Outcome)

    def before(self, turn: Turn) -> Turn:
        """See `replay.play.Reaction`."""
        campaign = self._campaign_of.get(turn.ask.request_id)
        planned = turn.ask.account_id
        if campaign is None:
            # the account's cover goes on with whoever stands in for it
            stand_in = self._now.get(planned)
            return self._by(turn, stand_in) if stand_in else turn
        self.outcomes[campaign].wanted += 1
        if planned not in self._plan:
            self._plan[planned] = planned
            self._fleet[campaign].append(planned)
        moved = campaign in self._acted and self._rnd.random() < MOVED
        return self._by(turn, self._now.get(planned, planned), NEW_MODEL if moved else None)

    def after(self, turn: Turn, decision: Decision) -> Turn | None:
        """See `replay.play.Reaction`."""
        name = turn.ask.request_id.partition("~")[0]
        campaign = self._campaign_of.get(name)
        if campaign is None:
            return None
        outcome, account = self.outcomes[campaign], turn.ask.account_id
        outcome.exchanges[account] += 0
        if decision.effective is Action.ALLOW:
            outcome.answered += 1
            outcome.exchanges[account] += 1
            return None
        self._acted.add(campaign)
        self._replace(campaign, account, turn.ask.at)
        if decision.effective is Action.RESTRICT:
            outcome.restricted += 1
            return None
        return self._again(campaign, name, turn)

    def opened(self) -> pa.Table | None:
        """See `replay.play.Reaction`."""
        rows, self._opened = self._opened, []
        return pa.Table.from_pylist(rows, schema=ACCOUNTS) if rows else None

    def _by(self, turn: Turn, account: str, model: str | None = None) -> Turn:
        ask = turn.ask
        if account == ask.account_id and model is None:
            return turn
        changed = msgspec.structs.replace(ask, account_id=account, model=model or ask.model)
        return turn._replace(ask=changed)

    def _replace(self, campaign: str, account: str, at: float) -> None:
        """Open a new account in the place of one that was acted upon, at once."""
        planned = self._plan[account]
        if self._now.get(planned, planned) != account:
            return  # replaced already
        number = len(self._plan)
        new = f"{planned}+{number}"
        self._now[planned], self._plan[new] = new, planned
        self._fleet[campaign].append(new)
        old = self._profiles.get(account, Profile())
        created = datetime.fromtimestamp(at, UTC)
        payer = old.payment_fingerprint
        if payer and self._payers[payer] == 1:  # this operator has a card for every account
            payer = f"{payer}+{number}"
        self._profiles[new] = old._replace(created=at, payment_fingerprint=payer)
        self._opened.append(
            {
                "account_id": new,
                "created_at": created,
                "email_domain": old.email_domain,
                "payment_fingerprint": payer,
                "plan": old.plan,
                "verification_level": old.verification_level,
            }
        )

    def _again(self, campaign: str, name: str, turn: Turn) -> Turn | None:
        tries = self._tries.get(name, 1)
        if tries >= TRIES:
            return None
        self._tries[name] = tries + 1
        fleet = {self._now.get(self._plan[one], one) for one in self._fleet[campaign]}
        account = self._rnd.choice(sorted(fleet))
        micros = turn.micros + int(self._rnd.uniform(*RETRY_SECONDS) * 1e6)
        ask = msgspec.structs.replace(
            turn.ask, account_id=account, at=micros / 1e6, request_id=f"{name}~{tries}"
        )
        return turn._replace(micros=micros, ask=ask)
