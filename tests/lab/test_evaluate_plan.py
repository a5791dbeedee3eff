from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.lab import preset, simulate
from stillwatch.lab.baselines import BASELINES
from stillwatch.lab.evaluate import Wanted, sweeps
from stillwatch.lab.evaluate.ablations import ABLATIONS, REDACTED, replace_texts
from stillwatch.lab.evaluate.plan import NULL, NULL_SEED, WINDOWS, cells, code_digest
from stillwatch.lab.evaluate.sweeps import ADVERSARY, sweep
from stillwatch.lab.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def test_the_default_is_the_published_run() -> None:
    planned = cells(Wanted())
    assert sum(cell.scenario == "demo" for cell in planned) == 20
    nulls = [cell for cell in planned if cell.scenario == NULL]
    assert [cell.seed for cell in nulls] == [NULL_SEED + n for n in range(100)]
    assert all(not cell.baselines for cell in nulls)
    assert all(group.guilt != "campaign" for group in nulls[0].world.built().values())
    assert all(cell.baselines == tuple(BASELINES) for cell in planned if cell.scenario == "demo")


def test_cells_are_seeds_times_worlds_times_ablations() -> None:
    wanted = Wanted(
        scenarios=("small", "demo"),
        seeds=3,
        null_runs=2,
        ablations=tuple(ABLATIONS),
        sweeps=("hours",),
    )
    planned = cells(wanted)
    assert len(planned) == 3 * 2 * len(ABLATIONS) + 3 * 2 + 2
    assert len({cell.name for cell in planned}) == len(planned)
    assert all("/" not in cell.name for cell in planned)
    assert {cell.ablation for cell in planned if cell.baselines} == {"none"}


def test_windows_are_tested_where_there_are_real_prompts(tmp_path: Path) -> None:
    def windows(**fields: Any) -> list[int]:
        wanted = Wanted(prompts=tmp_path, null_runs=0, **fields)
        return [cell.seed for cell in cells(wanted) if cell.scenario == WINDOWS]

    assert windows() == [0, 1, 2]
    assert windows(seeds=1) == [0]
    assert windows(quick=True) == windows(scenarios=(), sweeps=("hours",)) == []
    assert not any(cell.scenario == WINDOWS for cell in cells(Wanted()))


def test_quick_is_small() -> None:
    planned = cells(Wanted(quick=True))
    assert len(planned) == 4
    assert {cell.world.scale for cell in planned} == {0.4}


def test_a_file_is_a_scenario(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[groups.individuals]\naccounts = 5\n")
    (cell,) = cells(Wanted(scenarios=(str(file),), seeds=1, null_runs=0))
    assert (cell.scenario, list(cell.world.groups)) == ("mine", ["individuals"])
    with pytest.raises(UsageError, match="same name"):
        cells(Wanted(scenarios=(str(file), str(file)), seeds=1, null_runs=0))


@pytest.mark.parametrize(
    ("wanted", "error", "named"),
    [
        (Wanted(seeds=-1), UsageError, "--seeds"),
        (Wanted(seeds=0, null_runs=0), UsageError, "nothing to run"),
        (Wanted(ablations=("air",)), UsageError, "'air'.*addresses"),
        (Wanted(baselines=("oracle",)), UsageError, "'oracle'"),
        (Wanted(sweeps=("mood",)), UsageError, "'mood'.*cover"),
        (Wanted(scenarios=("nowhere.toml",)), InputError, "nowhere.toml"),
    ],
)
def test_what_makes_no_sense_is_named(wanted: Wanted, error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        cells(wanted)


def test_the_digest_names_everything_that_an_outcome_depends_on(tmp_path: Path) -> None:
    (cell,) = cells(Wanted(scenarios=("small",), seeds=1, null_runs=0))
    file = tmp_path / "prompts.parquet"
    file.write_bytes(b"1")
    with_file = msgspec.structs.replace(cell, prompts=str(file))
    before = with_file.digest("code")
    file.write_bytes(b"22")
    others = [
        cell.digest("code"),
        cell.digest("other code"),
        msgspec.structs.replace(cell, seed=1).digest("code"),
        msgspec.structs.replace(cell, baselines=()).digest("code"),
        msgspec.structs.replace(cell, world=preset("honest")).digest("code"),
        before,
        with_file.digest("code"),
    ]
    assert len(set(others)) == len(others)
    assert cell.digest("code") == others[0]
    assert code_digest() == code_digest()


@pytest.mark.parametrize("name", sweeps())
def test_every_sweep_turns_one_knob_of_one_adversary(name: str) -> None:
    plan = sweep(name)
    worlds = list(plan.worlds())
    assert [value for value, _ in worlds] == list(plan.values)
    assert len(plan.values) >= 2
    for value, world in worlds:
        built = world.built()
        guilty = [group for group in built if built[group].guilt == "campaign"]
        assert guilty == [ADVERSARY]
        holder = world if plan.knob in Scenario.__struct_fields__ else built[ADVERSARY]
        assert getattr(holder, plan.knob) == value


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_takes_away_what_it_says(name: str, tmp_path: Path) -> None:
    ablation = ABLATIONS[name]
    world = Scenario(
        days=2,
        without=ablation.fields,
        groups={"individuals": {"accounts": 8}, "conversations": {"accounts": 3}},
    )
    made = simulate(world, tmp_path, seed=1)
    full = simulate(msgspec.structs.replace(world, without=()), tmp_path / "full", seed=1)
    rows, known = _rows(made.log), _rows(full.log)
    if ablation.text is None:
        for row, whole in zip(rows, known, strict=True):
            assert row == {k: v for k, v in whole.items() if k not in ablation.fields}
        return
    replace_texts(made.log, ablation.text)
    changed = _rows(made.log)
    assert [row["request_id"] for row in changed] == [row["request_id"] for row in known]
    before, after = _texts(known), _texts(changed)
    assert len(before) == len(after)
    if name == "redacted":
        assert set(after) == {REDACTED}
    else:
        assert len(set(zip(before, after, strict=True))) == len(set(before)) == len(set(after))
        assert not set(before) & set(after)


def _rows(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def _texts(rows: Sequence[dict[str, object]]) -> list[str]:
    found: list[str] = []
    for row in rows:
        found += [str(row[name]) for name in ("prompt", "system_prompt") if row.get(name)]
        messages = row.get("messages") or []
        assert isinstance(messages, list)
        found += [message["content"] for message in messages]
    return found
