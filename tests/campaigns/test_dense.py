"""A log that is dense in one difficult kind of honest customer, and has no campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from stillwatch.lab.scenario import Scenario
from stillwatch.lab.sketched import simulate_sketches
from stillwatch.scanning import scan
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from pathlib import Path

KEY = SketchKey.from_hex("5c" * 32, source="the test")
LABS = Scenario(
    days=6,
    groups={
        "individuals": {"accounts": 800, "per_day": 6.0},
        "benchmark_labs": {"accounts": 250},
        "batch_labelling": {"accounts": 40, "per_day": 60.0},
    },
)


def test_labs_that_wrap_public_questions_in_words_of_their_own_are_cleared(tmp_path: Path) -> None:
    # compared by whole bodies, as once, they share nothing: four were accused and 36 doubtful
    simulate_sketches(LABS, tmp_path, seed=2, key=KEY)
    found = scan(
        [],
        out=tmp_path / "out",
        sketches=tmp_path / "sketches",
        accounts=tmp_path / "accounts.jsonl",
        key=KEY,
    )
    assert len(found.accounts) > 1000
    assert pc.all(pc.equal(found.accounts.column("verdict"), "clear")).as_py()
    assert not found.findings.campaigns
