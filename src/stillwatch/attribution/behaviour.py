"""The behavioural test: does a suspect answer as we do, more than models that cannot have copied?

After model provenance testing (Nikolić et al. 2025, arXiv 2502.00706). It needs no mark, so it also
speaks about answers that went out unmarked; and it says less: whoever shares our base model, our
training data or our prompts agrees with us too.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from stillwatch.attribution.records import read_records
from stillwatch.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DRAWS = 99_999
"""Sign flips: the smallest p-value is 1e-5."""

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class BehaviourScore:
    """How much more a suspect agrees with us than the controls do.

    Attributes:
        prompts: compared.
        agreement: the suspect's mean agreement, 0 to 1.
        controls: each control's.
        p: the largest p-value over the controls: all of them must be outdone.
        rank_p: (1 + controls that agree no less) / (1 + controls): the suspect among them, if one
            supposes no more than that an innocent suspect is like a control.
    """

    prompts: int
    agreement: float
    controls: dict[str, float]
    p: float
    rank_p: float

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @property
    def text(self) -> str:
        """For people."""
        controls = ", ".join(f"{name} {mean:.3f}" for name, mean in self.controls.items())
        return (
            f"agreement with our answers to {self.prompts:,} prompts: suspect "
            f"{self.agreement:.3f}; controls {controls}. p = {self.p:.2g} (the suspect agrees no "
            f"more than the closest control), {self.rank_p:.2g} by rank among the controls. A "
            "base model, training data or prompts in common would explain agreement too, and so "
            "would a relay."
        )


class _Answers(msgspec.Struct, forbid_unknown_fields=True):
    prompt: str
    ours: str
    suspect: str
    controls: dict[str, str]


def read_answers(path: Path) -> tuple[list[str], list[str], dict[str, list[str]]]:
    """Read lines with `prompt`, `ours`, `suspect` and `controls` (answers by name).

    Returns:
        Our answers, the suspect's, and each control's.

    Raises:
        InputError: a line is none, or has other controls than the first.
    """
    lines = read_records(path, _Answers)
    names = list(lines[0].controls)
    for number, line in enumerate(lines, 1):
        if line.controls.keys() != set(names):
            raise InputError("every line has the same controls", file=str(path), line=number)
    by_name = {name: [line.controls[name] for line in lines] for name in names}
    return [line.ours for line in lines], [line.suspect for line in lines], by_name


def agreement(one: str, other: str) -> float:
    """Share of words in common, as multisets (Dice), 0 to 1; 1 for the same words."""
    a, b = one.casefold().split(), other.casefold().split()
    if not a or not b:
        return float(a == b)
    left = dict.fromkeys(a, 0)
    for word in a:
        left[word] += 1
    common = 0
    for word in b:
        if left.get(word, 0) > 0:
            left[word] -= 1
            common += 1
    return 2 * common / (len(a) + len(b))


def behaviour_test(
    ours: Sequence[str],
    suspect: Sequence[str],
    controls: Mapping[str, Sequence[str]],
    seed: int = 0,
) -> BehaviourScore:
    """Compare answers to the same prompts.

    For each control: under "suspect and control agree with us alike", swapping their answers to any
    prompt changes nothing, so signs of the differences are flipped at random; p = (1 + draws whose
    mean is no smaller) / (1 + draws).

    Args:
        ours: our model's answers, one a prompt.
        suspect: the suspect's.
        controls: by name, those of models that cannot have been trained on ours.
        seed: of the flips.

    Raises:
        UsageError: there is no control, or a list has another length.
    """
    if not controls:
        raise UsageError("agreement means nothing without control models")
    if not ours or any(len(other) != len(ours) for other in (suspect, *controls.values())):
        raise UsageError("every model answers every prompt")
    mine = np.array([agreement(a, b) for a, b in zip(ours, suspect, strict=True)])
    theirs = {
        name: np.array([agreement(a, b) for a, b in zip(ours, answers, strict=True)])
        for name, answers in controls.items()
    }
    rng = np.random.default_rng(seed)
    means = {name: float(values.mean()) for name, values in theirs.items()}
    no_less = sum(mean >= mine.mean() for mean in means.values())
    return BehaviourScore(
        prompts=len(ours),
        agreement=float(mine.mean()),
        controls=means,
        p=max(_flipped(mine - values, rng) for values in theirs.values()),
        rank_p=(1 + no_less) / (1 + len(means)),
    )


def _flipped(differences: np.ndarray[Any, Any], rng: np.random.Generator) -> float:
    nonzero = differences[differences != 0]
    observed, reached, left = nonzero.sum(), 0, DRAWS
    slack = 1e-9 * max(1.0, np.abs(nonzero).sum())  # sums in another order differ in the last bit
    while left:
        signs = rng.integers(2, size=(min(left, _AT_ONCE), len(nonzero)), dtype=np.int8) * 2 - 1
        reached += int((signs @ nonzero >= observed - slack).sum())
        left -= len(signs)
    return (1 + reached) / (1 + DRAWS)
