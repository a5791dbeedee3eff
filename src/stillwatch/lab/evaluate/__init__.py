"""How well detection works: seeds, worlds and missing evidence, beside other methods."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from stillwatch.errors import UsageError
from stillwatch.lab.evaluate.acceptance import Reached, acceptance
from stillwatch.lab.evaluate.plan import WINDOWS, Cell, Wanted, cells, code_digest
from stillwatch.lab.evaluate.pool import run_all
from stillwatch.lab.evaluate.results import RESULTS, results_table
from stillwatch.lab.evaluate.sections import sections
from stillwatch.lab.evaluate.sweeps import sweeps
from stillwatch.lab.evaluate.writers import markdown, page
from stillwatch.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stillwatch.lab.evaluate.document import Section
    from stillwatch.lab.evaluate.outcome import Outcome
    from stillwatch.progress import Progress

__all__ = [
    "RESULTS",
    "Cell",
    "Evaluation",
    "Reached",
    "Wanted",
    "evaluate",
    "sweeps",
]

TITLE = "How well detection works"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was measured.

    Attributes:
        outcomes: of every cell.
        targets: the acceptance table.
        sections: all tables and figures, as in `results.md`.
        out: the folder with `results.parquet`, `results.md`, `results.html` and `cells/`.
    """

    outcomes: Sequence[Outcome]
    targets: Sequence[Reached]
    sections: Sequence[Section]
    out: Path

    def values(self) -> dict[str, Any]:
        """The tables as values that JSON can hold."""
        return {
            "cells": len(self.outcomes),
            "targets": [
                {
                    "target": one.target.text,
                    "at_least": one.target.at_least,
                    "at_most": one.target.at_most,
                    "reached": one.value,
                    "met": one.met,
                    "measured_on": one.basis,
                }
                for one in self.targets
            ],
            "sections": [
                {
                    "title": section.title,
                    "headings": section.table.headings,
                    "rows": section.table.rows,
                }
                for section in self.sections
                if section.table is not None
            ],
        }


def evaluate(
    out: Path, wanted: Wanted, *, jobs: int | None = None, progress: Progress | None = None
) -> Evaluation:
    """Run what is wanted and not yet finished, and write the results.

    Outcomes of cells lie under `out/cells` and are used again as long as the code, the scenario and
    the files that they depend on are the same.

    Args:
        out: folder for the results; made if missing.
        wanted: worlds, seeds, ablations, baselines, sweeps and null runs.
        jobs: cells run at the same time; as many as there are cores unless given.
        progress: shows the cells.

    Raises:
        UsageError: what is wanted makes no sense.
        InputError: a scenario, the prompts or the arrivals cannot be read.
        StillwatchError: a cell failed.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs must be at least 1, not {jobs}")
    planned = cells(wanted)
    code = code_digest()
    outcomes = run_all(
        planned,
        out / "cells",
        code=code,
        jobs=jobs or os.cpu_count() or 1,
        progress=progress or Silent(),
    )
    written = sections(outcomes)
    basis = _basis(wanted, outcomes)
    pq.write_table(results_table(outcomes), out / "results.parquet", compression="zstd")
    (out / "results.md").write_text(markdown(TITLE, basis, written), encoding="utf-8")
    (out / "results.html").write_text(page(TITLE, basis, written), encoding="utf-8")
    return Evaluation(outcomes=outcomes, targets=acceptance(outcomes), sections=written, out=out)


def _basis(wanted: Wanted, outcomes: Sequence[Outcome]) -> str:
    """What the numbers rest on, in one paragraph."""
    logs = [outcome for outcome in outcomes if outcome.scenario != WINDOWS]
    requests = sum(outcome.requests for outcome in logs)
    accounts = sum(outcome.accounts for outcome in logs)
    text = "real prompts" if wanted.prompts else "generated prompts"
    shapes = "real arrival shapes" if wanted.arrivals else "generated arrivals"
    seeds = len({outcome.seed for outcome in logs})
    quick = " A quick run: small worlds and few seeds, for a first look only." * wanted.quick
    return (
        f"{len(logs):,} simulated logs ({seeds} seeds, {requests:,} requests, {accounts:,} "
        f"accounts in all) with {text} and {shapes}.{quick}"
    )
