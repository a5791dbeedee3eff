"""Budgets in this process: the default. Other processes have budgets of their own."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from stillwatch.guard.store import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.guard.store import Charge

_Key = tuple[str, str, str]

SWEEP_AT = 65_536
"""Budgets from which full ones are dropped; a budget that is full again is as good as none."""

MOST = 1_000_000
"""Budgets remembered at most; of more, those that are full soonest begin anew."""

AT_A_TIME = 8
"""Budgets that are looked at whenever one is added, so that no request waits until all are."""


class MemoryStore:
    """GCRA: for each budget the time at which it will be full again (theoretical arrival time)."""

    shared = False

    def __init__(self) -> None:
        self._full_at: dict[_Key, float] = {}
        self._turn: deque[_Key] = (
            deque()
        )  # all of them, those first that were looked at longest ago

    def __len__(self) -> int:
        return len(self._full_at)

    def take_now(self, charges: Sequence[Charge], now: float) -> Refusal | None:
        """See `Store.take`; for callers without an event loop."""
        full_at, refusal = self._full_at, None
        taken, added = [], []
        for subject, owner, unit, interval, tolerance, cost in charges:
            key = (subject, owner, unit)
            before = full_at.get(key)
            if before is None:
                added.append(key)
            begin = now if before is None or before < now else before
            end = begin + cost * interval
            # what costs more than the whole budget waits until the budget is full, and makes debt
            over = min(end - now - tolerance, begin - now)
            if over > 1e-9 and (refusal is None or over > refusal.retry_after):
                refusal = Refusal(subject, unit, over)
            taken.append((key, end))
        if refusal is None:
            full_at.update(taken)
            if added:
                self._add(added, now)
        return refusal

    def settle_now(self, charges: Sequence[Charge], now: float) -> None:
        """See `Store.settle`; for callers without an event loop."""
        full_at, added = self._full_at, []
        for charge in charges:
            key = (charge.subject, charge.owner, charge.unit)
            if key not in full_at:
                added.append(key)
            begin = max(full_at.get(key, now), now)
            full_at[key] = max(begin + charge.cost * charge.interval, now)
        if added:
            self._add(added, now)

    def _add(self, added: list[_Key], now: float) -> None:
        """Give new budgets their turn, and drop some that are full or, if need be, nearly."""
        full_at, turn = self._full_at, self._turn
        turn.extend(added)
        if len(full_at) <= SWEEP_AT:
            return
        kept = []
        for _ in range(AT_A_TIME * len(added)):
            key = turn.popleft()
            if full_at[key] <= now:
                del full_at[key]
            else:
                kept.append(key)
        if len(full_at) > MOST:
            kept.sort(key=full_at.__getitem__)
            for key in kept[: len(full_at) - MOST]:
                del full_at[key]
            kept = [key for key in kept if key in full_at]
        turn.extend(kept)

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
