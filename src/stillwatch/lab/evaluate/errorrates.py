"""Whether error rates hold: null runs, p-values of honest groups, discoveries by level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.lab.evaluate.ablations import FULL
from stillwatch.lab.evaluate.acceptance import accuses
from stillwatch.lab.evaluate.document import Figure, Section, Table, interval, percent
from stillwatch.lab.evaluate.figures import calibration
from stillwatch.lab.evaluate.plan import NULL
from stillwatch.lab.evaluate.statistics import rate_of_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.lab.evaluate.outcome import Outcome

_SIZES = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5)


def error_rate_sections(outcomes: Sequence[Outcome]) -> list[Section]:
    """The sections about error rates for which there is anything to show."""
    full = [one for one in outcomes if one.ablation == FULL]
    null = [one for one in full if one.scenario == NULL]
    found = [_null(null)] if null else []
    found.append(_calibration(full))
    found.append(_discoveries(full))
    return found


def _null(runs: Sequence[Outcome]) -> Section:
    wrong = [one for one in runs if accuses(one)]
    rate = rate_of_runs(len(wrong), len(runs))
    rows = [
        ("runs", f"{len(runs)}"),
        ("with any campaign", f"{len(wrong)}"),
        ("share, 95 % interval", f"{percent(rate.value)}, {interval(rate)}"),
        ("honest accounts", f"{sum(one.accounts for one in runs):,}"),
        ("of them accused", f"{sum(one.accused_innocents for one in runs):,}"),
        ("groups tested", f"{sum(len(one.tested) for one in runs):,}"),
        ("seeds of wrong runs", ", ".join(str(one.seed) for one in wrong) or "none"),
    ]
    text = "Worlds without any campaign: every accusation is false."
    return Section("Null runs", text, Table.of(("", "value"), rows))


def _calibration(full: Sequence[Outcome]) -> Section:
    p = [group.coordination_p for one in full for group in one.tested if group.origin == "honest"]
    text = (
        "P-values of common control for every tested group that consists of honest accounts only,"
        " from all worlds. Groups come to the test because the mining half looked suspicious, so "
        "this is the distribution that matters. A valid test lies on or below the diagonal; the "
        "largest p-value over several explanations counts, so it should lie well below."
    )
    if not p:
        return Section("P-values of honest groups", f"{text} No honest group was tested.")
    rows = [(f"{size:g}", percent(float(np.mean(np.asarray(p) <= size)))) for size in _SIZES]
    figure = Figure(
        f"distribution of {len(p):,} p-values (solid) against uniform (dashed)",
        calibration(p, f"{len(p)} p-values of honest groups; see the table"),
        ("0", "0.5", "1"),
    )
    headings = ("p at most", f"share of {len(p):,} honest groups")
    return Section("P-values of honest groups", text, Table.of(headings, rows), figure)


def _discoveries(full: Sequence[Outcome]) -> Section:
    rows = []
    for index, level in enumerate(entry.level for entry in full[0].discoveries):
        mine = [one.discoveries[index] for one in full]
        null = [one.discoveries[index] for one in full if one.scenario == NULL]
        rows.append(
            (
                f"{level:g}",
                _rate([(one.coordinated_falsely, one.coordinated) for one in mine]),
                _rate([(one.accused_falsely, one.accused) for one in mine]),
                f"{sum(one.accused for one in mine):,}",
                f"{sum(one.accused > 0 for one in null)} of {len(null)}",
            )
        )
    text = (
        "Mean over runs of the share of false ones among accepted groups, decided again at each "
        "level from the same tests. A group is coordinated falsely if it consists of honest "
        "accounts, and accused falsely if most of its accounts are in no campaign."
    )
    headings = (
        "nominal rate",
        "realised, coordinated",
        "realised, accused",
        "groups accused",
        "null runs with any",
    )
    return Section("Nominal and realised false discovery rate", text, Table.of(headings, rows))


def _rate(pairs: Sequence[tuple[int, int]]) -> str:
    return f"{np.mean([false / max(total, 1) for false, total in pairs]):.4f}"
