from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.schema import ACCOUNT_VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def verdicts(provider: Path, folder: Path, *, accused: str, wronged: int = 0) -> Path:
    """Write the accounts of a scan that accuses one group's accounts and `wronged` individuals."""
    rows = []
    for row in pq.read_table(provider / "truth.parquet").to_pylist():
        guilty = row["group"] == accused
        if row["group"] == "individuals" and wronged:
            guilty, wronged = True, wronged - 1
        rows.append(
            {
                "account_id": row["account_id"],
                "verdict": "distillation" if guilty else "clear",
                "campaign_id": "c1" if guilty else None,
                "requests": 1,
                "coordination_p": None,
                "extraction_p": None,
                "reasons": [],
            }
        )
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, ACCOUNT_VERDICTS), folder / "accounts.parquet")
    return folder


def test_simulation_is_the_same_for_the_same_seed(
    run: Callable[..., Any], provider: Path, tmp_path: Path
) -> None:
    scenario = provider.parent / "scenario.toml"
    done = run("lab", "simulate", "--scenario", scenario, "--out", tmp_path, "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "1 campaigns among them" in done.stdout
    for name in ("requests.jsonl", "accounts.jsonl", "truth.parquet"):
        assert (tmp_path / name).read_bytes() == (provider / name).read_bytes()


def test_compressed_log_has_its_ending(
    run: Callable[..., Any], provider: Path, tmp_path: Path
) -> None:
    scenario = provider.parent / "scenario.toml"
    done = run("lab", "simulate", "--scenario", scenario, "--out", tmp_path, "--compress")
    assert done.exit_code == 0
    assert (tmp_path / "requests.jsonl.zst").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), "--preset (alibaba-2026, backdrop, demo"),
        (("--preset", "demo", "--scenario", "{scenario}"), "either"),
        (("--preset", "nothing"), "no scenario 'nothing'; there are alibaba-2026, backdrop, demo"),
    ],
)
def test_scenario_must_be_named_once(
    run: Callable[..., Any],
    provider: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    named: str,
) -> None:
    given = [option.format(scenario=provider.parent / "scenario.toml") for option in options]
    done = run("lab", "simulate", *given, "--out", tmp_path / "new")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert named in done.stderr
    assert not (tmp_path / "new").exists()


def test_broken_scenario_is_named(run: Callable[..., Any], tmp_path: Path) -> None:
    scenario = tmp_path / "mine.toml"
    scenario.write_text("[groups.individuals]\naccuonts = 3\n")
    done = run("lab", "simulate", "--scenario", scenario, "--out", tmp_path / "new")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {scenario}: ")
    assert "accuonts" in done.stderr


def test_score_counts_what_was_found_and_who_was_wronged(
    run: Callable[..., Any], provider: Path, tmp_path: Path
) -> None:
    results = verdicts(provider, tmp_path / "scan", accused="loud_hydra", wronged=2)
    done = run("lab", "score", provider, results, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    score = json.loads(done.stdout)
    assert score["accused"] == 2
    assert [true["recall"] for true in score["campaigns"]] == [1.0]
    assert {row["group"] for row in score["groups"]} == {"individuals", "popular_app", "loud_hydra"}


def test_score_shows_missed_campaigns_and_bad_rows(
    run: Callable[..., Any], provider: Path, tmp_path: Path
) -> None:
    results = verdicts(provider, tmp_path / "scan", accused="nobody", wronged=1)
    done = run("lab", "score", provider, results)
    assert done.exit_code == 0
    assert "1 true campaigns: 0 found whole, 0 in part, 1 missed" in done.stdout
    assert "1 accounts outside true campaigns accused" in done.stdout
    assert "loud_hydra" in done.stdout
    assert "no true campaign" in done.stdout


def test_score_without_a_result_names_the_file(
    run: Callable[..., Any], provider: Path, tmp_path: Path
) -> None:
    done = run("lab", "score", provider, tmp_path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert str(tmp_path / "accounts.parquet") in done.stderr
