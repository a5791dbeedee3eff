"""What attribution and the countermeasures do, on the example's small teacher and students.

    python -m bench.attribution --out bench-results/attribution

Prints Markdown tables and writes `results.json`, `power.svg`, `paraphrase.svg` and `reasoning.svg`.
Nothing here says how much marked text a large model needs; it shows that the test keeps its level,
what breaks it, and which way the power goes.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from bench.plot import Line, chart
from scipy import stats

from stillwatch.attribution.example import EXAMPLE_TEXTS, TEXT, World, train
from stillwatch.attribution.keys import Mark, MarkKey
from stillwatch.attribution.lessons import STEPS, Student, solve, tables
from stillwatch.attribution.trials import Count, answered_by, null_p_values, read_by

SECRET = b"\x22" * 32
SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
VOLUMES = (2_500, 5_000, 10_000, 20_000)
CHANGED = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
BIASES = (0.0, 0.5, 1.0, 2.0, 4.0)
COUNTS: tuple[Count, ...] = ("reading", "samples", "every window", "every window, copied")
LESSONS = (100, 300, 1_000, 3_000, 10_000, 30_000)
STRIDES = {"shown": 1, "summarised": 2, "withheld": STEPS}


def main() -> None:
    """Measure everything and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench-results/attribution"))
    parser.add_argument("--draws", type=int, default=1_000, help="innocent students")
    parser.add_argument("--seeds", type=int, default=5, help="students of each kind")
    given = parser.parse_args()
    world = World.of(np.random.default_rng(1), MarkKey.derive(SECRET, Mark(epoch="bench")))
    seeds = range(given.seeds)
    found = {
        "null": null(world, given.draws),
        "power": [power(world, share, EXAMPLE_TEXTS, seeds) for share in SHARES],
        "volume": [power(world, 0.05, texts, seeds) for texts in VOLUMES],
        "paraphrase": [paraphrased(world, changed, seeds) for changed in CHANGED],
        "marking": [marking(world, bias, seeds) for bias in BIASES],
        "reasoning": reasoning(seeds),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "results.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    draw(found, given.out)
    for name, rows in found.items():
        print(f"\n{name}\n\n{table(rows)}")


def null(world: World, draws: int) -> list[dict[str, Any]]:
    """P-values of innocent students by how their windows are counted."""
    rng = np.random.default_rng(3)
    students = [world.student(rng, 2_000, 0.0) for _ in range(20)]
    rows = []
    for count in COUNTS:
        p = null_p_values(world, students, draws, count)
        rows.append(
            {
                "windows counted": count,
                "draws": draws,
                "p <= .05": float((p <= 0.05).mean()),
                "p <= .001": float((p <= 0.001).mean()),
                "uniform (KS)": float(stats.kstest(p, "uniform").pvalue),
            }
        )
    return rows


def power(world: World, share: float, texts: int, seeds: range) -> dict[str, Any]:
    """Median p-values of students with a share of marked text."""
    students = [world.student(np.random.default_rng(10 + s), texts, share) for s in seeds]
    read = [read_by(world, student) for student in students]
    asked = [answered_by(world, student) for student in students]
    return {
        "share": share,
        "tokens trained on": texts * TEXT,
        "marked": round(texts * share) * TEXT,
        "reading: windows": read[0].windows,
        "reading: excess": float(np.median([s.excess for s in read])),
        "reading: p": float(np.median([s.p for s in read])),
        "reading: largest p": max(s.p for s in read),
        "samples: windows": asked[0].windows,
        "samples: excess": float(np.median([s.excess for s in asked])),
        "samples: p": float(np.median([s.p for s in asked])),
    }


def paraphrased(world: World, changed: float, seeds: range) -> dict[str, Any]:
    """Median p-values where a share of the marked tokens was replaced before training."""
    row: dict[str, Any] = {"tokens replaced": changed}
    for share in (0.05, 0.2):
        scores = [
            read_by(
                world, world.student(np.random.default_rng(20 + s), EXAMPLE_TEXTS, share, changed)
            )
            for s in seeds
        ]
        row[f"{share:.0%} marked: excess"] = float(np.median([s.excess for s in scores]))
        row[f"{share:.0%} marked: p"] = float(np.median([s.p for s in scores]))
    return row


def marking(world: World, bias: float, seeds: range) -> dict[str, Any]:
    """What a mark costs who reads it, and what it does to a student of the marked text alone."""
    mark = replace(world.key.mark, bias=bias or 1.0)
    marked = replace(world, key=MarkKey.derive(SECRET, mark))
    quality, loss, p = [], [], []
    for seed in seeds:
        rng = np.random.default_rng(30 + seed)
        answers = world.teacher.write(rng, EXAMPLE_TEXTS // 2, marked.key if bias else None)
        student = train(answers)
        quality.append(world.language.loss(answers))
        loss.append(student.loss(world.text))
        p.append(read_by(marked, student).p)
    return {
        "bias": bias,
        "loss of the answers": float(np.median(quality)),
        "student's loss": float(np.median(loss)),
        "p": float(np.median(p)),
    }


def reasoning(seeds: range) -> list[dict[str, Any]]:
    """A student's loss and right answers by how much of the reasoning it was shown."""
    rows = []
    for lessons in LESSONS:
        row: dict[str, Any] = {"answers trained on": lessons}
        for name, stride in STRIDES.items():
            losses, right = [], []
            for seed in seeds:
                rng = np.random.default_rng(40 + seed)
                does = tables(rng)
                student = Student.taught(solve(rng, does, lessons), stride)
                exam = solve(rng, does, 1_000)
                losses.append(student.loss(exam))
                right.append(student.right(exam))
            row[f"{name}: loss"] = float(np.mean(losses))
            row[f"{name}: right"] = float(np.mean(right))
        rows.append(row)
    return rows


def draw(found: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    """The charts of the documentation."""
    rows = found["power"]
    shares = [row["share"] * 100 for row in rows]
    chart(
        folder / "power.svg",
        [
            Line("weights read", shares, [_log(row["reading: p"]) for row in rows]),
            Line("samples alone", shares, [_log(row["samples: p"]) for row in rows]),
        ],
        x="marked text among what was trained on (%)",
        y="-log10 p, median",
        level=("p = 1e-5", 5),
        logarithmic=True,
    )
    rows = found["paraphrase"]
    chart(
        folder / "paraphrase.svg",
        [
            Line(
                f"{share} marked",
                [row["tokens replaced"] * 100 for row in rows],
                [_log(row[f"{share} marked: p"]) for row in rows],
            )
            for share in ("20%", "5%")
        ],
        x="marked tokens that a paraphrase replaced (%)",
        y="-log10 p, median",
        level=("p = 1e-5", 5),
    )
    rows = found["reasoning"]
    chart(
        folder / "reasoning.svg",
        [
            Line(
                f"reasoning {name}",
                [row["answers trained on"] for row in rows],
                [row[f"{name}: right"] * 100 for row in rows],
            )
            for name in STRIDES
        ],
        x="answers that the student was trained on",
        y="right answers (%)",
        logarithmic=True,
    )


def _log(p: float) -> float:
    return float(-np.log10(max(p, 1e-300)))


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
    lines += ["| " + " | ".join(_cell(value) for value in row.values()) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
