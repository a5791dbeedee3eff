from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from stillwatch.attribution.behaviour import agreement, behaviour_test, read_answers
from stillwatch.errors import InputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def answers(rng: np.random.Generator, ours: list[str], copied: float) -> list[str]:
    """Answers of which a share are ours, the rest drawn at random."""
    return [one if rng.random() < copied else str(rng.integers(10)) for one in ours]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def ours(rng: np.random.Generator) -> list[str]:
    return [str(n) for n in rng.integers(10, size=300)]


def test_a_student_agrees_more_than_every_control(
    rng: np.random.Generator, ours: list[str]
) -> None:
    controls = {name: answers(rng, ours, 0.3) for name in "abc"}
    found = behaviour_test(ours, answers(rng, ours, 0.6), controls)
    assert found.p < 1e-4
    assert found.rank_p == 0.25
    assert found.agreement > max(found.controls.values())


def test_a_suspect_must_outdo_the_closest_control(
    rng: np.random.Generator, ours: list[str]
) -> None:
    controls = {"far": answers(rng, ours, 0.1), "close": answers(rng, ours, 0.6)}
    assert behaviour_test(ours, answers(rng, ours, 0.6), controls).p > 0.01


def test_p_values_are_uniform_for_one_more_control(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stillwatch.attribution.behaviour.DRAWS", 999)
    p = []
    for _ in range(400):
        ours = [str(n) for n in rng.integers(10, size=60)]
        suspect, control = (answers(rng, ours, 0.4) for _ in range(2))
        p.append(behaviour_test(ours, suspect, {"control": control}).p)
    # 99.9 % of binomials with 400 draws; few prompts tell them apart, so it is conservative
    assert (np.array(p) <= 0.05).sum() <= 35
    assert (np.array(p) <= 0.3).sum() <= 149
    assert (np.array(p) <= 0.5).sum() >= 120


def test_agreement_is_the_share_of_words_in_common() -> None:
    assert agreement("The cat sat", "the CAT sat") == 1
    assert agreement("a a b", "a c") == pytest.approx(0.4)
    assert agreement("", "a") == 0
    assert agreement("", " ") == 1


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="control"):
        behaviour_test(["a"], ["a"], {})
    with pytest.raises(UsageError, match="every prompt"):
        behaviour_test(["a"], ["a"], {"c": []})
    path = tmp_path / "answers.jsonl"
    line = '{"prompt":"p","ours":"a","suspect":"a","controls":{"%s":"b"}}\n'
    path.write_text(line % "c" + line % "d")
    with pytest.raises(InputError, match=":2: every line has the same controls"):
        read_answers(path)
    path.write_text(line % "c")
    assert read_answers(path) == (["a"], ["a"], {"c": ["b"]})
