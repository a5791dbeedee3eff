"""Durations and rates as a policy writes them: ``15m``, ``600/1m``, ``2M/1h burst 50k``."""

from __future__ import annotations

import re
from typing import NoReturn

_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_THOUSANDS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_NUMBER = r"(\d+(?:\.\d+)?)([kMG]?)"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])", re.ASCII)
_RATE = re.compile(rf"{_NUMBER}\s*/\s*(\d*)([smhd])(?:\s+burst\s+{_NUMBER})?", re.ASCII)


class _Quantity:
    """A value that policies write as text. No dataclass, which msgspec would read as a table."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class Duration(_Quantity):
    """A length of time.

    Attributes:
        seconds: its length.
    """

    __slots__ = ("seconds",)
    seconds: float

    def __init__(self, seconds: float) -> None:
        object.__setattr__(self, "seconds", seconds)

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read ``90s``, ``15m``, ``1h`` or ``14d``.

        Raises:
            ValueError: it is written otherwise, or is zero.
        """
        match = _DURATION.fullmatch(text.strip())
        seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
        if seconds <= 0:
            raise ValueError(f"{text!r} is not a duration; write it like 90s, 15m, 1h or 14d")
        return cls(seconds)

    def __str__(self) -> str:
        for unit, size in reversed(_UNITS.items()):
            if self.seconds >= size and self.seconds % size == 0:
                return f"{self.seconds / size:.12g}{unit}"
        return f"{self.seconds:.12g}s"


class Rate(_Quantity):
    """So many units in a period, and how many may come at once.

    Attributes:
        count: units in a period.
        period: seconds.
        burst: units that may come at once after a rest; `count` where it is not written.
    """

    __slots__ = ("burst", "count", "period")
    count: float
    period: float
    burst: float

    def __init__(self, count: float, period: float, burst: float) -> None:
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "period", period)
        object.__setattr__(self, "burst", burst)

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read ``600/1m``, ``60/h`` or ``2M/1h burst 50k``.

        Raises:
            ValueError: it is written otherwise, or allows nothing.
        """
        match = _RATE.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"{text!r} is not a rate; write it like 600/1m, 2M/1h or 60/1h burst 10"
            )
        count = float(match[1]) * _THOUSANDS[match[2]]
        period = float(match[3] or 1) * _UNITS[match[4]]
        burst = float(match[5]) * _THOUSANDS[match[6]] if match[5] else count
        if not (count and period and burst):
            raise ValueError(f"{text!r} allows nothing at all; leave the key out for no limit")
        return cls(count, period, burst)

    @property
    def interval(self) -> float:
        """Seconds that one unit costs (the emission interval of GCRA)."""
        return self.period / self.count

    @property
    def tolerance(self) -> float:
        """Seconds of units that may come at once."""
        return self.burst * self.interval

    def __str__(self) -> str:
        burst = "" if self.burst == self.count else f" burst {self.burst:.12g}"
        return f"{self.count:.12g}/{Duration(self.period)}{burst}"
