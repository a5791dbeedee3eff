"""Budgets in this process: the default. Other processes have budgets of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.guard.store import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.guard.store import Charge

SWEEP_AT = 65_536
"""Budgets from which full ones are dropped; a budget that is full again is as good as none."""


MOST = 1_000_000
"""Budgets remembered at most; of more, those that are full soonest begin anew."""


class MemoryStore:
    """GCRA: for each budget the time at which it will be full again (theoretical arrival time)."""

    shared = False

    def __init__(self) -> None:
        self._full_at: dict[tuple[str, str, str], float] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        return len(self._full_at)

    def take_now(self, charges: Sequence[Charge], now: float) -> Refusal | None:
        """See `Store.take`; for callers without an event loop."""
        full_at, refusal = self._full_at, None
        taken = []
        for subject, owner, unit, interval, tolerance, cost in charges:
            key = (subject, owner, unit)
            begin = full_at.get(key, now)
            begin = max(begin, now)
            end = begin + cost * interval
            # what costs more than the whole budget waits until the budget is full, and makes debt
            over = min(end - now - tolerance, begin - now)
            if over > 1e-9 and (refusal is None or over > refusal.retry_after):
                refusal = Refusal(subject, unit, over)
            taken.append((key, end))
        if refusal is None:
            full_at.update(taken)
            if len(full_at) > self._sweep_at:
                self._sweep(now)
        return refusal

    def settle_now(self, charges: Sequence[Charge], now: float) -> None:
        """See `Store.settle`; for callers without an event loop."""
        for charge in charges:
            key = (charge.subject, charge.owner, charge.unit)
            begin = max(self._full_at.get(key, now), now)
            self._full_at[key] = max(begin + charge.cost * charge.interval, now)
        if len(self._full_at) > self._sweep_at:
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        kept = {key: at for key, at in self._full_at.items() if at > now}
        if 2 * len(kept) > MOST:  # half of them, so that the next sweep is not the next request's
            longest = sorted(kept, key=kept.__getitem__, reverse=True)[: MOST // 2]
            kept = {key: kept[key] for key in longest}
        self._full_at = kept
        self._sweep_at = min(MOST, max(SWEEP_AT, 2 * len(kept)))

    async def take(self, charges: Sequence[Charge], now: float) -> Refusal | None:
        """See `Store`."""
        return self.take_now(charges, now)

    async def settle(self, charges: Sequence[Charge], now: float) -> None:
        """See `Store`."""
        self.settle_now(charges, now)

    async def ping(self) -> None:
        """See `Store`."""

    async def close(self) -> None:
        """See `Store`."""
