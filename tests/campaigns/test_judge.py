"""What a look at full length changes of a verdict, and what a part of a group may become."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.campaigns.streams import make_stream

from stillwatch.campaigns.exercise import Exercise
from stillwatch.campaigns.habits import Share
from stillwatch.campaigns.judge import Court, Judged, at_length
from stillwatch.campaigns.membership import Membership, combine
from stillwatch.schema import Verdict

from .test_explain import FLOORS, LEVEL, PEOPLE, judged

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


class _Everybody(Membership):
    """All accounts of a group stay."""

    def of(self, judged: Judged, public: np.ndarray) -> np.ndarray:
        return judged.mined.candidate.accounts


def _court() -> Court:
    nothing = cast("Any", None)
    return Court(FLOORS, nothing, nothing, nothing, nothing, LEVEL)


def _part(p: float) -> Judged:
    part = judged(people=replace(PEOPLE, content=p, rhythm=0.0))
    return replace(part, coordinated=p <= LEVEL)


def test_a_part_that_only_its_own_level_accepts_is_no_campaign_of_its_own() -> None:
    # one of twenty at p = .005 is what chance gives; the surest is a discovery
    parts = [_part(1e-9), _part(0.005), *(_part(0.5) for _ in range(18))]
    wholes = [_part(1e-12)]
    sure, doubtful = _court().adding(parts[:2], parts[2:], wholes, NOBODY)
    assert not sure.mined.joins
    assert doubtful.mined.joins
    membership = _Everybody(_court())
    guilty = [replace(part, verdict=Verdict.DISTILLATION) for part in (sure, doubtful)]
    assert len(combine([], guilty[:1], membership, NOBODY)) == 1
    assert not combine([], guilty[1:], membership, NOBODY)


def test_a_part_joins_the_campaign_that_has_most_of_it() -> None:
    doubtful = replace(_part(0.005), verdict=Verdict.DISTILLATION)
    doubtful = replace(doubtful, mined=replace(doubtful.mined, joins=True))
    whole = replace(_part(1e-12), verdict=Verdict.DISTILLATION)
    (found,) = combine([whole], [doubtful], _Everybody(_court()), NOBODY)
    assert len(found.groups) == 2


def test_parts_of_groups_that_were_not_accepted_say_nothing() -> None:
    assert not _court().adding([_part(1e-9)], [], [_part(0.5)], NOBODY)
    assert not _court().adding([_part(1e-9)], [], [], NOBODY)


def test_a_part_that_is_an_exercise_at_length_adds_nobody() -> None:
    part = _part(1e-9)
    share = Share(0.7, 0.02, accounts=50, trials=250)
    seen = replace(part, mined=replace(part.mined, exercise=Exercise(share, NOBODY)))
    assert not _court().adding([seen], [], [_part(1e-12)], NOBODY)


def test_parts_of_whom_campaigns_have_most_are_no_discoveries() -> None:
    # with most accounts of all others known, one is tested and not twenty
    known = np.arange(6)
    stranger = _part(0.005)
    candidate = replace(stranger.mined.candidate, accounts=np.arange(100, 106))
    stranger = replace(stranger, mined=replace(stranger.mined, candidate=candidate))
    parts = [stranger, *(_part(0.5) for _ in range(19))]
    (found,) = _court().adding(parts, [], [_part(1e-12)], known)
    assert not found.mined.joins
    (joining,) = _court().adding(parts, [], [_part(1e-12)], NOBODY)
    assert joining.mined.joins


def _grown(p: float, core: np.ndarray, accounts: np.ndarray) -> Judged:
    part = _part(p)
    candidate = replace(part.mined.candidate, accounts=accounts)
    sample = make_stream(accounts)
    return replace(part, mined=replace(part.mined, candidate=candidate, sample=sample, around=core))


def test_what_grew_around_a_core_only_adds_to_it_and_is_no_discovery() -> None:
    grown = _grown(1e-9, np.arange(6), np.arange(4, 40))
    doubtful = _part(0.005)
    found = _court().adding([grown, doubtful], [], [_part(1e-12)], NOBODY)
    # had both been tested as discoveries, the second would have been accepted beside the first
    assert [part.mined.joins for part in found] == [True, False]


def test_what_grew_around_a_core_joins_the_campaign_of_the_core() -> None:
    whole = replace(_part(1e-12), verdict=Verdict.DISTILLATION)
    core = whole.mined.candidate.accounts
    accounts = np.concatenate([core[:3], np.arange(100, 140)])
    grown = replace(_grown(1e-3, core, accounts), verdict=Verdict.DISTILLATION)
    (found,) = combine([whole], [grown], _Everybody(_court()), NOBODY)
    np.testing.assert_array_equal(found.accounts, np.union1d(core, accounts))
    # around accounts that no campaign has it says nothing
    strange = replace(grown, mined=replace(grown.mined, around=np.arange(200, 206), joins=True))
    (found,) = combine([whole], [strange], _Everybody(_court()), NOBODY)
    np.testing.assert_array_equal(found.accounts, core)
