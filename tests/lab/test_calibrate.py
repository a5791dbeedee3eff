"""Results of `lab evaluate` put together to a calibration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tests.lab.outcomes import outcome
from typer.testing import CliRunner

from stillwatch.calibration import Range, load_calibration
from stillwatch.cli.app import app
from stillwatch.errors import InputError
from stillwatch.lab.calibrate import FEWEST, calibrate
from stillwatch.lab.evaluate.outcome import Terms

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.lab.evaluate.outcome import Outcome


def terms(seed: int, code: str = "c") -> Terms:
    habits = {"content": 0.5 + seed / 100, "rhythm": None if seed else 1.25, "conversation": None}
    return Terms(version="1", code=code, fdr=0.01, days=14, habits=habits)


def write(folder: Path, *outcomes: Outcome) -> Path:
    cells = folder / "cells"
    cells.mkdir(parents=True, exist_ok=True)
    for one in outcomes:
        (cells / f"{one.name}-{one.ablation}-{one.knob}.json").write_bytes(msgspec.json.encode(one))
    return folder


def runs(scenario: str, number: int = FEWEST, **fields: Any) -> list[Outcome]:
    return [outcome(seed, scenario=scenario, terms=terms(seed), **fields) for seed in range(number)]


def test_each_scenario_of_each_folder_is_a_kind(tmp_path: Path) -> None:
    nulls = [
        *runs("honest")[1:],
        outcome(0, scenario="honest", terms=terms(0), wronged=2, p=(0.2, 0.003)),
    ]
    ours = write(tmp_path / "ours", *nulls, *runs("demo"))
    found = calibrate([ours, write(tmp_path / "other", *runs("honest"))], name="n", made="m")
    assert [kind.name for kind in found.kinds] == ["other: honest", "ours: demo", "ours: honest"]
    demo, honest = found.kinds[1:]
    assert (demo.campaigns, honest.campaigns) == (True, False)
    assert (demo.logs, demo.innocent, demo.accused, demo.wrong) == (FEWEST, 50 * FEWEST, 0, 0)
    assert (honest.logs, honest.accused, honest.wrong) == (FEWEST, 2, 1)
    assert (honest.tested, honest.least_p) == (FEWEST + 1, 0.003)
    assert honest.habits == {
        "content": Range(low=0.5, high=round(0.5 + (FEWEST - 1) / 100, 6), logs=FEWEST),
        "rhythm": Range(low=1.25, high=1.25, logs=1),
    }
    assert (found.name, found.made, found.code, found.fdr) == ("n", "m", "c", 0.01)


def test_worlds_with_less_evidence_and_sweeps_are_left_out(tmp_path: Path) -> None:
    less = [
        outcome(s, scenario="honest", terms=terms(s), ablation="text", wronged=3) for s in range(3)
    ]
    swept = [
        outcome(s, scenario="honest", terms=terms(s), knob="hours", wronged=3) for s in range(3)
    ]
    (kind,) = calibrate([write(tmp_path, *runs("honest"), *less, *swept)], name="n", made="m").kinds
    assert (kind.logs, kind.accused) == (FEWEST, 0)


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no results"):
        calibrate([tmp_path], name="n", made="m")
    few = write(tmp_path / "few", *runs("honest", FEWEST - 1))
    with pytest.raises(InputError, match=f"few: honest: {FEWEST - 1} logs are too few"):
        calibrate([few], name="n", made="m")
    last = FEWEST - 1
    other = outcome(last, scenario="honest", terms=terms(last, code="other"))
    with pytest.raises(InputError, match="not all judged by the same code"):
        calibrate([write(few, other)], name="n", made="m")
    (few / "cells" / "broken.json").write_text("{")
    with pytest.raises(InputError, match=r"broken\.json"):
        calibrate([few], name="n", made="m")


def test_the_command_writes_what_scans_read(tmp_path: Path) -> None:
    folder, out = write(tmp_path / "ours", *runs("honest")), tmp_path / "calibration.json"
    command = ["lab", "calibrate", str(folder), "--out", str(out), "--name", "our own"]
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 0, ran.output
    assert "ours: honest" in ran.stdout
    assert "0.500 to 0.690" in ran.stdout
    assert load_calibration(out).calibration.name == "our own"
    shown = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert shown["kinds"][0]["logs"] == FEWEST

    lost = CliRunner().invoke(app, [*command[:4], str(tmp_path / "no" / "where"), *command[5:]])
    assert lost.exit_code == 1
    assert "cannot be written" in lost.stderr
