from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.campaigns.streams import make_stream

from stillwatch.campaigns import mine
from stillwatch.campaigns.candidates import Candidate, Family
from stillwatch.campaigns.exercise import Exercise
from stillwatch.campaigns.habits import Share
from stillwatch.campaigns.individuals import Floors
from stillwatch.campaigns.mine import mostly_explained
from stillwatch.campaigns.sampling import Mined

ASKED = Family(13, 1, np.array([10, 20, 30, 40]), 100, 100)
TEMPLATE = Family(2, 7, np.array([10, 20, 50]), 30, 30)


def feeders(rows: list[tuple[int, int, int, int]]) -> pa.Table:
    """Rows of kind, key, account and mined requests."""
    names = ("kind", "key", "account", "mining_requests")
    return pa.table(dict(zip(names, zip(*rows, strict=True), strict=True)))


def group(accounts: list[int], mined: list[int]) -> Mined:
    counts = np.stack([mined, np.full(len(mined), 1000)], axis=1)
    return Mined(Candidate(np.array(accounts), (TEMPLATE,)), make_stream([]), counts, "")


FED = feeders(
    [
        *((ASKED.kind, ASKED.key, account, 20) for account in (50, 40, 30, 20, 10)),
        (ASKED.kind, 2, 10, 1),
        (TEMPLATE.kind, TEMPLATE.key, 20, 1),
    ]
)


def test_an_account_is_explained_by_groups_that_hold_half_of_what_it_sends() -> None:
    groups = [group([10, 20, 50], [10, 9, 30]), group([20, 30], [1, 4])]
    assert mostly_explained(ASKED, groups, FED).tolist() == [10, 20]


def test_a_turn_of_phrase_in_common_explains_nobody() -> None:
    assert mostly_explained(ASKED, [group([10, 20, 30, 40], [9, 1, 1, 0])], FED).tolist() == []
    assert mostly_explained(ASKED, [], FED).tolist() == []


@pytest.mark.parametrize("exercise", [True, False])
def test_what_an_exercise_covers_is_tested_beside_it(
    monkeypatch: pytest.MonkeyPatch, exercise: bool
) -> None:
    """A pool of labs and of two campaigns: the pool may be an exercise, the campaigns are none."""
    pool = group(list(range(12)), [9] * 12)
    campaigns = [group(list(range(i, i + 3)), [5] * 3) for i in (0, 6)]

    def looked(_: Any, groups: list[Mined], __: Any) -> list[Mined]:
        return [
            replace(
                one,
                exercise=Exercise(
                    Share(0.8 if exercise and one is pool else 0.0, 0.01, accounts=12, trials=60),
                    np.zeros(0, np.int64),
                ),
            )
            for one in groups
        ]

    monkeypatch.setattr(mine, "look_at_length", looked)
    nothing: Any = None
    tested, parts = mine._at_length(
        nothing, [pool, *campaigns], [1e-9] * 3, Floors(None, None, None)
    )
    every = [one.candidate for one in (pool, *campaigns)]
    assert [one.candidate for one in tested] == (every if exercise else every[:1])
    assert [one.candidate for one in parts] == ([] if exercise else every[1:])
