"""A calibration: its file, what a scan says of it, and when a log is unlike its logs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.calibration import (
    HABITS,
    Calibration,
    Kept,
    Kind,
    Range,
    drift,
    dump_calibration,
    held_against,
    load_calibration,
)
from stillwatch.errors import InputError
from stillwatch.judging import code_digest

if TYPE_CHECKING:
    from pathlib import Path

floors = st.floats(-3, 3)
ranges = st.tuples(floors, floors).map(lambda pair: Range(low=min(pair), high=max(pair), logs=100))
kinds = st.builds(
    Kind,
    name=st.text(max_size=20),
    campaigns=st.booleans(),
    logs=st.integers(20, 500),
    wrong=st.integers(0, 20),
    innocent=st.integers(0, 10**6),
    accused=st.integers(0, 100),
    tested=st.integers(0, 1000),
    least_p=st.none() | st.floats(0, 1),
    days=st.tuples(st.integers(1, 10), st.integers(10, 60)),
    habits=st.dictionaries(st.sampled_from(HABITS), ranges),
)
calibrations = st.builds(
    Calibration,
    name=st.text(max_size=20),
    made=st.just("2026-11-28"),
    version=st.just("1"),
    code=st.just("c"),
    fdr=st.floats(0.001, 0.1),
    kinds=st.lists(kinds, min_size=1, max_size=4).map(tuple),
)


def calibration(**fields: object) -> Calibration:
    habits = {
        "content": Range(low=0.5, high=0.9, logs=100),
        "rhythm": Range(low=1.2, high=1.5, logs=100),
    }
    one = Kind(
        name="a",
        campaigns=False,
        logs=100,
        wrong=0,
        innocent=197_600,
        accused=0,
        tested=172,
        least_p=0.02,
        days=(14, 14),
        habits=habits,
    )
    apart = {"rhythm": Range(low=1.6, high=1.7, logs=20)}
    other = msgspec.structs.replace(one, name="b", logs=20, wrong=1, accused=2, habits=apart)
    made = Calibration(
        name="test",
        made="2026-11-28",
        version="1",
        code=code_digest(),
        fdr=0.01,
        kinds=(one, other),
    )
    return msgspec.structs.replace(made, **fields)


def kept(**fields: object) -> Kept:
    return Kept(calibration(**fields), "d1" * 32)


@given(calibrations)
def test_a_calibration_comes_back_as_it_went(made: Calibration) -> None:
    data = dump_calibration(made)
    again = msgspec.json.decode(data, type=Calibration)
    assert again == made
    assert dump_calibration(again) == data


def test_its_digest_is_that_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "ours.json"
    file.write_bytes(dump_calibration(calibration()))
    read = load_calibration(file)
    assert read.calibration == calibration()
    assert read.digest == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no calibration"),
        (b'{"name": 3}', "no calibration"),
        (b"\xff\xfe", "no calibration"),
        (b" " * (2**20 + 1), "too large"),
    ],
)
def test_what_is_no_calibration_is_refused_by_name(data: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_bytes(data)
    with pytest.raises(InputError, match=said) as caught:
        load_calibration(file)
    assert "wrong.json" in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        load_calibration(tmp_path / "missing.json")


def test_the_one_that_comes_with_stillwatch_holds_what_it_promises() -> None:
    packaged = load_calibration().calibration
    assert {kind.campaigns for kind in packaged.kinds} == {False, True}
    null = [kind for kind in packaged.kinds if not kind.campaigns]
    assert sum(kind.logs for kind in null) >= 100
    # at 1 % more than four wrong ones in a hundred come with probability .0034
    assert sum(kind.wrong for kind in null) <= 0.04 * sum(kind.logs for kind in null)
    assert all(set(kind.habits) == set(HABITS) for kind in packaged.kinds)


def test_a_log_like_the_calibrations_is_covered() -> None:
    said = held_against(kept(), {"content": 0.7, "rhythm": 1.55, "conversation": None}, 0.01)
    assert said.covers
    assert not said.outside  # between the ranges of two kinds is within
    assert (said.logs, said.wrong, said.innocent, said.accused) == (120, 1, 395_200, 2)
    assert said.cited == "test sha256:" + "d1" * 8


@pytest.mark.parametrize(
    ("habits", "outside"),
    [
        ({"content": 0.91, "rhythm": 1.3}, ("content",)),
        ({"content": 0.49, "rhythm": 1.71}, ("content", "rhythm")),
        ({"content": 0.5, "rhythm": 1.7}, ()),
        ({"content": None, "rhythm": None}, ()),  # what is not used accuses nobody
        ({"conversation": 0.01}, ("conversation",)),  # used in none of the logs
    ],
)
def test_a_log_unlike_all_of_them_is_outside(
    habits: dict[str, float | None], outside: tuple[str, ...]
) -> None:
    said = held_against(kept(), habits, 0.01)
    assert said.outside == outside
    assert said.covers == (not outside)
    for habit in outside:
        assert habit in drift(said)


def test_other_code_and_laxer_levels_are_not_covered() -> None:
    fine: dict[str, float | None] = {"content": 0.7}
    assert held_against(kept(), fine, 0.001).covers
    laxer = held_against(kept(), fine, 0.05)
    assert (laxer.same_level, laxer.covers) == (False, False)
    other = held_against(kept(code="other"), fine, 0.01)
    assert (other.same_code, other.covers) == (False, False)
    assert not replace(other, same_code=True).outside


@given(calibrations, st.dictionaries(st.sampled_from(HABITS), st.none() | floors))
def test_within_is_between_the_least_and_the_most_of_any_kind(
    made: Calibration, habits: dict[str, float | None]
) -> None:
    said = held_against(Kept(made, ""), habits, made.fdr)
    for one in said.habits:
        found = [kind.habits[one.habit] for kind in made.kinds if one.habit in kind.habits]
        here = habits[one.habit]
        if here is None:
            assert one.inside
            continue
        here = round(here, 6)
        above = any(each.low <= here for each in found)
        assert one.inside == (above and any(here <= each.high for each in found))
