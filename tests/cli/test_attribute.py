"""`stillwatch attribute` from a key to a finding."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ledger and keys of this test alone."""
    monkeypatch.setenv("STILLWATCH_SIGNING_KEY", "11" * 32)
    monkeypatch.setenv("STILLWATCH_MARK_KEY", "22" * 32)
    monkeypatch.setenv("STILLWATCH_NAME", "evidence.example.com")
    monkeypatch.setenv("STILLWATCH_LEDGER", str(tmp_path / "data" / "ledger"))


def done(result: Any) -> str:
    assert result.exit_code == 0, result.stderr
    return str(result.stdout)


def test_the_whole_way(run: Callable[..., Any], tmp_path: Path) -> None:
    example, plan = tmp_path / "example", tmp_path / "plan.json"
    assert "entry 0" in done(run("attribute", "key", "2026-11"))
    done(run("attribute", "example", "2026-11", "--out", example))
    names = ("taught", "innocent", "control-1", "control-2")
    done(
        run(
            *("attribute", "register", example / "prompts.jsonl", "--out", plan),
            *("--epoch", "2026-11", "--suspect", "taught", "--suspect", "innocent"),
            *("--control", "control-1", "--control", "control-2"),
        )
    )
    observed = [part for n in names for part in ("--observed", f"{n}={example / n}.jsonl")]
    finding = tmp_path / "finding.json"
    test = ("attribute", "test", plan, example / "prompts.jsonl", *observed)
    said = done(run(*test, "--out", finding))
    assert "taught: consistent with training on answers marked with key" in said
    assert "innocent: no evidence" in said
    values = json.loads(finding.read_text())
    assert values["lines"][0]["score"]["decoys"] == 100
    assert json.loads(done(run(*test, "--json")))["earlier"] == 1
    kinds = [entry["kind"] for entry in json.loads(done(run("ledger", "show", "--json")))]
    assert kinds.index("mark-key") < kinds.index("attribution-plan")
    assert kinds.index("attribution-plan") < kinds.index("attribution-finding")


def test_canaries_from_lot_to_test(run: Callable[..., Any], tmp_path: Path) -> None:
    canaries, scores = tmp_path / "canaries.jsonl", tmp_path / "scores.jsonl"
    done(run("attribute", "key", "c"))
    done(run("attribute", "canaries", "c", "--out", canaries, "--served", "8", "--unused", "100"))
    lines = [json.loads(line) for line in canaries.read_text().splitlines()]
    scores.write_text(
        "".join(json.dumps({"name": c["name"], "score": float(c["served"])}) + "\n" for c in lines)
    )
    assert json.loads(done(run("attribute", "known", canaries, scores, "--json")))["p"] < 1e-10
    assert "p = " in done(run("attribute", "known", canaries, scores))
    canaries.write_text(canaries.read_text().replace('"served":false', '"served":true', 1))
    refused = run("attribute", "known", canaries, scores)
    assert refused.exit_code == 1
    assert "not in the ledger" in refused.stderr
    assert run("attribute", "known", canaries).exit_code == 2


def test_behaviour(run: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    line = {"prompt": "p", "ours": "yes", "suspect": "yes", "controls": {"c": "no"}}
    path.write_text((json.dumps(line) + "\n") * 30)
    assert json.loads(done(run("attribute", "behaviour", path, "--json")))["p"] < 0.001
    assert "agreement with our answers to 30 prompts" in done(run("attribute", "behaviour", path))


def test_mistakes_are_told(run: Callable[..., Any], tmp_path: Path) -> None:
    for arguments, code, message in (
        (("key", "e", "--scheme", "caesar"), 2, "scheme is one of"),
        (("example", "nobody", "--out", tmp_path / "x"), 2, "has no key"),
        (("canaries", "nobody", "--out", tmp_path / "x"), 2, "has no key"),
    ):
        result = run("attribute", *arguments)
        assert result.exit_code == code
        assert message in result.stderr


@pytest.mark.parametrize("present", ["torch", "transformers", ""])
def test_a_missing_extra_is_named_with_its_command(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, present: str
) -> None:
    def found(name: str) -> object:
        hidden = name in {"torch", "transformers"} and name != present
        return None if hidden else find_spec(name)

    monkeypatch.setattr("stillwatch.attribution.models.find_spec", found)
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"text": [1, 2, 3]}\n')
    result = run("attribute", "read", tmp_path, prompts, "--out", tmp_path / "x")
    assert result.exit_code == 1
    assert result.stderr.strip().endswith("pip install 'stillwatch[attribution]'")
