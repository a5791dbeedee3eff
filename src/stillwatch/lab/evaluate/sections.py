"""What an evaluation found, question by question."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.lab.evaluate.ablations import ABLATIONS, FULL
from stillwatch.lab.evaluate.acceptance import acceptance
from stillwatch.lab.evaluate.document import (
    Figure,
    Section,
    Table,
    interval,
    percent,
    reached_row,
)
from stillwatch.lab.evaluate.errorrates import error_rate_sections
from stillwatch.lab.evaluate.figures import power_curve
from stillwatch.lab.evaluate.outcome import OURS
from stillwatch.lab.evaluate.plan import NULL, WINDOWS
from stillwatch.lab.evaluate.statistics import clustered_rate
from stillwatch.lab.evaluate.sweeps import ADVERSARY, sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.lab.evaluate.outcome import Outcome
    from stillwatch.lab.evaluate.statistics import Rate


def sections(outcomes: Sequence[Outcome]) -> list[Section]:
    """Every section for which something was measured."""
    logs = [one for one in outcomes if one.scenario != WINDOWS]
    worlds = [one for one in logs if one.scenario != NULL and not one.knob]
    full = [one for one in worlds if one.ablation == FULL]
    found = [_acceptance(outcomes)]
    if full:
        found += [_adversaries(full), _wronged(full), _methods(full), _purity(full)]
    if any(one.ablation != FULL for one in worlds):
        found.append(_ablations(worlds))
    found += error_rate_sections(logs)
    found += _sweeps([one for one in outcomes if one.knob])
    found.append(_cost(outcomes))
    return found


def recall(outcomes: Sequence[Outcome], group: str, method: str = OURS) -> Rate:
    """Share of a group's campaign accounts that are accused, clustered by campaign."""
    campaigns = [
        one
        for outcome in outcomes
        for one in outcome.campaigns
        if one.group == group and one.method == method
    ]
    return clustered_rate([one.accused for one in campaigns], [one.accounts for one in campaigns])


def groups(outcomes: Sequence[Outcome], *, guilty: bool) -> list[str]:
    """Names of the campaign groups, or of all others, in alphabetical order."""
    names = {
        row.group
        for outcome in outcomes
        for row in outcome.groups
        if (row.kind == "campaign") == guilty
    }
    return sorted(names)


def _acceptance(outcomes: Sequence[Outcome]) -> Section:
    rows = [reached_row(one) for one in acceptance(outcomes)]
    text = "What must be reached, and what is. Misses are shown like hits."
    table = Table(
        ("target", "wanted", "reached", "", "measured on"),
        (False, True, True, False, False),
        tuple(rows),
    )
    return Section("Targets", text, table)


def _adversaries(full: Sequence[Outcome]) -> Section:
    rows, shares = [], []
    for group in groups(full, guilty=True):
        rate = recall(full, group)
        shares.append(rate.value)
        true = [c for one in full for c in one.campaigns if c.group == group and c.method == OURS]
        whole = sum((c.largest or 0) > 0.5 for c in true)
        pieces = sum(c.pieces or 0 for c in true)
        rows.append(
            (
                group,
                f"{rate.total:,}",
                percent(rate.value),
                interval(rate),
                f"{whole} of {len(true)}",
                f"{pieces}",
            )
        )
    text = (
        "Share of the accounts of each kind of campaign that are called distillation. Accounts of"
        " one campaign are found or missed together, so the 95 % interval counts campaigns rather"
        " than accounts where they agree (Korn and Graubard)."
    )
    headings = ("adversary", "accounts", "accused", "95 % interval", "most in one piece", "pieces")
    return Section("Who is found", text, Table.of(headings, rows, shares=shares))


def _wronged(full: Sequence[Outcome]) -> Section:
    rows = []
    for group in groups(full, guilty=False):
        mine = [
            row for one in full for row in one.groups if row.group == group and row.method == OURS
        ]
        total = sum(row.accounts for row in mine)
        counts = [sum(getattr(row, name) or 0 for row in mine) for name in _VERDICTS]
        runs = sum(row.accused > 0 for row in mine)
        rows.append(
            (
                group,
                mine[0].kind,
                f"{total:,}",
                *(f"{n:,}" for n in counts),
                f"{runs} of {len(mine)}",
            )
        )
    text = (
        "Accounts that belong to no campaign, by the verdict they got. Only an accusation is an "
        "error; of groups under one open control (pooled) clear is a miss without a victim."
    )
    headings = ("group", "kind", "accounts", *_VERDICTS, "runs with any accused")
    return Section("Who is wronged", text, Table.of(headings, rows, left=2))


_VERDICTS = ("clear", "inconclusive", "pooled", "accused")


