"""The tests that fail and the one that holds: a group that was found is judged on other data.

Independent accounts with time zones, heavy-tailed volumes, sessions and topics of their own; a
miner that looks for the fifteen that do most at the same time; and several ways to ask whether they
are one operator. The naive ones are wrong nearly always, and are kept here so that nobody goes back
to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.campaigns.streams import make_stream, people, queue, words_about

from stillwatch.campaigns import individuals
from stillwatch.campaigns.evalues import boosted_e_bh, e_value
from stillwatch.campaigns.habits import measure
from stillwatch.campaigns.individuals import Floors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.stream import Stream

RUNS = 100
ACCOUNTS = 120
GROUP = 15
DAYS = 28
ZONES = (0, 3, 7, 11, 15, 20)
PERMUTATIONS = 39
NOMINAL = 0.05
LEVEL = 0.01


@dataclass(frozen=True)
class World:
    """Independent accounts: when each was active, and what each request was about."""

    active: NDArray[np.bool_]  # accounts x hours
    zone: NDArray[np.int64]
    account: NDArray[np.int64]
    slot: NDArray[np.int64]
    topic: NDArray[np.int64]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> World:
        zone = rng.integers(0, len(ZONES), ACCOUNTS)
        # sessions begin in the account's own afternoon, a heavy-tailed number of them
        sessions = 1 + rng.poisson(6 * np.exp(rng.normal(0, 1.0, ACCOUNTS)))
        owner = np.repeat(np.arange(ACCOUNTS), sessions)
        hour = np.round(rng.normal(14, 2.5, len(owner))).astype(np.int64)
        start = 24 * rng.integers(0, DAYS, len(owner)) + hour + np.array(ZONES)[zone[owner]]
        length = 1 + rng.geometric(0.6, len(owner))
        requests = np.repeat(np.arange(len(owner)), length)
        slot = (start[requests] + rng.integers(0, 2, len(requests))) % (24 * DAYS)
        order = np.argsort(owner[requests], kind="stable")
        account, slot = owner[requests][order], slot[order]
        sizes = np.bincount(account, minlength=ACCOUNTS)
        _, topic = people(rng, sizes, ratio=4.0, topics=300)
        active = np.zeros((ACCOUNTS, 24 * DAYS), dtype=bool)
        active[account, slot] = True
        return cls(active, zone, account, slot, topic)

    def mined(self, hours: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The group that overlaps most in some hours: grown from the closest pair."""
        active = self.active[:, hours].astype(float)
        overlap = active @ active.T
        np.fill_diagonal(overlap, 0)
        group = list(np.unravel_index(overlap.argmax(), overlap.shape))
        while len(group) < GROUP:
            gain = overlap[:, group].sum(axis=1)
            gain[group] = -1
            group.append(gain.argmax())
        return np.sort(np.array(group, dtype=np.int64))

    def stream(self, rng: np.random.Generator, half: NDArray[np.bool_]) -> Stream:
        return make_stream(
            self.account[half],
            tokens=words_about(rng, self.topic[half]),
            slot=self.slot[half],
        )


def together(active: NDArray[np.bool_]) -> float:
    """Pairs of accounts that are active in the same hour."""
    present = active.sum(axis=0)
    return float((present * (present - 1) / 2).sum())


def permutation_p(
    rng: np.random.Generator, world: World, group: NDArray[np.int64], hours: NDArray[np.bool_],
    *, by_zone: bool,
) -> float:  # fmt: skip
    """The naive test: how often do as many random accounts (of the same zones) overlap as much?"""
    active = world.active[:, hours]
    observed = together(active[group])
    exceeding = 0
    for _ in range(PERMUTATIONS):
        if by_zone:
            drawn = np.concatenate(
                [
                    rng.choice(np.flatnonzero(world.zone == zone), count, replace=False)
                    for zone, count in enumerate(np.bincount(world.zone[group]))
                    if count
                ]
            )
        else:
            drawn = rng.choice(ACCOUNTS, GROUP, replace=False)
        exceeding += together(active[drawn]) >= observed
    return (1 + exceeding) / (1 + PERMUTATIONS)


@dataclass(frozen=True)
class Outcome:
    """Share of the runs in which each test accuses an innocent group."""

    same_data: float
    held_out: float
    held_out_by_zone: float
    people: tuple[float, ...]


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """Runs of independent accounts: every accusation is false."""
    same, held, zoned, p = [], [], [], []
    for run in range(RUNS):
        rng = np.random.default_rng(run)
        world = World.draw(rng)
        mining = np.repeat(rng.permutation(DAYS) < DAYS // 2, 24)
        group = world.mined(mining)
        same.append(permutation_p(rng, world, group, mining, by_zone=True))
        held.append(permutation_p(rng, world, group, ~mining, by_zone=False))
        zoned.append(permutation_p(rng, world, group, ~mining, by_zone=True))
        tested = ~mining[world.slot]
        floors = Floors.of_population(world.stream(rng, tested))
        assert floors.content is not None
        half = world.stream(rng, tested & np.isin(world.account, group))
        # topics alone protect them; the whole test asks for more before it accuses
        p.append(individuals.test_people(measure(half, telling=floors.telling), floors).content)
    first, second, third = (float(np.mean(np.array(x) <= NOMINAL)) for x in (same, held, zoned))
    return Outcome(first, second, third, tuple(p))


def test_a_permutation_test_on_the_data_that_found_the_group_is_wrong(outcome: Outcome) -> None:
    assert outcome.same_data >= 0.8


def test_held_out_days_do_not_help_where_profiles_are_ignored(outcome: Outcome) -> None:
    assert outcome.held_out >= 0.5


def test_time_zones_do_not_help_where_volumes_are_ignored(outcome: Outcome) -> None:
    assert outcome.held_out_by_zone >= 0.5


def test_the_test_for_people_accuses_none(outcome: Outcome) -> None:
    assert len(outcome.people) == RUNS
    assert min(outcome.people) > LEVEL
    assert not boosted_e_bh(e_value(outcome.people), LEVEL).any()


def test_the_test_for_people_accuses_a_queue() -> None:
    accused = 0
    for run in range(20):
        rng = np.random.default_rng(run)
        world = World.draw(rng)
        floors = Floors.of_population(world.stream(rng, world.slot >= 0))
        account, topic = queue(rng, rng.poisson(80, GROUP), topics=300)
        slot = rng.integers(0, 24 * DAYS, len(account))
        sharded = make_stream(account, tokens=words_about(rng, topic), slot=slot)
        accused += (
            individuals.test_people(measure(sharded, telling=floors.telling), floors).p <= LEVEL
        )
    assert accused >= 18
