"""Keys, plans and findings, with a ledger of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from stillwatch.attribution.example import write_example
from stillwatch.attribution.finding import CONSISTENT, NONE, VOID
from stillwatch.attribution.keys import MarkKey
from stillwatch.attribution.observed import read_prompts, write_lines
from stillwatch.attribution.registry import (
    FINDING,
    Marked,
    Plan,
    commit_key,
    committed_mark,
    register,
)
from stillwatch.attribution.testing import run_plan
from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.ledger import Ledger, audit
from stillwatch.evidence.signing import SigningKey

from .conftest import key_of

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.attribution.finding import Finding

KEY = key_of("2026-11")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attribution")
    write_example(folder, KEY, 0.05, seed=0)
    return folder


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger", SigningKey("e.example", b"\x11" * 32))


def plan_of(example: Path, **changed: object) -> Plan:
    mode, asked = read_prompts(example / "prompts.jsonl")
    particulars: dict[str, object] = {
        "mode": mode,
        "keys": (Marked(KEY.mark.parameters, KEY.commitment),),
        "suspects": ("taught", "innocent"),
        "controls": ("control-1", "control-2"),
        "prompts": asked.shown_digest,
        "lines": len(asked.shown),
    }
    return Plan(**(particulars | changed))  # type: ignore[arg-type]


def files(example: Path) -> dict[str, Path]:
    names = ("taught", "innocent", "control-1", "control-2")
    return {name: example / f"{name}.jsonl" for name in names}


def run(ledger: Ledger, plan: Plan, example: Path, **changed: Path) -> Finding:
    return run_plan(ledger, plan, [KEY], example / "prompts.jsonl", files(example) | changed)


def test_the_taught_student_is_found_and_the_innocent_one_is_not(
    ledger: Ledger, example: Path
) -> None:
    commit_key(ledger, KEY)
    plan = plan_of(example)
    register(ledger, plan)
    finding = run(ledger, plan, example)
    taught, innocent, *controls = finding.lines
    assert (taught.model, taught.verdict, taught.e_bh) == ("taught", CONSISTENT, True)
    assert taught.score.p < 1e-5
    assert taught.adjusted == 2 * taught.score.p
    assert {line.verdict for line in (innocent, *controls)} == {NONE}
    assert "consistent with training on answers marked with key" in taught.text
    assert "no proof of innocence" in innocent.text
    assert "indirect distillation" in finding.text
    assert "relay" not in finding.text  # weights are no relay
    entered = [entry for entry in ledger.entries() if entry.kind == FINDING]
    assert entered[0].payload["lines"][0]["hits"] == taught.score.hits
    again = run(ledger, plan, example)
    assert again.earlier == 1
    assert "tested 1 times before" in again.text
    assert not audit(ledger.folder, []).problems


def test_suspects_and_keys_are_corrected_together(ledger: Ledger, example: Path) -> None:
    keys = [KEY, key_of("2026-12")]
    for key in keys:
        commit_key(ledger, key)
    marked = tuple(Marked(key.mark.parameters, key.commitment) for key in keys)
    plan = plan_of(example, keys=marked)
    register(ledger, plan)
    finding = run_plan(ledger, plan, keys, example / "prompts.jsonl", files(example))
    found = {(line.model, line.epoch): line for line in finding.lines}
    assert len(found) == 8
    guilty = found["taught", "2026-11"]
    assert guilty.verdict == CONSISTENT
    assert guilty.adjusted == 4 * guilty.score.p
    assert found["taught", "2026-12"].verdict == NONE


def test_a_control_that_leans_voids_the_test(ledger: Ledger, example: Path) -> None:
    commit_key(ledger, KEY)
    plan = plan_of(example)
    register(ledger, plan)
    finding = run(ledger, plan, example, **{"control-2": example / "taught.jsonl"})
    assert {line.verdict for line in finding.lines} == {VOID}
    assert "control-2 leans towards a key too" in finding.lines[0].text


def test_what_was_not_fixed_before_is_no_test(ledger: Ledger, example: Path) -> None:
    plan = plan_of(example)
    with pytest.raises(UsageError, match="not in the ledger"):
        register(ledger, plan)
    commit_key(ledger, KEY)
    with pytest.raises(InputError, match="plan is not in the ledger"):
        run(ledger, plan, example)
    register(ledger, plan)
    with pytest.raises(InputError, match="plan is not in the ledger"):
        run(ledger, plan_of(example, level=0.01), example)


def test_prompts_cannot_be_chosen_afterwards(ledger: Ledger, example: Path, tmp_path: Path) -> None:
    commit_key(ledger, KEY)
    plan = plan_of(example)
    register(ledger, plan)
    lines = (example / "taught.jsonl").read_bytes().splitlines(keepends=True)
    chosen = tmp_path / "chosen.jsonl"
    chosen.write_bytes(b"".join(lines[:-3]))
    with pytest.raises(InputError, match="3 answers are missing"):
        run(ledger, plan, example, taught=chosen)
    chosen.write_bytes(b"".join([*lines, lines[0]]))
    with pytest.raises(InputError, match="1 were not registered"):
        run(ledger, plan, example, taught=chosen)
    chosen.write_bytes(b"".join(reversed(lines)))
    with pytest.raises(InputError, match="order"):
        run(ledger, plan, example, taught=chosen)
    other = tmp_path / "prompts.jsonl"
    write_lines(other, [{"text": [1, 2, 3]}])
    with pytest.raises(InputError, match="not the prompts"):
        run_plan(ledger, plan, [KEY], other, files(example))


def test_every_model_of_the_plan_is_tested(ledger: Ledger, example: Path) -> None:
    commit_key(ledger, KEY)
    plan = plan_of(example)
    register(ledger, plan)
    given = files(example)
    with pytest.raises(UsageError, match="'taught'; every model"):
        run_plan(
            ledger,
            plan,
            [KEY],
            example / "prompts.jsonl",
            {name: path for name, path in given.items() if name != "taught"},
        )
    with pytest.raises(UsageError, match="'another' is not in the plan"):
        run(ledger, plan, example, another=example / "taught.jsonl")
    stranger = MarkKey(KEY.mark, b"\x00" * 32)
    with pytest.raises(UsageError, match="secret"):
        run_plan(ledger, plan, [stranger], example / "prompts.jsonl", given)


def test_an_epoch_has_one_key(ledger: Ledger) -> None:
    assert commit_key(ledger, KEY) == commit_key(ledger, KEY) == 0
    assert committed_mark(ledger, "2026-11") == KEY.mark
    other = MarkKey.derive(b"\x01" * 32, replace(KEY.mark, bias=1.0))
    with pytest.raises(UsageError, match="has a key with other parameters"):
        commit_key(ledger, other)
    with pytest.raises(UsageError, match="has no key"):
        committed_mark(ledger, "2026-12")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"controls": ()}, "one control"),
        ({"suspects": ()}, "one suspect"),
        ({"suspects": ("control-1",)}, "different names"),
        ({"level": 0.0}, "level"),
        ({"decoys": 99}, "100 decoy"),
        ({"answers": 2}, "once"),
        ({"keys": ()}, "one key"),
        ({"keys": (Marked(KEY.mark.parameters, KEY.commitment),) * 2}, "named once"),
    ],
)
def test_a_plan_that_is_none(example: Path, changed: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan_of(example, **changed)


def test_a_plan_comes_back_from_its_file(example: Path, tmp_path: Path) -> None:
    path, plan = tmp_path / "plan.json", plan_of(example)
    path.write_bytes(plan.data)
    assert Plan.read(path) == plan
    path.write_bytes(plan.data.replace(b'"lines"', b'"rows"'))
    with pytest.raises(InputError):
        Plan.read(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": [1, -2]}', "out of range"),
        ('{"text": "words"}', "--tokenizer"),
        ('{"text": [1], "prompt": [2]}', "alone"),
        ('{"prompt": [1]}', "'text' alone"),
        ("{", "truncated"),
    ],
)
def test_bad_prompts_are_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"text": [1, 2]}\n' + line + "\n")
    with pytest.raises(InputError, match=message) as raised:
        read_prompts(path)
    assert (raised.value.file, raised.value.line) == (str(path), 2)


def test_samples_are_tested_too(ledger: Ledger, tmp_path: Path) -> None:
    commit_key(ledger, KEY)
    rng = np.random.default_rng(0)
    prompts = [rng.integers(128, size=5).tolist() for _ in range(20)]
    asked = tmp_path / "prompts.jsonl"
    write_lines(asked, [{"prompt": prompt} for prompt in prompts])
    given = {}
    for name in ("suspect", "control"):
        given[name] = tmp_path / f"{name}.jsonl"
        write_lines(
            given[name],
            [{"prompt": p, "answer": rng.integers(128, size=30).tolist()} for p in prompts * 2],
        )
    mode, read = read_prompts(asked)
    plan = Plan(
        mode=mode,
        keys=(Marked(KEY.mark.parameters, KEY.commitment),),
        suspects=("suspect",),
        controls=("control",),
        prompts=read.shown_digest,
        lines=20,
        answers=2,
    )
    register(ledger, plan)
    finding = run_plan(ledger, plan, [KEY], asked, given)
    assert [line.verdict for line in finding.lines] == [NONE, NONE]
    assert finding.lines[0].score.windows > 1_000
    assert any("relay" in text for text in finding.alternatives)
