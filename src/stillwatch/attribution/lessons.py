"""A task that takes steps, to measure what a student learns from answers with and without them.

A problem is a digit and `STEPS` operations; each operation is a permutation of the ten digits that
only the teacher knows. The teacher's reasoning shows the digit after each step, its answer is the
last. A student counts: which digit follows a digit and the operations between two that it was
shown. With all of them shown it has to learn 100 cases, with every second 1,000, with the answer
alone 100,000. A cleverer student can infer steps that it was not shown; this one cannot, so what is
measured is an upper bound on what withholding does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGITS, STEPS = 10, 4
PRIOR = 0.05
"""Weight of a digit that was never seen to follow, as a number of observations."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Problems with their solutions.

    Attributes:
        operations: (n, STEPS).
        digits: at the start and after each step, (n, STEPS + 1); the last is the answer.
    """

    operations: NDArray[np.int64]
    digits: NDArray[np.int64]


def tables(rng: np.random.Generator) -> NDArray[np.int64]:
    """What the operations do, (operation, digit)."""
    return np.array([rng.permutation(DIGITS) for _ in range(DIGITS)])


def solve(rng: np.random.Generator, does: NDArray[np.int64], count: int) -> Lessons:
    """Problems drawn at random and solved by a teacher that knows the operations."""
    operations = rng.integers(DIGITS, size=(count, STEPS))
    digits = np.empty((count, STEPS + 1), dtype=np.int64)
    digits[:, 0] = rng.integers(DIGITS, size=count)
    for i in range(STEPS):
        digits[:, i + 1] = does[operations[:, i], digits[:, i]]
    return Lessons(operations, digits)


@dataclass(frozen=True, slots=True)
class Student:
    """Chances of the next digit that it was shown, by what came since the last one.

    Attributes:
        stride: steps between two digits that it was shown: 1 all, `STEPS` none but the answer.
        chances: (cases, DIGITS); a case is the digit and `stride` operations.
    """

    stride: int
    chances: NDArray[np.float32]

    @classmethod
    def taught(cls, lessons: Lessons, stride: int) -> Student:
        """Count what follows what, at every `stride` steps."""
        shape = (DIGITS ** (stride + 1), DIGITS)
        counts = np.full(shape, PRIOR, dtype=np.float32)
        for i in range(0, STEPS, stride):
            np.add.at(counts, (_case(lessons, i, stride), lessons.digits[:, i + stride]), 1)
        return cls(stride, counts / counts.sum(axis=1, keepdims=True))

    def loss(self, exam: Lessons) -> float:
        """Mean negative log-likelihood of the answers, in nats; ln 10 = 2.303 for one that guesses.

        The student works its way: it carries its chances of each digit from step to step.
        """
        return float(-np.log(self._answers(exam)[np.arange(len(exam.digits)), _right(exam)]).mean())

    def right(self, exam: Lessons) -> float:
        """Share of right answers."""
        return float((self._answers(exam).argmax(axis=1) == _right(exam)).mean())

    def _answers(self, exam: Lessons) -> NDArray[np.float64]:
        count = len(exam.digits)
        now = np.zeros((count, DIGITS))
        now[np.arange(count), exam.digits[:, 0]] = 1
        for i in range(0, STEPS, self.stride):
            between = _case(exam, i, self.stride) // DIGITS * DIGITS
            now = sum(
                now[:, [digit]] * self.chances[between + digit].astype(float)
                for digit in range(DIGITS)
            )
        return now


def _case(lessons: Lessons, start: int, stride: int) -> NDArray[np.int64]:
    case = np.zeros(len(lessons.digits), dtype=np.int64)
    for i in range(start, start + stride):
        case = case * DIGITS + lessons.operations[:, i]
    return case * DIGITS + lessons.digits[:, start]


def _right(lessons: Lessons) -> NDArray[np.int64]:
    return lessons.digits[:, -1]
