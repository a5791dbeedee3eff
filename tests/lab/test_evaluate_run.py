"""Cells that really run: simulate, scan, accuse, compare, keep, go on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from stillwatch.cli.app import app
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.lab.baselines import BASELINES
from stillwatch.lab.evaluate import Wanted, evaluate
from stillwatch.lab.evaluate.cell import run_cell
from stillwatch.lab.evaluate.outcome import OURS, Outcome
from stillwatch.lab.evaluate.plan import Cell, cells
from stillwatch.lab.evaluate.pool import finished

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = """
days = 4
[groups.individuals]
accounts = 60
[groups.popular_app]
accounts = 15
[groups.agency]
accounts = 4
[groups.loud_hydra]
accounts = 12
[groups.small_graders]
accounts = 6
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("scenario") / "tiny.toml"
    file.write_text(SCENARIO)
    return file


@pytest.fixture(scope="module")
def cell(scenario: Path) -> Cell:
    (found,) = cells(Wanted(scenarios=(str(scenario),), seeds=1, null_runs=0))
    return found


@pytest.fixture(scope="module")
def outcome(cell: Cell, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    place = tmp_path_factory.mktemp("cells")
    made = run_cell(cell, "digest", place)
    assert not list(place.iterdir())  # the log is gone
    return made


def test_every_method_has_a_row_for_every_group(outcome: Outcome) -> None:
    sizes = {row.group: row.accounts for row in outcome.groups if row.method == OURS}
    assert set(sizes) == {"individuals", "popular_app", "agency", "loud_hydra", "small_graders"}
    assert sum(sizes.values()) == outcome.accounts
    for method in (OURS, *BASELINES):
        assert {r.group: r.accounts for r in outcome.groups if r.method == method} == sizes
        campaigns = {c.campaign: c for c in outcome.campaigns if c.method == method}
        rows = {r.group: r for r in outcome.groups if r.method == method and r.kind == "campaign"}
        assert {name: one.accused for name, one in campaigns.items()} == {
            name: row.accused for name, row in rows.items()
        }


def test_our_verdicts_add_up(outcome: Outcome) -> None:
    for row in outcome.groups:
        if row.method == OURS:
            parts = (row.clear, row.inconclusive, row.pooled, row.accused)
            assert sum(part or 0 for part in parts) == row.accounts
    assert sum(one.accounts for one in outcome.found) == sum(
        row.accused for row in outcome.groups if row.method == OURS
    )


def test_what_was_tested_is_held_against_the_truth(outcome: Outcome) -> None:
    assert {one.origin for one in outcome.tested} <= {"honest", "campaign", "other"}
    coordinated = [one.coordinated for one in outcome.discoveries]
    assert coordinated == sorted(coordinated)  # a larger level accepts more
    assert all(one.coordinated <= len(outcome.tested) for one in outcome.discoveries)
    assert set(outcome.seconds) == {"simulate", "scan", *BASELINES}
    assert outcome.peak_mb > 50


def test_a_cell_is_the_same_every_time(cell: Cell, outcome: Outcome, tmp_path: Path) -> None:
    again = run_cell(cell, "digest", tmp_path)
    same: dict[str, Any] = {"seconds": {}, "peak_mb": 0.0}
    assert msgspec.structs.replace(again, **same) == msgspec.structs.replace(outcome, **same)


@pytest.fixture
def wanted(scenario: Path) -> Wanted:
    return Wanted(scenarios=(str(scenario),), seeds=1, null_runs=0, baselines=("rate limit",))


def times(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in (folder / "cells").iterdir()}


def test_a_run_is_kept_and_goes_on(wanted: Wanted, tmp_path: Path) -> None:
    first = evaluate(tmp_path, wanted, jobs=2)
    before = times(tmp_path)
    assert len(before) == len(first.outcomes) == 1
    more = changed(wanted, ablations=("none", "accounts"))
    second = evaluate(tmp_path, more, jobs=2)
    after = times(tmp_path)
    assert len(second.outcomes) == 2
    assert before.items() <= after.items()  # the first cell was not run again
    table = pq.read_table(tmp_path / "results.parquet")
    assert set(table["ablation"].to_pylist()) == {"none", "accounts"}
    assert "# How well detection works" in (tmp_path / "results.md").read_text()
    assert "<!doctype html>" in (tmp_path / "results.html").read_text()
    assert {file.suffix for file in (tmp_path / "cells").iterdir()} == {".json"}


def test_only_a_whole_outcome_of_the_same_code_is_used_again(
    outcome: Outcome, tmp_path: Path
) -> None:
    file = tmp_path / "cell.json"
    assert finished(file, "digest") is None
    whole = msgspec.json.encode(outcome)
    file.write_bytes(whole)
    assert finished(file, "digest") == outcome
    assert finished(file, "digest of other code") is None
    file.write_bytes(whole[:-20])
    assert finished(file, "digest") is None


def changed(wanted: Wanted, **fields: Any) -> Wanted:
    values = {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}
    return Wanted(**(values | fields))


def test_a_cell_that_fails_is_named(wanted: Wanted, tmp_path: Path) -> None:
    broken = tmp_path / "prompts.parquet"
    pq.write_table(pa.table({"text": ["hello"]}), broken)
    with pytest.raises(StillwatchError, match=r"cell tiny-none-0000 failed: .*prompts\.parquet"):
        evaluate(tmp_path / "out", changed(wanted, prompts=broken), jobs=1)
    assert not list((tmp_path / "out" / "cells").iterdir())


def test_jobs_must_be_some(wanted: Wanted, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--jobs"):
        evaluate(tmp_path, wanted, jobs=0)


def test_the_command_prints_the_targets(scenario: Path, tmp_path: Path) -> None:
    arguments = ["lab", "evaluate", "--out", str(tmp_path), "--scenario", str(scenario)]
    arguments += ["--seeds", "1", "--null-runs", "0", "--baselines", "none", "--jobs", "1"]
    shown = CliRunner().invoke(app, [*arguments, "--quiet"])
    assert shown.exit_code == 0, shown.output
    assert "Targets" in shown.stdout
    assert "results.html" in shown.stdout
    values = json.loads(CliRunner().invoke(app, [*arguments, "--quiet", "--json"]).stdout)
    targets = {row["target"]: row for row in values["targets"]}
    assert targets["loud hydra"]["measured_on"] == "12 accounts, 1 runs"
    assert targets["pivot to a new model"]["met"] is None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--scenario", "nothing"), "nothing"),
        (("--ablations", "none,air"), "no ablation 'air'"),
        (("--baselines", "oracle"), "no baseline 'oracle'"),
        (("--sweep", "mood"), "no sweep 'mood'"),
    ],
)
def test_wrong_names_are_told(options: tuple[str, ...], named: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["lab", "evaluate", "--out", str(tmp_path / "x"), *options])
    assert done.exit_code in {1, 2}
    assert named in done.stderr
    assert not (tmp_path / "x").exists()
