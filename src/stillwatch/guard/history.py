"""Is this account's volume out of its own order?

A global limit is too low for a large customer and too high for an account of an operator with
thousands. Here a day is compared with the account's own busiest days (fading), above a floor that
its plan sets. A customer who grows is slowed down at `factor` times what it ever did in a day, for
the rest of that day only. With several processes each compares its own share with its own past.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.guard.bounded import Bounded

if TYPE_CHECKING:
    from stillwatch.guard.policy import History

DAY = 86_400.0
REMEMBERED = 1_000_000
"""Accounts; of more, those that were away longest begin anew at their floor."""


class Volumes:
    """Requests a day of every account, and its busiest day."""

    def __init__(self) -> None:
        self._days: Bounded[str, tuple[float, int, float]] = Bounded(REMEMBERED)

    def over(self, account: str, plan: str | None, now: float, policy: History) -> float:
        """Seconds until the account may go on; 0 where its volume is in order.

        Args:
            account: its id.
            plan: its tier.
            now: event time, seconds.
            policy: the rules.
        """
        day, count, peak = self._of(account, now, policy)
        floor = policy.tiers.get(plan, policy.floor) if plan else policy.floor
        return (day + 1) * DAY - now if count >= max(floor, policy.factor * peak) else 0.0

    def add(self, account: str, now: float, policy: History) -> None:
        """Count one request that was let through."""
        day, count, peak = self._of(account, now, policy)
        self._days.put(account, (day, count + 1, peak))

    def _of(self, account: str, now: float, policy: History) -> tuple[float, int, float]:
        today = now // DAY
        day, count, peak = self._days.get(account, (today, 0, 0.0))
        if day == today:
            return day, count, peak
        faded = 0.5 ** ((today - day) * DAY / policy.fade.seconds)
        return today, 0, max(float(count), peak) * faded
