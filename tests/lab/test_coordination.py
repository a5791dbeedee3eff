from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from stillwatch.cli.app import app
from stillwatch.errors import InputError
from stillwatch.lab.coordination import METHODS, compare, read_events, read_labels

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("who", "what", "at")
RING = 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A ring of twenty that stars the same fifteen things within the hour, among 400 strangers."""
    rng = np.random.default_rng(2)
    rows: list[dict[str, Any]] = []
    for thing in range(15):
        moment = 86_400 * 2 * thing
        rows += [
            {"who": f"ring{n}", "what": f"bought{thing}", "at": moment + 30 * n}
            for n in range(RING)
        ]
    for n in range(400):
        for thing in set(rng.integers(0, 300, 4).tolist()):
            at = int(rng.integers(0, 86_400 * 30))
            rows.append({"who": f"p{n}", "what": f"t{thing}", "at": at})
    path = tmp_path / "events.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_every_method_brings_the_ring_together_beyond_chance(file: Path) -> None:
    events = read_events(file, COLUMNS)
    labels = {f"ring{n}": "bought" for n in range(RING)} | {"p1": "real", "absent": "bought"}
    found = {one.method: one for one in compare(events, labels, seed=4)}
    assert set(found) == set(METHODS)
    for one in found.values():
        assert one.labelled["bought"] == (RING, RING)
        assert one.labelled["real"][1] == 1
    assert found["our candidates: several objects"].beyond_chance > 0.9
    assert found["SynchroTrap"].accounts == RING
    assert compare(events, labels, seed=4)[0].by_chance == found[next(iter(METHODS))].by_chance


def test_dealing_anew_keeps_degrees_and_bursts(file: Path) -> None:
    events = read_events(file, COLUMNS)
    dealt = events.redealt(np.random.default_rng(1))
    assert np.array_equal(np.bincount(dealt.account), np.bincount(events.account))
    assert np.array_equal(dealt.thing, events.thing)
    assert np.array_equal(dealt.when, events.when)
    assert not np.array_equal(dealt.account, events.account)


def test_times_come_in_several_forms(tmp_path: Path) -> None:
    moment = datetime(2024, 3, 1, 12, tzinfo=UTC)
    seconds = int(moment.timestamp())
    forms: list[Any] = ["2024-03-01T12:00:00Z", float(seconds), seconds, moment]
    for form in forms:
        pq.write_table(
            pa.table({"who": ["a"], "what": ["b"], "at": [form]}), tmp_path / "t.parquet"
        )
        assert read_events(tmp_path / "t.parquet", COLUMNS).when.tolist() == [seconds]


def test_what_cannot_be_used_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"events\.parquet.*it has who, what, at.*'when'"):
        read_events(file, ("who", "what", "when"))
    with pytest.raises(InputError, match="not a time"):
        read_events(file, ("at", "who", "what"))
    (tmp_path / "none.parquet").write_text("no")
    with pytest.raises(InputError, match="none"):
        read_events(tmp_path / "none.parquet", COLUMNS)
    with pytest.raises(InputError, match=r"lacks a column; it has who, .*\(field 'label'\)"):
        read_labels(file, ("who", "label"))


def test_the_command_says_what_chance_does(file: Path) -> None:
    arguments = ["lab", "coordination", str(file), "--columns", "who,what,at", "--quiet"]
    arguments += ["--labels", str(file), "--label-columns", "who,what"]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "by chance" in shown.stdout
    assert "SynchroTrap" in shown.stdout
    rows = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [row["method"] for row in rows] == list(METHODS)
    wrong = CliRunner().invoke(app, ["lab", "coordination", str(file), "--columns", "who,what"])
    assert wrong.exit_code == 2
    assert "three names" in wrong.stderr
