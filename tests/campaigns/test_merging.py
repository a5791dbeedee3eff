"""Which families have nearly the same core."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stillwatch.campaigns.merging import SURE_ACCOUNTS, group_by_core

Ints = NDArray[np.int64]


def _groups(families: list[list[int]], least: float, most: int = 10**6) -> list[int]:
    codes = np.array([a for family in families for a in family], np.int64)
    found: list[int] = group_by_core(
        codes, np.cumsum([0, *map(len, families)]).astype(np.int64), least, most
    ).tolist()
    return found


def test_nearly_equal_cores_are_one_group_and_others_are_not() -> None:
    assert _groups([[0, 1, 2, 3], [0, 1, 2, 3], [7, 8, 9], [0, 1, 2], [0, 9]], 0.75) == [
        0, 0, 1, 0, 2,
    ]  # fmt: skip


def test_beyond_the_first_groups_families_join_one_of_them_or_none() -> None:
    families = [[0, 1, 2, 3], [7, 8, 9], [4, 5, 6], [0, 1, 2], [4, 5, 6], [7, 8, 9]]
    assert _groups(families, 0.75, most=2) == [0, 1, -1, 0, -1, 1]
    assert _groups(families, 0.75, most=3) == [0, 1, 2, 0, 2, 1]


def test_the_last_of_equally_near_groups_is_joined() -> None:
    assert _groups([[0, 1], [2, 3], [0, 1, 2, 3]], 0.5)[2] == 1


def _one_by_one(families: list[list[int]], least: float) -> list[int]:
    home: list[int] = []
    firsts: list[set[int]] = []
    for accounts in map(set, families):
        near = [len(accounts & first) / len(accounts | first) for first in firsts]
        best = max(range(len(firsts)), key=lambda g: (near[g], g), default=0)
        if firsts and near[best] >= least:
            home.append(best)
        else:
            home.append(len(firsts))
            firsts.append(accounts)
    return home


@pytest.mark.parametrize("seed", range(5))
def test_large_cores_are_looked_up_by_some_of_their_accounts_and_compared_by_all(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    families: list[list[int]] = []
    for _ in range(20):
        core = rng.choice(8000, int(rng.integers(4, 30 * SURE_ACCOUNTS)), replace=False)
        for kept in rng.uniform(0.5, 1, 12):
            own = core[rng.random(len(core)) < kept]
            strangers = rng.choice(8000, rng.integers(0, len(core) // 8 + 1))
            families.append(np.union1d(own, strangers).tolist())
    rng.shuffle(families)
    found = _groups(families, 0.75)
    assert found == _one_by_one(families, 0.75)
    assert 20 < max(found) < len(families) - 20
