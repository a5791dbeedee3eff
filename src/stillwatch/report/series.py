"""Numbers made ready to be drawn: days on a common axis, accounts by their volume."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from stillwatch.schema import DayCount

MOST_COLUMNS = 92


@dataclass(frozen=True, slots=True)
class Daily:
    """A group's days beside the population's, on the population's axis.

    Attributes:
        first, last: RFC 3339 days at the ends of the axis.
        days_a_column: where a log is long, a column is the mean of several days.
        requests, accounts: of the group, a day.
        population_requests, population_accounts: the population's course, scaled so that it has the
            group's total over the group's own days. Empty where nothing can be scaled.
        busiest: the largest number of requests and of active accounts on any one day.
    """

    first: str
    last: str
    days_a_column: int
    requests: tuple[float, ...]
    accounts: tuple[float, ...]
    population_requests: tuple[float, ...]
    population_accounts: tuple[float, ...]
    busiest: tuple[int, int]


def daily(group: Sequence[DayCount], population: Sequence[DayCount]) -> Daily | None:
    """Put a group's days on one axis with the population's; None without any day."""
    known = {date.fromisoformat(entry.day) for entry in (*group, *population)}
    if not known:
        return None
    first, last = min(known), max(known)
    length = (last - first).days + 1
    mine, theirs = _by_day(group, first, length), _by_day(population, first, length)
    alive = mine[0] > 0
    width = -(-length // MOST_COLUMNS)
    columns = [_bin(row, width) for row in mine]
    scaled = [
        _bin(them * (own.sum() / them[alive].sum()), width) if them[alive].sum() > 0 else ()
        for own, them in zip(mine, theirs, strict=True)
    ]
    return Daily(
        first.isoformat(),
        (first + timedelta(days=length - 1)).isoformat(),
        width,
        columns[0],
        columns[1],
        scaled[0],
        scaled[1],
        (int(mine[0].max()), int(mine[1].max())),
    )


def _by_day(entries: Sequence[DayCount], first: date, length: int) -> NDArray[np.float64]:
    rows = np.zeros((2, length))
    for entry in entries:
        rows[:, (date.fromisoformat(entry.day) - first).days] += (entry.requests, entry.accounts)
    return rows


def _bin(values: NDArray[np.float64], width: int) -> tuple[float, ...]:
    starts = np.arange(0, len(values), width)
    days = np.diff(np.append(starts, len(values)))
    return tuple((np.add.reduceat(values, starts) / days).tolist())


@dataclass(frozen=True, slots=True)
class Volumes:
    """How accounts spread over volumes: share of accounts by requests, in doubling classes.

    Attributes:
        bounds: least number of requests of each class.
        group, population: share of accounts in each class.
    """

    bounds: tuple[int, ...]
    group: tuple[float, ...]
    population: tuple[float, ...]


def volumes(group: NDArray[np.int64], population: NDArray[np.int64]) -> Volumes | None:
    """Compare requests an account; None where the population is unknown.

    Args:
        group: requests of each member, all of its requests.
        population: requests of every account of the log.
    """
    if not len(population):
        return None
    theirs = _classes(population)
    mine = _classes(group)
    length = max(len(theirs), len(mine))
    return Volumes(
        tuple(2**index for index in range(length)),
        _shares(mine, length),
        _shares(theirs, length),
    )


def _classes(requests: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(np.log2(np.maximum(requests, 1)).astype(np.int64))


def _shares(counts: NDArray[np.int64], length: int) -> tuple[float, ...]:
    total = max(int(counts.sum()), 1)
    return tuple((np.pad(counts, (0, length - len(counts))) / total).tolist())
