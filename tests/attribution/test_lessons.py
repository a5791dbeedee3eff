from __future__ import annotations

import numpy as np
import pytest

from stillwatch.attribution.lessons import STEPS, Student, solve, tables


@pytest.fixture(scope="module")
def does() -> np.ndarray:
    return tables(np.random.default_rng(0))


def test_the_less_reasoning_is_shown_the_less_is_learned(does: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    lessons, exam = solve(rng, does, 1_000), solve(rng, does, 500)
    shown, some, none = (Student.taught(lessons, stride) for stride in (1, 2, STEPS))
    assert shown.right(exam) == 1
    assert none.right(exam) == pytest.approx(0.1, abs=0.01 + 4 * np.sqrt(0.09 / 500))
    assert shown.loss(exam) < some.loss(exam) < none.loss(exam)
    assert none.loss(exam) == pytest.approx(np.log(10), abs=0.1)


def test_the_answer_follows_from_the_operations(does: np.ndarray) -> None:
    lessons = solve(np.random.default_rng(1), does, 50)
    for operations, digits in zip(lessons.operations, lessons.digits, strict=True):
        now = digits[0]
        for operation in operations:
            now = does[operation, now]
        assert now == digits[-1]
