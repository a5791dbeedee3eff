"""Outcomes of many cells as one table, `results.parquet`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from stillwatch.lab.evaluate.outcome import OURS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stillwatch.lab.evaluate.outcome import Outcome

RESULTS = pa.schema(
    [
        pa.field("scenario", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("ablation", pa.string(), nullable=False),
        pa.field("knob", pa.string()),
        pa.field("value", pa.string()),
        pa.field("method", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("accounts", pa.int64(), nullable=False),
        pa.field("accused", pa.int64(), nullable=False),
        # verdicts short of an accusation, which baselines do not know
        pa.field("clear", pa.int64()),
        pa.field("inconclusive", pa.int64()),
        pa.field("pooled", pa.int64()),
        pa.field("expected", pa.int64()),
        pa.field("lost", pa.int64()),
        # of the method on the cell's log
        pa.field("requests", pa.int64(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("peak_mb", pa.float64(), nullable=False),
    ]
)
"""One row a seed, scenario, ablation, method and group."""


def results_table(outcomes: Iterable[Outcome]) -> pa.Table:
    """All groups of all cells, in the cells' order."""
    rows = [
        {
            "scenario": outcome.scenario,
            "seed": outcome.seed,
            "ablation": outcome.ablation,
            "knob": outcome.knob or None,
            "value": outcome.value or None,
            "method": row.method,
            "group": row.group,
            "kind": row.kind,
            "accounts": row.accounts,
            "accused": row.accused,
            "clear": row.clear,
            "inconclusive": row.inconclusive,
            "pooled": row.pooled,
            "expected": row.expected,
            "lost": row.lost,
            "requests": outcome.requests,
            "seconds": outcome.seconds["scan" if row.method == OURS else row.method],
            "peak_mb": outcome.peak_mb,
        }
        for outcome in outcomes
        for row in outcome.groups
    ]
    return pa.Table.from_pylist(rows, schema=RESULTS)
