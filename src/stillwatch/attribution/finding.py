"""What may be said after a test: the number, the effect, and what else would explain it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.attribution.exact import holm
from stillwatch.campaigns.evalues import e_bh, e_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stillwatch.attribution.keys import MarkKey
    from stillwatch.attribution.radioactivity import Score
    from stillwatch.attribution.registry import Plan

CONSISTENT, NONE, VOID = "consistent", "no evidence", "void"

LEAK = "The marked answers were published or leaked, and the model was trained on them from there."
INDIRECT = (
    "It was trained on the answers of another model, which was trained on the marked ones "
    "(indirect distillation)."
)
RELAY = "What answered was no model of its own but a relay to ours."
SPOOF = (
    "Somebody learned the mark from marked answers and put it into the training text on purpose."
)
BY_MODE = {"reading": (LEAK, INDIRECT, SPOOF), "samples": (LEAK, INDIRECT, RELAY, SPOOF)}

ABSENCE = (
    "That is no proof of innocence: little marked text, paraphrase or further training leave "
    "nothing to find."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One model and one key.

    Attributes:
        model: its name.
        control: whether it is a control.
        epoch: of the key.
        score: see there.
        adjusted: p-value after Holm, over all suspects and keys of the plan (over all controls and
            keys, for a control).
        e_bh: whether e-BH at the plan's level rejects innocence too, among the same.
        verdict: ``consistent``, ``no evidence``, or ``void`` where the test cannot be believed.
        text: all of it in a few sentences.
    """

    model: str
    control: bool
    epoch: str
    score: Score
    adjusted: float
    e_bh: bool
    verdict: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The whole result of a test.

    Attributes:
        plan: digest of the plan.
        level: of the plan.
        earlier: findings that were made under this plan before; each is another try.
        lines: suspects first.
        alternatives: what else would explain a positive result.
        observed: digest of each model's file, by its name.
    """

    plan: str
    level: float
    earlier: int
    lines: tuple[Line, ...]
    alternatives: tuple[str, ...]
    observed: dict[str, str]

    def values(self) -> dict[str, Any]:
        """For JSON; the decoys' shares are given by their mean and standard deviation."""
        value = asdict(self)
        for line, given in zip(value["lines"], self.lines, strict=True):
            decoys = np.array(given.score.decoys)
            line["score"] |= {
                "decoys": len(decoys),
                "decoys_mean": float(decoys.mean()),
                "decoys_sd": float(decoys.std(ddof=1)),
                "share": given.score.share,
                "excess": given.score.excess,
            }
        return value

    @property
    def text(self) -> str:
        """For people."""
        parts = [line.text for line in self.lines]
        if any(line.verdict == CONSISTENT for line in self.lines):
            parts.append("What else would explain it:")
            parts += [f"  - {text}" for text in self.alternatives]
        if self.earlier:
            parts.append(
                f"This plan was tested {self.earlier} times before; p-values count one test."
            )
        return "\n".join(parts)


def conclude(
    plan: Plan,
    scores: Mapping[tuple[str, str], Score],
    keys: Sequence[MarkKey],
    observed: dict[str, str],
    earlier: int,
) -> Finding:
    """Put the scores of a plan together.

    Args:
        plan: that was registered.
        scores: by name of the model and commitment of the key; every suspect and control has one
            for every key.
        keys: of the plan.
        observed: digests of the files.
        earlier: findings under this plan so far.
    """
    controls = _corrected(plan, scores, keys, plan.controls)
    leaning = [name for (name, _), (p, _) in controls.items() if p <= plan.level]
    corrected = _corrected(plan, scores, keys, plan.suspects) | controls
    lines = []
    for (name, commitment), (adjusted, rejected) in corrected.items():
        key = next(key for key in keys if key.commitment == commitment)
        score, control = scores[name, commitment], name in plan.controls
        verdict = _verdict(score, adjusted, plan.level, leaning)
        lines.append(
            Line(
                model=name,
                control=control,
                epoch=key.mark.epoch,
                score=score,
                adjusted=adjusted,
                e_bh=rejected,
                verdict=verdict,
                text=_words(name, key, score, adjusted, verdict, leaning),
            )
        )
    return Finding(
        plan=plan.digest,
        level=plan.level,
        earlier=earlier,
        lines=tuple(lines),
        alternatives=BY_MODE[plan.mode],
        observed=observed,
    )


def _corrected(
    plan: Plan,
    scores: Mapping[tuple[str, str], Score],
    keys: Sequence[MarkKey],
    names: Sequence[str],
) -> dict[tuple[str, str], tuple[float, bool]]:
    cells = [(name, key.commitment) for name in names for key in keys]
    p = [scores[cell].p for cell in cells]
    rejected = e_bh(e_value(p), plan.level)
    return {
        cell: (float(adjusted), bool(e))
        for cell, adjusted, e in zip(cells, holm(p), rejected, strict=True)
    }


def _verdict(score: Score, adjusted: float, level: float, leaning: Sequence[str]) -> str:
    if not score.sound or leaning:
        return VOID
    return CONSISTENT if adjusted <= level else NONE


def _words(
    name: str, key: MarkKey, score: Score, adjusted: float, verdict: str, leaning: Sequence[str]
) -> str:
    numbers = (
        f"{score.share:.4f} of {score.trials:,} draws hit, {score.chance:.4f} by chance "
        f"({score.excess:+.4f}, 95 % interval {score.low:.4f} to {score.high:.4f}); "
        f"{_reached(score)}."
    )
    p = f"p = {_p(score.p)} (corrected {_p(adjusted)})"
    what = f"key {key.name} ({key.mark.epoch})"
    if verdict == CONSISTENT:
        return f"{name}: consistent with training on answers marked with {what}, {p}. {numbers}"
    if verdict == NONE:
        text = f"{name}: no evidence of training on answers marked with {what}, {p}. {numbers}"
        return f"{text} {ABSENCE}"
    why = (
        f"the control {leaning[0]} leans towards a key too"
        if leaning
        else f"decoy keys scatter unlike chance (p = {_p(score.spread_p)})"
    )
    return f"{name}: nothing can be said about {what}: {why}. {numbers}"


def _reached(score: Score) -> str:
    reached = sum(share >= score.share for share in score.decoys)
    return f"{reached} of {len(score.decoys)} decoy keys reach that"


def _p(p: float) -> str:
    return f"{p:.2g}" if p > 0 else "below 1e-300"
