"""What is to be run: one cell a world, seed and ablation."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import UsageError
from stillwatch.lab import baselines as other
from stillwatch.lab.evaluate import ablations as evidence
from stillwatch.lab.evaluate.sweeps import sweep
from stillwatch.lab.scenario import Scenario, load_scenario, preset, presets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NULL = "honest"
"""Name in results of the worlds without any campaign."""

NULL_SEED = 1000
"""First seed of the null worlds, so that they are not the honest half of the others."""

WINDOWS = "windows"
"""Name in results of the cells that test windows of queries without a world."""

WINDOW_SEEDS, WINDOW_RUNS = 3, 120
"""Such cells, and windows without any of a corpus in each."""

QUICK_SEEDS = 2
QUICK_SCALE = 0.4

_IRRELEVANT = ("cli", "report", "lab/evaluate/", "lab/coordination", "lab/calibrate", "calibration")


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One simulation with one scan of it.

    Attributes:
        scenario: the world's name in results.
        seed: of simulation and scan.
        ablation: evidence taken away.
        world: the scenario.
        baselines: run on the same log.
        knob, value: what was set, for a cell of a sweep.
        prompts, arrivals: files of real prompts and arrival rates; empty for none.
    """

    scenario: str
    seed: int
    ablation: str
    world: Scenario
    baselines: tuple[str, ...] = ()
    knob: str = ""
    value: str = ""
    prompts: str = ""
    arrivals: str = ""

    @property
    def name(self) -> str:
        """Unique within a plan, and fit for a file name."""
        swept = f"-{self.knob}-{self.value}" if self.knob else ""
        return f"{_plain(self.scenario)}{_plain(swept)}-{self.ablation}-{self.seed:04d}"

    def digest(self, code: str) -> str:
        """Names everything that the cell's outcome depends on; `code` is of `code_digest`."""
        files = [(path, *_state(path)) for path in (self.prompts, self.arrivals) if path]
        text = msgspec.json.encode([msgspec.to_builtins(self), files, code], order="sorted")
        return hashlib.blake2b(text, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the caller asks for; see `evaluate`."""

    scenarios: Sequence[str] = ("demo",)
    seeds: int = 20
    null_runs: int = 100
    ablations: Sequence[str] = (evidence.FULL,)
    baselines: Sequence[str] = ("all",)
    sweeps: Sequence[str] = ()
    prompts: Path | None = None
    arrivals: Path | None = None
    quick: bool = False


def cells(wanted: Wanted) -> list[Cell]:
    """All cells, those of low seeds first, so that an interrupted run is a small whole one.

    Raises:
        UsageError: a name or number makes no sense.
        InputError: a scenario's file cannot be read.
    """
    if wanted.seeds < 0 or wanted.null_runs < 0:
        raise UsageError("--seeds and --null-runs cannot be negative")
    seeds = min(wanted.seeds, QUICK_SEEDS) if wanted.quick else wanted.seeds
    nulls = min(wanted.null_runs, QUICK_SEEDS) if wanted.quick else wanted.null_runs
    names = evidence.named(wanted.ablations)
    rivals = other.named(wanted.baselines)
    worlds = [(name, _smaller(_world(name), wanted)) for name in wanted.scenarios]
    found = [
        _cell(wanted, scenario=_title(name), seed=seed, ablation=ablation, world=world)
        for seed in range(seeds)
        for name, world in worlds
        for ablation in names
    ]
    found = [
        msgspec.structs.replace(cell, baselines=rivals) if cell.ablation == evidence.FULL else cell
        for cell in found
    ]
    for seed in range(seeds):
        found += _swept(wanted, seed)
    if wanted.prompts and wanted.scenarios and not wanted.quick:
        found += [
            _cell(wanted, scenario=WINDOWS, seed=seed, ablation=evidence.FULL, world=Scenario())
            for seed in range(min(seeds, WINDOW_SEEDS))
        ]
    null = _smaller(preset(NULL), wanted)
    found += [
        _cell(wanted, scenario=NULL, seed=NULL_SEED + run, ablation=evidence.FULL, world=null)
        for run in range(nulls)
    ]
    doubled = len(found) - len({cell.name for cell in found})
    if doubled:
        raise UsageError("two scenarios have the same name; rename one of the files")
    if not found:
        raise UsageError("nothing to run: no seeds and no null runs")
    return found


def _cell(wanted: Wanted, **fields: Any) -> Cell:
    return Cell(
        prompts=str(wanted.prompts or ""),
        arrivals=str(wanted.arrivals or ""),
        **fields,
    )


def _swept(wanted: Wanted, seed: int) -> Iterator[Cell]:
    for name in wanted.sweeps:
        plan = sweep(name)
        for value, world in plan.worlds():
            yield _cell(
                wanted,
                scenario=f"sweep {name}",
                seed=seed,
                ablation=evidence.FULL,
                world=world,
                knob=plan.knob,
                value=str(value),
            )


def _world(name: str) -> Scenario:
    return preset(name) if name in presets() else load_scenario(Path(name))


def _title(name: str) -> str:
    return name if name in presets() else Path(name).stem


def _smaller(world: Scenario, wanted: Wanted) -> Scenario:
    if not wanted.quick:
        return world
    return msgspec.structs.replace(world, scale=world.scale * QUICK_SCALE)


def _plain(text: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in text)


def _state(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - size and time of the file as it is now
    return status.st_size, status.st_mtime_ns


def code_digest() -> str:
    """Names the code whose change makes a finished cell worthless.

    All modules and tables of the package, but those that only show results.
    """
    root = Path(str(resources.files("stillwatch")))
    total = hashlib.blake2b(digest_size=16)
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.suffix in {".py", ".toml"} and not name.startswith(_IRRELEVANT):
            total.update(name.encode() + b"\0" + path.read_bytes())
    # these of this package decide what is measured
    for name in ("cell.py", "audit.py", "ablations.py"):
        total.update((root / "lab" / "evaluate" / name).read_bytes())
    return total.hexdigest()
