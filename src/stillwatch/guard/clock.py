"""Which moment it is, in event time, and never an earlier one than before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

TOLERATED = 300.0
"""Seconds by which a gateway's time of a request may differ from ours; beyond it ours counts."""

STEP = 1.0
"""Seconds by which the system's clock must be ahead before we follow it."""


class Clock(Protocol):
    """A source of event time."""

    def now(self, at: float) -> float:
        """The moment of a request that says it is of `at` (0: it does not say)."""


class ReplayClock:
    """The time of the log, and nothing else."""

    def __init__(self) -> None:
        self._last = 0.0

    def now(self, at: float) -> float:
        """See `Clock`."""
        self._last = max(self._last, at)
        return self._last


class ServiceClock:
    """The system's time, carried on by the monotonic clock where the system's steps back.

    Args:
        wall, monotonic: the two clocks.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._offset = wall() - monotonic()

    def now(self, at: float) -> float:
        """See `Clock`."""
        own = self._monotonic() + self._offset
        ahead = self._wall() - own
        if ahead > STEP:
            self._offset += ahead
            own += ahead
        return at if at and abs(at - own) <= TOLERATED else own

    @property
    def behind(self) -> float:
        """Seconds by which the system's clock has stepped back since."""
        return max(0.0, self._monotonic() + self._offset - self._wall())
