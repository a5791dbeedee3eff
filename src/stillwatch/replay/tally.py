"""Who was affected, and how often."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from stillwatch.standing import Action

if TYPE_CHECKING:
    from stillwatch.guard import Decision


class Tally:
    """Counts requests and accounts by action, those outside of known campaigns also apart."""

    def __init__(self) -> None:
        self.requests: Counter[Action] = Counter()
        self._accounts: defaultdict[Action, set[str]] = defaultdict(set)
        self._outside: Counter[Action] = Counter()
        self._outsiders: defaultdict[Action, set[str]] = defaultdict(set)

    def add(self, account: str, decision: Decision) -> None:
        """Count one decision."""
        self.requests[decision.action] += 1
        self._accounts[decision.action].add(account)
        if decision.campaign_id is None:
            self._outside[decision.action] += 1
            self._outsiders[decision.action].add(account)

    @property
    def accounts(self) -> dict[Action, int]:
        """Accounts that met each action at least once."""
        return {action: len(names) for action, names in self._accounts.items()}

    def total(self) -> dict[str, int]:
        """All accounts and requests."""
        accounts = set().union(*self._accounts.values())
        return {"accounts": len(accounts), "requests": self.requests.total()}

    def rows(self) -> list[dict[str, object]]:
        """A row an action, mildest first."""
        return [
            {
                "action": str(action),
                "accounts": len(self._accounts[action]),
                "requests": self.requests[action],
                "outside_accounts": len(self._outsiders[action]),
                "outside_requests": self._outside[action],
            }
            for action in Action
        ]
