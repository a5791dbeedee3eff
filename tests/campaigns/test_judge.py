"""What a look at full length changes of a verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.exercise import Exercise
from stillwatch.campaigns.habits import Share
from stillwatch.campaigns.judge import at_length

from .test_explain import PEOPLE, judged

NOBODY = np.zeros(0, np.int64)


def _seen(value: float, sharing: float) -> tuple[float, float]:
    """The p-value of one exercise after a look at length that shows a share, and the share told."""
    group = judged(people=replace(PEOPLE, sharing=sharing))
    share = Share(value, 0.02, accounts=50, trials=250)
    mined = replace(group.mined, exercise=Exercise(share, NOBODY))
    after = at_length(replace(group, mined=mined))
    return after.people.sharing, after.habits.sharing.value


@given(st.floats(0, 1), st.sampled_from([0.0, 1e-30, 1e-6, 0.01, 0.4, 1.0]))
def test_a_look_at_length_can_only_speak_for_a_group(value: float, sharing: float) -> None:
    assert _seen(value, sharing)[0] >= sharing


@pytest.mark.parametrize(
    ("value", "cleared"), [(0.05, False), (0.2, False), (0.4, True), (1, True)]
)
def test_a_group_whose_items_are_those_of_one_other_account_is_not_accused(
    value: float, cleared: bool
) -> None:
    p, told = _seen(value, 1e-30)
    assert (p > 0.01) is cleared
    assert told == value


def test_a_group_that_nobody_looked_at_stays_as_it_was() -> None:
    group = judged()
    assert at_length(group) is group
