"""A calibration from results of `lab evaluate`: worlds with known truth, scanned whole."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from stillwatch.calibration import DIGITS, HABITS, Calibration, Kind, Range
from stillwatch.errors import InputError
from stillwatch.lab.evaluate.ablations import FULL
from stillwatch.lab.evaluate.outcome import OURS, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stillwatch.lab.evaluate.outcome import Terms

FEWEST = 20
"""Logs of a kind: of fewer, more than one log in ten of the kind lies outside their range."""


def calibrate(results: Sequence[Path], *, name: str, made: str) -> Calibration:
    """Put results together.

    Args:
        results: folders that `lab evaluate` wrote; each scenario in each is one kind of log, for
            every world from which no evidence was taken.
        name: of the calibration.
        made: the day, for whoever reads it.

    Raises:
        InputError: a folder has no such worlds, too few, or cells that cannot be read; or the cells
            were not all judged by the same code at the same level.
    """
    kinds: dict[str, list[tuple[Outcome, Terms]]] = defaultdict(list)
    for folder in results:
        found = _worlds(folder)
        for run in found:
            kinds[f"{folder.name}: {run[0].scenario}"].append(run)
        if not found:
            raise InputError("has no results of stillwatch lab evaluate", file=str(folder))
    for kind, runs in kinds.items():
        if len(runs) < FEWEST:
            raise InputError(f"{kind}: {len(runs)} logs are too few; {FEWEST} are the least")
    terms = [one for runs in kinds.values() for _, one in runs]
    made_with = {(one.version, one.code, one.fdr) for one in terms}
    if len(made_with) > 1:
        raise InputError(
            "these runs were not all judged by the same code at the same level: "
            "run stillwatch lab evaluate again into the same folders"
        )
    return Calibration(
        name=name,
        made=made,
        version=terms[0].version,
        code=terms[0].code,
        fdr=terms[0].fdr,
        kinds=tuple(_kind(kind, runs) for kind, runs in sorted(kinds.items())),
    )


def _worlds(folder: Path) -> list[tuple[Outcome, Terms]]:
    found = []
    for file in sorted((folder / "cells").glob("*.json")):
        try:
            outcome = msgspec.json.decode(file.read_bytes(), type=Outcome)
        except (OSError, msgspec.DecodeError) as error:
            raise InputError(f"is no cell of lab evaluate: {error}", file=str(file)) from None
        whole = outcome.ablation == FULL and not outcome.knob
        if whole and outcome.terms is not None:
            found.append((outcome, outcome.terms))
    return found


def _kind(name: str, runs: Sequence[tuple[Outcome, Terms]]) -> Kind:
    outcomes = [outcome for outcome, _ in runs]
    honest = [group for one in outcomes for group in one.tested if group.origin == "honest"]
    ours = [row for one in outcomes for row in one.groups if row.method == OURS]
    days = [terms.days for _, terms in runs]
    used = {
        habit: [here for _, terms in runs if (here := terms.habits.get(habit)) is not None]
        for habit in HABITS
    }
    return Kind(
        name=name,
        campaigns=any(row.kind == "campaign" for row in ours),
        logs=len(runs),
        wrong=sum(one.accused_innocents > 0 for one in outcomes),
        innocent=sum(row.accounts for row in ours if row.kind != "campaign"),
        accused=sum(one.accused_innocents for one in outcomes),
        tested=len(honest),
        least_p=min((group.coordination_p for group in honest), default=None),
        days=(min(days), max(days)),
        habits={
            habit: Range(
                low=round(min(values), DIGITS), high=round(max(values), DIGITS), logs=len(values)
            )
            for habit, values in used.items()
            if values
        },
    )
