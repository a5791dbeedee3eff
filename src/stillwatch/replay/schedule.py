"""When a replay scans again.

A scan costs in proportion to all that came before it, so scanning every hour of a long log would
cost the square of its length. `every` is the most frequent schedule; at each of its moments a scan
is made only if the log has grown by a share since the last one. The early log is scanned at every
moment and a long one about once for each share, and the sum stays a small multiple of one scan.
"""

from __future__ import annotations

from dataclasses import dataclass

from stillwatch.errors import UsageError
from stillwatch.guard.quantities import Duration

GROWTH = 0.25
"""Share by which the log must have grown: the cost of all scans is then about that of five."""

FIRST = 500
"""Requests below which there is nothing to judge."""

MICROS = 1_000_000


def parse_every(text: str) -> float:
    """Seconds of a duration such as ``1h``.

    Raises:
        UsageError: it is none.
    """
    try:
        return Duration.parse(text).seconds
    except ValueError as error:
        raise UsageError(f"--every: {error}") from None


@dataclass
class Schedule:
    """Says at which moments to scan.

    Args:
        every: microseconds between moments.
        growth: share by which the log must have grown; 0 scans at every moment with new requests.
    """

    every: int
    growth: float = GROWTH
    due: int = 0
    scanned: int = 0

    def reached(self, micros: int) -> int | None:
        """The latest moment that has passed before an event, if any has.

        Moments lie on multiples of `every` since 1970.
        """
        if not self.due:
            self.due = (micros // self.every + 1) * self.every
        if micros < self.due:
            return None
        moment = micros // self.every * self.every
        self.due = moment + self.every
        return moment

    def wants(self, requests: int) -> bool:
        """Whether so many requests are worth a scan now."""
        if requests < FIRST or requests == self.scanned:
            return False
        return requests >= self.scanned * (1 + self.growth)
