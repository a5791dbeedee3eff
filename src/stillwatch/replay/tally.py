"""Who was affected, and how often."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from stillwatch.standing import Action

if TYPE_CHECKING:
    from stillwatch.guard import Decision


class Tally:
    """Counts requests and accounts by action."""

    def __init__(self) -> None:
        self.requests: Counter[Action] = Counter()
        self._accounts: defaultdict[Action, set[str]] = defaultdict(set)

    def add(self, account: str, decision: Decision) -> None:
        """Count one decision."""
        self.requests[decision.action] += 1
        self._accounts[decision.action].add(account)

    @property
    def accounts(self) -> dict[Action, int]:
        """Accounts that met each action at least once."""
        return {action: len(names) for action, names in self._accounts.items()}

    def rows(self) -> list[dict[str, object]]:
        """A row an action, mildest first."""
        return [
            {
                "action": str(action),
                "accounts": len(self._accounts[action]),
                "requests": self.requests[action],
            }
            for action in Action
        ]
