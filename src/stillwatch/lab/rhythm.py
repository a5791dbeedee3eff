"""When requests happen. Times are seconds since the window's start, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from stillwatch.lab.rng import Dice

DAY = 86_400.0
HOUR = 3_600.0
BINS = 144  # ten-minute windows of a day, the step of the arrivals file
STEP = DAY / BINS


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """When one person is awake and at it.

    Attributes:
        density: weight of each ten-minute window of the day in UTC; sums to 1.
        weekend: how busy a weekend day is against a weekday (0: never works weekends).
        session: mean requests in one sitting.
        pause: median seconds between requests of one sitting.
    """

    density: NDArray[np.float64]
    weekend: float
    session: float
    pause: float


class Shapes:
    """Where the shapes of days and of whole customers come from.

    Args:
        rates: one row a client of a real service, one column a ten-minute window, at least a day
            long; None for shapes of our own.
    """

    def __init__(self, rates: NDArray[np.float64] | None = None) -> None:
        self._rates = rates

    @classmethod
    def read(cls, path: Path) -> Shapes:
        """Shapes of real clients from a Parquet file with `client`, `t` (seconds) and `rate`.

        Clients of different `model` (where that column exists) are different clients.

        Raises:
            InputError: the file cannot be read or lacks a column.
        """
        try:
            table = pq.read_table(path)
            clients = table["client"].to_numpy()
            at, rate = table["t"].to_numpy(), table["rate"].to_numpy()
        except (OSError, KeyError, ValueError) as error:
            message = f"not a table of arrivals with columns client, t, rate ({error})"
            raise InputError(message, file=str(path)) from error
        models = table["model"].to_pylist() if "model" in table.column_names else [""] * len(at)
        names = sorted(set(zip(models, clients.tolist(), strict=True)))
        place = {name: row for row, name in enumerate(names)}
        rates = np.zeros((len(names), int(at.max() // STEP) + 1))
        rows = [place[key] for key in zip(models, clients.tolist(), strict=True)]
        np.add.at(rates, (rows, (at // STEP).astype(int)), np.maximum(rate, 0.0))
        days = rates.shape[1] // BINS
        rates = rates[:, : days * BINS]
        busy = (rates > 0).sum(axis=1) >= MIN_BUSY * max(1, rates.shape[1])
        if not days or not busy.any():
            message = "no client in it is active for a day or more"
            raise InputError(message, file=str(path))
        return cls(rates[busy])

    def habit(self, dice: Dice, zone: float) -> Habit:
        """The habit of a person in time zone `zone` (hours east of UTC)."""
        rng = dice.np
        hours = (np.arange(BINS) + 0.5) * 24 / BINS
        # One person concentrates on a part of the day; a standard deviation of 2.3 to 5.2
        # hours gives the mean resultant length of about 0.4 to 0.8 that single users show.
        density = _bump(hours, rng.normal(14.5, 3.2), rng.uniform(2.3, 5.2))
        density += rng.uniform(0.0, 0.7) * _bump(hours, rng.normal(20.5, 1.5), rng.uniform(1, 2.5))
        if self._rates is not None:
            density *= self._day_of_a_client(rng)
        density = np.roll(density, -round(zone * BINS / 24))
        return Habit(
            density=density / density.sum(),
            weekend=float(rng.choice([0.05, 0.4, 1.0, 1.6], p=[0.3, 0.35, 0.25, 0.1])),
            session=float(1.5 + rng.exponential(4.0)),
            pause=float(rng.lognormal(np.log(90), 0.7)),
        )

    def _day_of_a_client(self, rng: np.random.Generator) -> NDArray[np.float64]:
        assert self._rates is not None  # noqa: S101
        day = self._rates[rng.integers(len(self._rates))].reshape(-1, BINS).mean(axis=0)
        smooth = np.convolve(np.concatenate([day[-6:], day, day[:6]]), np.full(13, 1 / 13), "valid")
        return np.asarray(smooth / smooth.mean() + 0.05)

    def customer(self, dice: Dice, count: int, begin: float, end: float) -> NDArray[np.float64]:
        """Times of a program that serves a business: a real client's shape, or a mild day curve."""
        rng = dice.np
        steps = np.arange(int(begin // STEP), int(np.ceil(end / STEP)))
        if self._rates is None:
            phase = 2 * np.pi * (steps % BINS / BINS - rng.uniform())
            weight = 1 + rng.uniform(0.1, 0.8) * np.cos(phase)
            weight *= np.where(steps // BINS % 7 >= 5, rng.uniform(0.4, 1.0), 1.0)
            weight *= rng.lognormal(0.0, 0.4, len(steps))
        else:
            client = self._rates[rng.integers(len(self._rates))]
            shift = int(rng.integers(BINS))
            weight = client[(steps + shift) % len(client)] + client.mean() * 1e-3
        return _draw(rng, weight, steps, count, begin, end)


MIN_BUSY = 0.3
"""A client that is idle in more than 70 % of its windows has no shape worth borrowing."""


def _bump(hours: NDArray[np.float64], centre: float, spread: float) -> NDArray[np.float64]:
    distance = np.abs((hours - centre + 12) % 24 - 12)
    return np.asarray(np.exp(-0.5 * (distance / spread) ** 2))


def _draw(
    rng: np.random.Generator,
    weight: NDArray[np.float64],
    steps: NDArray[np.int64],
    count: int,
    begin: float,
    end: float,
) -> NDArray[np.float64]:
    chosen = np.searchsorted(np.cumsum(weight) / weight.sum(), rng.uniform(size=count))
    times = STEP * steps[np.minimum(chosen, len(steps) - 1)] + rng.uniform(0, STEP, count)
    return np.sort(np.clip(times, begin, end - 1e-3))


def human(dice: Dice, habit: Habit, count: int, begin: float, end: float) -> NDArray[np.float64]:
    """`count` times of one person between `begin` and `end`, in sittings with pauses."""
    rng = dice.np
    if count <= 0:
        return np.empty(0)
    sittings = max(1, round(count / habit.session))
    steps = np.arange(int(begin // STEP), int(np.ceil(end / STEP)))
    day = steps // BINS
    mood = rng.lognormal(0.0, 0.6, int(day[-1]) + 1)[day]
    weight = habit.density[steps % BINS] * mood * np.where(day % 7 >= 5, habit.weekend, 1.0)
    if weight.sum() <= 0:
        weight = np.ones(len(steps))
    starts = _draw(rng, weight, steps, sittings, begin, end)
    sitting = np.sort(np.concatenate([np.arange(sittings), rng.integers(sittings, size=count)]))
    sitting = np.sort(rng.permutation(sitting)[:count])
    gaps = habit.pause * rng.lognormal(0.0, 1.0, count)
    first = np.flatnonzero(np.diff(sitting, prepend=-1))
    run = np.cumsum(gaps)
    run -= np.repeat(run[first], np.diff(np.append(first, count)))
    times = starts[sitting] + run
    return np.sort(np.where(times < end, times, begin + (times - begin) % (end - begin)))


def flat(dice: Dice, count: int, begin: float, end: float) -> NDArray[np.float64]:
    """`count` times of a machine that does not sleep."""
    return np.sort(dice.np.uniform(begin, end, count))


def volumes(dice: Dice, accounts: int, mean: float, log_sd: float) -> NDArray[np.int64]:
    """Requests of each account: lognormal with arithmetic mean `mean`, at least 1 each.

    A `log_sd` of 0 gives every account the same volume, up to rounding.
    """
    draw = dice.np.lognormal(np.log(mean) - log_sd**2 / 2, log_sd, accounts)
    return np.maximum(1, np.rint(draw)).astype(np.int64)
