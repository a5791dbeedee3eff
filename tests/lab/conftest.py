from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from stillwatch.lab import Scenario, Simulation, preset, simulate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass
class World:
    """A simulation, read back."""

    files: Simulation
    rows: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    truth: list[dict[str, Any]]
    campaign_of: list[str | None]

    @property
    def harvest(self) -> list[dict[str, Any]]:
        pairs = zip(self.rows, self.campaign_of, strict=True)
        return [row for row, campaign in pairs if campaign]

    @property
    def other(self) -> list[dict[str, Any]]:
        pairs = zip(self.rows, self.campaign_of, strict=True)
        return [row for row, campaign in pairs if not campaign]

    def of_group(self, name: str) -> list[dict[str, Any]]:
        members = {row["account_id"] for row in self.truth if row["group"] == name}
        return [row for row in self.rows if row["account_id"] in members]


def read(files: Simulation) -> World:
    truth_requests = pq.read_table(files.truth_requests).to_pylist()
    rows = [json.loads(line) for line in files.log.read_bytes().splitlines()]
    assert [row["request_id"] for row in rows] == [row["request_id"] for row in truth_requests]
    return World(
        files=files,
        rows=rows,
        accounts=[json.loads(line) for line in files.accounts.read_bytes().splitlines()],
        truth=pq.read_table(files.truth).to_pylist(),
        campaign_of=[row["campaign"] for row in truth_requests],
    )


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> World:
    return read(simulate(preset("small"), tmp_path_factory.mktemp("small"), seed=1))


Run = "Callable[..., World]"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., World]:
    """Simulates one group: `run("careful", seed=3, hours="human")`."""

    def simulated(kind: str, *, seed: int = 1, days: int = 14, **knobs: Any) -> World:
        failures = knobs.pop("failures", 0.0)
        groups = {"group": {"kind": kind, **knobs}}
        scenario = Scenario(days=days, failures=failures, groups=groups)
        return read(simulate(scenario, tmp_path / f"{kind}-{seed}-{len(knobs)}", seed=seed))

    return simulated
