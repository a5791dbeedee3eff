"""What attribution and the countermeasures do, on the example's small teacher and students.

    python -m bench.attribution --out bench-results/attribution
    python -m bench.attribution --only reach

Prints Markdown tables and writes `results.json`, `power.svg`, `paraphrase.svg` and `reasoning.svg`.
SynthID-Text needs PyTorch, which `make test` installs.
Nothing here says how much marked text a large model needs; it shows that the test keeps its level,
what breaks it, and which way the power goes.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bench.plot import Line, chart
from bench.tournament import Tournament
from scipy import stats

from stillwatch.attribution.example import EXAMPLE_TEXTS, TEXT, Model, World, train
from stillwatch.attribution.keys import RED_GREEN, SYNTHID, Mark, MarkKey
from stillwatch.attribution.lessons import STEPS, Student, solve, tables
from stillwatch.attribution.trials import Count, answered_by, null_p_values, read_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from stillwatch.attribution.radioactivity import Score

SECRET = b"\x22" * 32
SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
VOLUMES = (2_500, 5_000, 10_000, 20_000)
SHOWN = (500, 2_000, 8_000, 16_000)
REACH = (2_000, 8_000)
REACH_KEYS = 20
CLEAR = 1e-5
SYNTHID_SHARES = (0.01, 0.05, 0.2)
CHANGED = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
HIGHEST = 40.0
"""Of -log10 p on a chart: beyond, one is as good as the other."""

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
    parser.add_argument("--only", default="", help="one part, such as reach; nothing is written")
    given = parser.parse_args()
    world = World.of(np.random.default_rng(1), MarkKey.derive(SECRET, Mark(epoch="bench")))
    seeds = range(given.seeds)
    parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "null": lambda: null(world, given.draws),
        "power": lambda: [power(world, share, EXAMPLE_TEXTS, seeds) for share in (0.0, *SHARES)],
        "volume": lambda: [power(world, 0.05, texts, seeds) for texts in VOLUMES],
        "shown": lambda: [power(world, 0.05, EXAMPLE_TEXTS, seeds, shown) for shown in SHOWN],
        "reach": lambda: reach(world, range(REACH_KEYS)),
        "synthid": lambda: [
            power(world, share, EXAMPLE_TEXTS, seeds, scheme=SYNTHID) for share in SYNTHID_SHARES
        ],
        "synthid null": lambda: [synthid_null(world, given.draws)],
        "paraphrase": lambda: [paraphrased(world, changed, seeds) for changed in CHANGED],
        "marking": lambda: [marking(world, bias, seeds) for bias in BIASES],
        "reasoning": lambda: reasoning(seeds),
    }
    if given.only and given.only not in parts:
        parser.error(f"the parts are {', '.join(parts)}")
    found = {name: part() for name, part in parts.items() if given.only in ("", name)}
    if not given.only:
        given.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found, indent=2) + "\n"
        (given.out / "results.json").write_text(text, encoding="utf-8")
        draw(found, given.out)
    for name, rows in found.items():
        print(f"\n{name}\n\n{table(rows)}")


def null(world: World, draws: int) -> list[dict[str, Any]]:
    """P-values of innocent students by how their windows are counted."""
    students = innocent(world)
    return [_level(count, null_p_values(world, students, draws, count)) for count in COUNTS]


def synthid_null(world: World, draws: int) -> dict[str, Any]:
    """The same for SynthID-Text, by the weights."""
    p = null_p_values(
        world,
        innocent(world),
        draws,
        "reading",
        scheme=SYNTHID,
        teacher=lambda key: Tournament(world.teacher.chances, key),
    )
    return _level("reading", p)


def innocent(world: World) -> list[Model]:
    """Students that never saw marked text."""
    rng = np.random.default_rng(3)
    return [world.student(rng, 2_000, 0.0) for _ in range(20)]


def _level(count: Count, p: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "windows counted": count,
        "draws": len(p),
        "p <= .05": float((p <= 0.05).mean()),
        "p <= .001": float((p <= 0.001).mean()),
        "uniform (KS)": float(stats.kstest(p, "uniform").pvalue),
    }


def keyed(world: World, seed: int, scheme: str = RED_GREEN) -> World:
    """The same language and teacher under another key: which key it is makes a difference too."""
    key = MarkKey.derive(SECRET, Mark(epoch=f"bench {seed}", scheme=scheme))
    if scheme == SYNTHID:
        return replace(world, key=key, teacher=Tournament(world.teacher.chances, key))
    return replace(world, key=key)


def reach(world: World, seeds: range) -> list[dict[str, Any]]:
    """Under how many keys 5 % of marked text shows clearly, by how much is read or answered."""
    worlds = [keyed(world, seed) for seed in seeds]
    students = [
        w.student(np.random.default_rng(10 + s), EXAMPLE_TEXTS, 0.05) for s, w in enumerate(worlds)
    ]
    both = list(zip(worlds, students, strict=True))
    rows = []
    for name, test, first in (("texts read", read_by, 70), ("answers", answered_by, 80)):
        for shown in REACH:
            scores = [test(w, student, shown, first + s) for s, (w, student) in enumerate(both)]
            p = [score.p for score in scores]
            rows.append(
                {
                    "suspect": f"{shown:,} {name}",
                    "windows": int(np.median([score.windows for score in scores])),
                    "p, median": float(np.median(p)),
                    "largest p": max(p),
                    f"keys with p < {CLEAR:g}": f"{sum(one < CLEAR for one in p)} of {len(p)}",
                }
            )
    return rows


def power(
    world: World,
    share: float,
    texts: int,
    seeds: range,
    shown: int = 2_000,
    scheme: str = RED_GREEN,
) -> dict[str, Any]:
    """Median p-values of students with a share of marked text, each of another key.

    Args:
        world: of the teacher.
        share: of marked text.
        texts: that a student is trained on.
        seeds: one for each key and student.
        shown: texts that it reads, and answers that it gives.
        scheme: of the marks.
    """
    worlds = [keyed(world, seed, scheme) for seed in seeds]
    students = [
        w.student(np.random.default_rng(10 + s), texts, share) for s, w in enumerate(worlds)
    ]
    both = list(zip(worlds, students, strict=True))
    read = [read_by(w, student, shown, seed=70 + s) for s, (w, student) in enumerate(both)]
    asked = [answered_by(w, student, shown, seed=80 + s) for s, (w, student) in enumerate(both)]
    return {
        "share": share,
        "tokens trained on": texts * TEXT,
        "marked": round(texts * share) * TEXT,
        "texts read, answers": shown,
        **_summary("reading", read),
        **_summary("samples", asked),
    }


def _summary(name: str, scores: list[Score]) -> dict[str, Any]:
    return {
        f"{name}: windows": int(np.median([s.windows for s in scores])),
        f"{name}: excess": float(np.median([s.excess for s in scores])),
        f"{name}: p": float(np.median([s.p for s in scores])),
        f"{name}: largest p": max(s.p for s in scores),
    }


def paraphrased(world: World, changed: float, seeds: range) -> dict[str, Any]:
    """Median p-values where a share of the marked tokens was replaced before training."""
    row: dict[str, Any] = {"tokens replaced": changed}
    for share in (0.05, 0.2):
        scores = []
        for seed in seeds:
            one, rng = keyed(world, seed), np.random.default_rng(20 + seed)
            student = one.student(rng, EXAMPLE_TEXTS, share, changed)
            scores.append(read_by(one, student, seed=70 + seed))
        row[f"{share:.0%} marked: excess"] = float(np.median([s.excess for s in scores]))
        row[f"{share:.0%} marked: p"] = float(np.median([s.p for s in scores]))
    return row


def marking(world: World, bias: float, seeds: range) -> dict[str, Any]:
    """What a mark costs who reads it, and what it does to a student of the marked text alone."""
    quality, loss, p = [], [], []
    for seed in seeds:
        key = keyed(world, seed).key  # the same colours for every bias
        marked = replace(world, key=MarkKey(replace(key.mark, bias=bias or 1.0), key.secret))
        rng = np.random.default_rng(30 + seed)
        answers = world.teacher.write(rng, EXAMPLE_TEXTS // 2, marked.key if bias else None)
        student = train(answers)
        quality.append(world.language.loss(answers))
        loss.append(student.loss(world.text))
        p.append(read_by(marked, student, seed=70 + seed).p)
    return {
        "bias": bias,
        "loss of the answers": float(np.mean(quality)),
        "student's loss": float(np.mean(loss)),
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
    rows = found["power"][1:]  # no marked text at all has no place on the axis
    shares = [row["share"] * 100 for row in rows]
    chart(
        folder / "power.svg",
        [
            Line("weights read", shares, [_log(row["reading: p"]) for row in rows]),
            Line("samples alone", shares, [_log(row["samples: p"]) for row in rows]),
        ],
        x="marked text among what was trained on (%)",
        y=f"-log10 p, median, cut at {HIGHEST:g}",
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
        y=f"-log10 p, median, cut at {HIGHEST:g}",
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
    return min(float(-np.log10(max(p, 1e-300))), HIGHEST)


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
