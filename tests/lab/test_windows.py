from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.lab.evaluate.cell import run_cell
from stillwatch.lab.evaluate.plan import WINDOWS, Cell
from stillwatch.lab.scenario import Scenario
from stillwatch.lab.windows import SHARES, window_calls

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People who ask about anything, and a corpus in a few templates."""
    rnd = random.Random(0)
    words = [f"{a}{b}{c}" for a in "bdgklm" for b in ("ar", "en", "ol") for c in ("is", "ut", "or")]
    people = [" ".join(rnd.choices(words, k=12)) for _ in range(900)]
    corpus = [
        f"Reason step by step about {' and '.join(rnd.choices(words, k=4))}" for _ in range(200)
    ]
    path = tmp_path_factory.mktemp("prompts") / "prompts.parquet"
    kinds = ["benign"] * len(people) + ["distill"] * len(corpus)
    table = {"source": kinds, "kind": kinds, "prompt": people + corpus}
    pq.write_table(pa.table(table), path)
    return path


def test_windows_with_a_corpus_are_called_and_others_are_not(prompts: Path) -> None:
    found = window_calls(prompts, seed=0, windows=40, size=300)
    assert {share: len(hits) for share, hits in found.items()} == dict(
        zip(SHARES, (40, 10, 10, 10), strict=True)
    )
    # at the level 0.003 two or more of 40 come by chance less than once in a hundred
    assert sum(found[0.0]) <= 1
    assert all(found[0.25])
    assert found == window_calls(prompts, seed=0, windows=40, size=300)
    assert found != window_calls(prompts, seed=1, windows=44, size=300)


def test_too_few_prompts_measure_nothing(prompts: Path) -> None:
    assert window_calls(prompts, seed=0, windows=4, size=500) == {}
    cell = Cell(scenario=WINDOWS, seed=0, ablation="none", world=Scenario(), prompts=str(prompts))
    outcome = run_cell(cell, "digest")
    assert (outcome.windows, outcome.groups, outcome.requests) == ((), (), 0)