def _methods(full: Sequence[Outcome]) -> Section:
    methods = list(dict.fromkeys(row.method for one in full for row in one.groups))
    rows = []
    for guilty in (True, False):
        for group in groups(full, guilty=guilty):
            cells = []
            for method in methods:
                mine = [
                    row
                    for one in full
                    for row in one.groups
                    if row.group == group and row.method == method
                ]
                total = sum(row.accounts for row in mine)
                share = sum(row.accused for row in mine) / total if total else float("nan")
                cells.append(percent(share))
            rows.append((group, "found" if guilty else "wronged", *cells))
    rows.append(("precision of accounts", "", *(percent(_precision(full, m)) for m in methods)))
    text = (
        "Share of accounts accused, by method, on the same logs. The baselines run with their "
        "usual parameters and have no verdicts short of an accusation."
    )
    return Section(
        "Beside other methods", text, Table.of(("group", "accused are", *methods), rows, left=2)
    )


def _precision(outcomes: Sequence[Outcome], method: str) -> float:
    accused: dict[bool, int] = defaultdict(int)
    for outcome in outcomes:
        for row in outcome.groups:
            if row.method == method:
                accused[row.kind == "campaign"] += row.accused
    total = sum(accused.values())
    return accused[True] / total if total else float("nan")


def _purity(full: Sequence[Outcome]) -> Section:
    found = [one for outcome in full for one in outcome.found]
    purity = [one.purity for one in found]
    mixed = [one for one in found if one.purity < 1 and not one.innocent]
    rows = [
        ("accused campaigns (a lone account counts as one)", f"{len(found):,}"),
        ("of them with an innocent account", f"{sum(one.innocent > 0 for one in found):,}"),
        ("of them joining several operators, no innocent", f"{len(mixed):,}"),
        ("mean purity (share of the largest true campaign)", percent(_mean(purity))),
        ("accused accounts that belong to a campaign", percent(_precision(full, OURS))),
    ]
    text = (
        "Whether what is shown as one campaign is one. Operators joined into one campaign wrong "
        "nobody, but mislead an investigator."
    )
    return Section("How pure the campaigns are", text, Table.of(("", "value"), rows))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _ablations(worlds: Sequence[Outcome]) -> Section:
    names = list(dict.fromkeys(one.ablation for one in worlds))
    by_name = {name: [one for one in worlds if one.ablation == name] for name in names}
    rows = [
        (group, *(percent(recall(by_name[name], group).value) for name in names))
        for group in groups(worlds, guilty=True)
    ]
    wronged = [sum(one.accused_innocents for one in by_name[name]) for name in names]
    rows.append(("innocent accounts accused", *(f"{number:,}" for number in wronged)))
    explained = "; ".join(f"{name}: {ABLATIONS[name].title}" for name in names)
    text = (
        "Share of accounts accused where the provider lacks some evidence. It may cost power and "
        f"must never cost an innocent customer. {explained[0].upper()}{explained[1:]}."
    )
    return Section("With less evidence", text, Table.of(("adversary", *names), rows))


def _sweeps(outcomes: Sequence[Outcome]) -> list[Section]:
    found = []
    for scenario in dict.fromkeys(one.scenario for one in outcomes):
        plan = sweep(scenario.removeprefix("sweep "))
        rates, rows = [], []
        for value in map(str, plan.values):
            mine = [one for one in outcomes if one.scenario == scenario and one.value == value]
            if not mine:
                continue
            rate = recall(mine, ADVERSARY)
            wronged = sum(one.accused_innocents for one in mine)
            rates.append((value, rate))
            rows.append(
                (value, percent(rate.value), interval(rate), f"{rate.clusters}", f"{wronged:,}")
            )
        label = ", ".join(f"{value}: {percent(rate.value)}" for value, rate in rates)
        figure = Figure(
            f"share of accounts found, by {plan.axis}",
            power_curve([rate for _, rate in rates], label),
            tuple(value for value, _ in rates),
        )
        headings = (plan.knob, "found", "95 % interval", "campaigns", "innocent accounts accused")
        found.append(Section(plan.title, f"{plan.axis[0].upper()}{plan.axis[1:]}.",
                             Table.of(headings, rows), figure))  # fmt: skip
    return found


def _cost(outcomes: Sequence[Outcome]) -> Section:
    rows = []
    for scenario in dict.fromkeys(one.scenario for one in outcomes):
        mine = [one for one in outcomes if one.scenario == scenario]
        steps = dict.fromkeys(step for one in mine for step in one.seconds)
        for step in steps:
            taken = [one.seconds[step] for one in mine if step in one.seconds]
            rows.append(
                (scenario, step, f"{len(taken)}", f"{np.median(taken):.1f}", f"{max(taken):.1f}")
            )
        peak = max(one.peak_mb for one in mine)
        requests = f"{np.median([one.requests for one in mine]):,.0f} requests"
        rows.append((scenario, requests, f"{len(mine)}", "", f"{peak:,.0f} MB at most"))
    text = (
        "Seconds of each step of a cell, and the most memory that a cell's process held, "
        "simulation and baselines included. Cells run side by side slow one another."
    )
    return Section(
        "What it costs", text, Table.of(("world", "step", "cells", "median", "most"), rows, 2)
    )
