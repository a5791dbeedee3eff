from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from stillwatch.provenance import bom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = [{"output": "one", "origin": "human"}, {"output": "two", "model": "m"}, {"output": "three"}]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_json_has_the_shares_of_each_source(run: Callable[..., Any], dataset: Path) -> None:
    done = run("provenance", dataset, "--json", "--quiet")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["total"]["verdicts"] == {"original": 1, "generated": 1, "unknown": 1}
    assert found["sources"][0]["models"] == {"m": 1}
    assert found["failures"] == []


@pytest.mark.parametrize(
    ("limits", "code", "told"),
    [
        (("--max-unknown", "0.34"), 0, ""),
        (("--max-unknown", "0.33"), 1, "failed: 1 of 3 rows (33 %) have an unknown origin"),
        (("--max-generated", "0"), 1, "failed: 1 of 3 rows (33 %) are a model's"),
        (("--no-declared", "--max-unknown", "0.99"), 1, "3 of 3 rows (100 %)"),
        (("--max-unknown", "1.01"), 2, "error: --max-unknown is a share between 0 and 1"),
    ],
)
def test_gate_ends_with_an_exit_code_and_a_sentence(
    run: Callable[..., Any], dataset: Path, limits: tuple[str, ...], code: int, told: str
) -> None:
    done = run("provenance", dataset, "--quiet", *limits)
    assert done.exit_code == code
    assert told in done.stderr


def test_missing_extra_is_named_before_any_work(
    run: Callable[..., Any], dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bom, "find_spec", lambda _: None)
    done = run("provenance", dataset, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert done.stderr.endswith("needs an optional part: pip install 'stillwatch[provenance]'\n")
    assert not (tmp_path / "out").exists()


def test_failed_gate_still_leaves_the_report(
    run: Callable[..., Any], dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run("provenance", dataset, "--quiet", "--max-unknown", "0", "--out", out)
    assert done.exit_code == 1
    assert {path.name for path in out.iterdir()} == {
        "bom.json", "manifest.json", "rejected.jsonl", "report.html", "rows.parquet",
    }  # fmt: skip
    assert "Failed." in (out / "report.html").read_text(encoding="utf-8")


def test_selfcheck_prints_json_without_what_operators_could_tune_by(
    run: Callable[..., Any], provider: Path, tmp_path: Path
) -> None:
    done = run("selfcheck", provider / "requests.jsonl", "--json", "--quiet", "--out", tmp_path)
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["accounts"] > 1
    assert not {"told_apart", "subjects", "traits"} & set(found)
    assert (tmp_path / "selfcheck.html").is_file()
