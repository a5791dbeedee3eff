"""When a harvest's requests go out, and through which of its accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.lab.rhythm import DAY, HOUR, flat, human, volumes
from stillwatch.lab.stage import ZONES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from stillwatch.lab.adversaries.campaign import Harvest
    from stillwatch.lab.rng import Dice
    from stillwatch.lab.stage import Stage


def dispatch(
    knobs: Harvest, stage: Stage, begins: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Times of all harvest requests in order, and the slot of the fleet that sends each.

    Args:
        knobs: the harvest's.
        stage: where it happens.
        begins: for each slot, when its first account begins.
    """
    end, begin, slots = stage.world.end, min(begins), len(begins)
    mean = max(1.0, knobs.per_day * (end - float(np.mean(begins))) / DAY)
    counts = volumes(stage.dice.child("quota"), slots, mean, knobs.volume_log_sd)
    if knobs.hours == "human":
        times = np.concatenate(_sittings(knobs, stage, counts, begin, end))
        slot = np.repeat(np.arange(slots), counts)
    else:
        rng = stage.dice.child("clock").np
        times = _queue(stage.dice, knobs.busy, int(counts.sum()), begin, end)
        slot = _balanced(rng, counts)
        late = begin + np.abs(times + rng.normal(0, knobs.jitter_hours * HOUR, len(times)) - begin)
        times = np.where(late < end, late, 2 * end - late - 1)
    # A slot that begins later has the same work in less time.
    left = end - np.asarray(begins)[slot]
    times = end - (end - np.clip(times, begin, end - 1)) * left / (end - begin)
    order = np.argsort(times, kind="stable")
    return times[order], slot[order]


def _sittings(
    knobs: Harvest, stage: Stage, counts: NDArray[np.int64], begin: float, end: float
) -> list[NDArray[np.float64]]:
    zone = stage.dice.child("zone").py.choice(ZONES) if knobs.zone is None else knobs.zone
    times = []
    for number, count in enumerate(counts.tolist()):
        habit = stage.habit(number, zone=None if knobs.own_zones else zone)
        times.append(human(stage.dice.child("hours", number), habit, count, begin, end))
    return times


def _queue(dice: Dice, busy: float, count: int, begin: float, end: float) -> NDArray[np.float64]:
    """A machine's times; with `busy` below 1, only in that share of hours."""
    times = flat(dice.child("queue"), count, begin, end)
    hours = np.arange(int((end - begin) // HOUR))
    working = hours[dice.child("busy").np.uniform(size=len(hours)) < busy]
    if busy >= 1 or not len(working):
        return times
    place = (times - begin) / (end - begin) * len(working)
    return np.asarray(begin + (working[place.astype(int)] + place % 1.0) * HOUR)


def _balanced(rng: np.random.Generator, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Deal the requests out in rounds, as a load balancer with weights does."""
    turn = np.concatenate([(np.arange(c) + rng.uniform()) / c for c in counts.tolist()])
    slot = np.repeat(np.arange(len(counts)), counts)
    return slot[np.argsort(turn, kind="stable")]
