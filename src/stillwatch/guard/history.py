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


class _Day:
    """One account's present day: its number, requests so far, and the busiest day before it."""

    __slots__ = ("count", "number", "peak")

    def __init__(self, number: float, peak: float) -> None:
        self.number, self.peak, self.count = number, peak, 0


class Volumes:
    """Requests a day of every account, and its busiest day."""

    def __init__(self) -> None:
        self._days: Bounded[str, _Day] = Bounded(REMEMBERED)

    def __len__(self) -> int:
        return len(self._days)

    def over(self, account: str, plan: str | None, now: float, policy: History) -> float:
        """Seconds until the account may go on; 0 where its volume is in order.

        Args:
            account: its id.
            plan: its tier.
            now: event time, seconds.
            policy: the rules.
        """
        day = self._today(account, now, policy)
        floor = policy.tiers.get(plan, policy.floor) if plan else policy.floor
        if day.count < floor or day.count < policy.factor * day.peak:
            return 0.0
        return (day.number + 1) * DAY - now

    def add(self, account: str, now: float, policy: History) -> None:
        """Count one request that was let through."""
        self._today(account, now, policy).count += 1

    def _today(self, account: str, now: float, policy: History) -> _Day:
        number = now // DAY
        day = self._days.get(account)
        if day is not None and day.number >= number:
            return day
        peak = 0.0
        if day is not None:
            away = (number - day.number) * DAY
            peak = max(float(day.count), day.peak) * 0.5 ** (away / policy.fade.seconds)
        day = _Day(number, peak)
        self._days.put(account, day)
        return day
