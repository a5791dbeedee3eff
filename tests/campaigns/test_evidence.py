"""A window taken a range of accounts at a time gives what it gives as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.worlds import HYDRA

from stillwatch.campaigns import evidence, ranged, sampling
from stillwatch.lab.scenario import Scenario
from stillwatch.lab.sketched import simulate_sketches
from stillwatch.scanning import scan
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from pathlib import Path

KEY = SketchKey.from_hex("5c" * 32, source="the test")
WORLD = Scenario(days=6, groups=HYDRA | {"lone_extractor": {}, "agency": {}})


@pytest.mark.parametrize("sampled", [None, 20])
def test_ranges_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampled: int | None
) -> None:
    """Also where ranges hold none of the accounts of a crowd that are sampled."""
    if sampled is not None:
        monkeypatch.setattr(sampling, "CROWD_ACCOUNTS", sampled)
    made = simulate_sketches(WORLD, tmp_path / "world", seed=1, key=KEY)
    few = made.requests // 3
    for name, whole, size in (
        ("whole", 1_000_000, 1_000_000),
        ("one range", few, 1_000_000),
        ("ranges", few, few),
    ):
        monkeypatch.setattr(ranged, "WHOLE_REQUESTS", whole)
        monkeypatch.setattr(ranged, "RANGE_REQUESTS", size)
        # that what was sampled is read in batches, too
        monkeypatch.setattr(evidence, "SAMPLED_REQUESTS", size // 4)
        found = scan(
            sketches=made.sketches, accounts=made.accounts, out=tmp_path / name, key=KEY
        ).findings
        assert {campaign.by_payer for campaign in found.campaigns} == {True, False}
    for name in ("campaigns.json", "accounts.parquet"):
        expected, *others = (
            (tmp_path / part / name).read_bytes() for part in ("whole", "one range", "ranges")
        )
        assert others == [expected] * 2, name
