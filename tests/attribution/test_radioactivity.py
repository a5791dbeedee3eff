"""Innocent students, guilty students, and what happens when windows are counted carelessly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from stillwatch.attribution.exact import upper_tail
from stillwatch.attribution.example import TEXT, World
from stillwatch.attribution.keys import Mark, MarkKey
from stillwatch.attribution.radioactivity import radioactivity
from stillwatch.attribution.trials import answered_by, null_p_values, read_by
from stillwatch.attribution.windows import Windows, from_reading, from_samples
from stillwatch.errors import UsageError

from .conftest import SECRET, key_of

if TYPE_CHECKING:
    from stillwatch.attribution.example import Model

TEXTS = 20_000
"""Texts that a student is trained on: 1.2 million tokens, of which 5 % are 60,000 marked ones."""


@pytest.fixture(scope="module")
def innocent(world: World) -> list[Model]:
    rng = np.random.default_rng(3)
    return [world.student(rng, 2_000, 0.0) for _ in range(20)]


def test_p_values_of_innocent_students_are_uniform(world: World, innocent: list[Model]) -> None:
    p = null_p_values(world, innocent, 1_000, "reading")
    assert stats.kstest(p, "uniform").pvalue > 0.01
    # 99.9 % of binomials with 1,000 draws at .05 stay within 28 to 74
    assert 28 <= (p <= 0.05).sum() <= 74


def test_p_values_from_samples_are_uniform(world: World, innocent: list[Model]) -> None:
    p = null_p_values(world, innocent, 150, "samples")
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_counting_every_window_accuses_the_innocent(world: World, innocent: list[Model]) -> None:
    copied = null_p_values(world, innocent, 50, "every window, copied")
    assert (copied <= 0.001).all()  # what was copied from marked text is marked
    repeated = null_p_values(world, innocent, 200, "every window")
    # a sound test reaches 10 of 200 on average, and more than 20 once in a thousand runs
    assert (repeated <= 0.05).sum() > 20


def test_power_against_the_share_of_marked_text(world: World) -> None:
    one, five, twenty = (
        read_by(world, world.student(np.random.default_rng(4), TEXTS, share))
        for share in (0.01, 0.05, 0.2)
    )
    assert 0 < one.excess < five.excess < twenty.excess
    assert five.p < 1e-5
    assert twenty.p < 1e-30
    assert five.sound
    assert five.decoy_p == 1 / 101


def test_paraphrase_takes_the_power_away(world: World) -> None:
    scores = [
        read_by(world, world.student(np.random.default_rng(4), TEXTS, 0.05, changed))
        for changed in (0.0, 0.3, 1.0)
    ]
    assert scores[0].p < 1e-5 < scores[1].p
    assert scores[2].p > 0.01
    assert scores[0].excess > scores[1].excess


def test_samples_alone_show_it_too(world: World) -> None:
    rng = np.random.default_rng(6)
    taught, untaught = (world.student(rng, 8_000, share) for share in (0.2, 0.0))
    for student, guilty in ((taught, True), (untaught, False)):
        score = answered_by(world, student, answers=500)
        assert (score.p < 1e-5) is guilty
        assert score.sound


def test_a_key_of_another_epoch_finds_nothing(world: World) -> None:
    student = world.student(np.random.default_rng(4), 5_000, 0.2)
    other = replace(world, key=key_of("2026-12"))
    assert read_by(other, student).p > 0.001
    assert read_by(world, student).p < 1e-20


def test_decoys_give_the_empirical_null(world: World, innocent: list[Model]) -> None:
    score = read_by(world, innocent[0])
    assert len(score.decoys) == 100
    assert np.mean(score.decoys) == pytest.approx(0.25, abs=4 * 0.0046 / 10)
    reached = sum(share >= score.share for share in score.decoys)
    assert score.decoy_p == (1 + reached) / 101


def test_decoys_tell_when_counts_scatter_more_than_chance(world: World) -> None:
    windows = from_reading([np.arange(1_000) % 128], [np.arange(1_000) % 7], 2)
    many = Windows(np.tile(windows.contexts, (200, 1)), np.tile(windows.tokens, 200), 0, 0, 0)
    assert radioactivity(windows, world.key).sound
    assert not radioactivity(many, world.key).sound


def test_nothing_counted_is_no_evidence(world: World) -> None:
    empty = np.empty(0, dtype=np.int64)
    score = radioactivity(from_samples([empty], [empty], 2), world.key)
    assert (score.windows, score.p, score.sound, score.excess) == (0, 1.0, True, 0.0)


def test_what_makes_no_test_is_refused(world: World) -> None:
    windows = from_samples([np.arange(3)], [np.arange(50)], 2)
    with pytest.raises(UsageError, match="100 decoy"):
        radioactivity(windows, world.key, decoys=99)
    other = MarkKey.derive(SECRET, Mark(epoch="e", context=3))
    with pytest.raises(UsageError, match="context length"):
        radioactivity(windows, other)


def test_the_tail_is_exact() -> None:
    assert upper_tail(2, 3, 0.25) == pytest.approx(10 / 64)
    assert upper_tail(0, 3, 0.25) == 1
    assert TEXT * TEXTS == 1_200_000
