"""Writes a provider's log with its ground truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.lab.rhythm import Shapes
from stillwatch.lab.rng import Dice
from stillwatch.lab.spool import Line, Spool, open_log, spool
from stillwatch.lab.stage import Role, Stage, World, stamp
from stillwatch.lab.text.corpus import OwnText
from stillwatch.lab.text.real import RealText
from stillwatch.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stillwatch.lab.group import Group
    from stillwatch.lab.rows import Sent
    from stillwatch.lab.scenario import Scenario
    from stillwatch.progress import Progress, Step

TRUTH_ACCOUNTS = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("campaign", pa.string()),
        pa.field("expected", pa.list_(pa.string()), nullable=False),
        pa.field("stream_requests", pa.int64(), nullable=False),
    ]
)
"""`truth.parquet`: a row an account by `account_id`; `stream_requests` counts its harvest."""

TRUTH_REQUESTS = pa.schema(
    [pa.field("request_id", pa.string(), nullable=False), pa.field("campaign", pa.string())]
)
"""`truth_requests.parquet`: one row a request, in the log's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What was written.

    Attributes:
        log, accounts, truth, truth_requests: the files.
        requests: in the log.
        requests_by_group, accounts_by_group: by the group's name in the scenario.
        campaigns: number of true campaigns.
    """

    log: Path
    accounts: Path
    truth: Path
    truth_requests: Path
    requests: int
    requests_by_group: dict[str, int]
    accounts_by_group: dict[str, int]
    campaigns: int


@dataclass(slots=True)
class _Tally:
    roles: list[Role] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    stream: Counter[str] = field(default_factory=Counter)


def simulate(
    scenario: Scenario,
    out: Path,
    *,
    seed: int,
    prompts: Path | None = None,
    arrivals: Path | None = None,
    compress: bool = False,
    progress: Progress | None = None,
) -> Simulation:
    """Write the log, the account file and the truth of a scenario.

    The same arguments give the same bytes.

    Args:
        scenario: who lives in the world.
        out: folder for ``requests.jsonl`` (or ``.jsonl.zst``), ``accounts.jsonl``,
            ``truth.parquet`` and ``truth_requests.parquet``; made if missing.
        seed: of every random choice.
        prompts: Parquet file of real prompts (`source`, `kind`, `prompt`).
        arrivals: Parquet file of real arrival rates (`client`, `t`, `rate`).
        compress: write the log with Zstandard.
        progress: who watches.

    Returns:
        The files and how much is in them.

    Raises:
        InputError: `prompts` or `arrivals` cannot be used.
    """
    watch = progress or Silent()
    root = Dice(seed)
    with watch.step("texts and shapes"):
        world = World(
            start=scenario.start,
            days=scenario.days,
            release=scenario.release.total_seconds(),
            failures=scenario.failures,
            corpus=RealText(prompts, root.child("text"))
            if prompts
            else OwnText(root.child("text")),
            shapes=Shapes.read(arrivals) if arrivals else Shapes(),
        )
    out.mkdir(parents=True, exist_ok=True)
    tally = _Tally()
    hidden = frozenset(scenario.without)
    with spool(out, slice_ms=6 * 3_600_000) as slices:
        played = list(stages(scenario, world, root))
        with watch.step("simulate", total=len(played)) as step:
            for stage, group in played:
                _collect(stage, group.play(stage), slices, tally, hidden)
                step.note(stage.group)
                step.advance()
        files = Simulation(
            log=out / f"requests.jsonl{'.zst' * compress}",
            accounts=out / "accounts.jsonl",
            truth=out / "truth.parquet",
            truth_requests=out / "truth_requests.parquet",
            requests=tally.requests.total(),
            requests_by_group={name: tally.requests[name] for name in scenario.groups},
            accounts_by_group=dict(Counter(role.group for role in tally.roles)),
            campaigns=len({role.campaign for role in tally.roles} - {None}),
        )
        with watch.step("write", total=files.requests) as step:
            _write_requests(slices, files, step)
    _write_accounts(files, tally, hidden)
    return files


def stages(scenario: Scenario, world: World, root: Dice) -> Iterator[tuple[Stage, Group]]:
    """Every copy of every group, with a stage of its own."""
    for name, group in scenario.built().items():
        for copy in range(group.copies):
            label = f"{name}-{copy + 1}" if group.copies > 1 else name
            stage = Stage(
                world=world,
                dice=root.child("group", name, copy),
                group=name,
                guilt=group.guilt,
                campaign=label if group.guilt == "campaign" else None,
            )
            yield stage, group


def _collect(
    stage: Stage, sent: Iterator[Sent], slices: Spool, tally: _Tally, hidden: frozenset[str]
) -> None:
    encoder = msgspec.json.Encoder()
    for number, (at, row, campaign) in enumerate(sent):
        millisecond = int(at * 1000)
        row.request_id = f"req_{stage.dice.token('request', number)}"
        row.timestamp = stamp(stage.world.start, millisecond)
        tally.requests[stage.group] += 1
        if campaign:
            tally.stream[row.account_id] += 1
        _hide(row, hidden)
        slices.add(Line(millisecond, row.request_id, campaign, encoder.encode(row)))
    tally.roles.extend(stage.roles)


def _hide(row: msgspec.Struct, hidden: frozenset[str]) -> None:
    for name in hidden.intersection(row.__struct_fields__):
        setattr(row, name, None)


def _write_requests(slices: Spool, files: Simulation, step: Step) -> None:
    with (
        open_log(files.log) as log,
        pq.ParquetWriter(files.truth_requests, TRUTH_REQUESTS) as truth,
    ):
        for lines in slices.slices():
            log.writelines(line.json + b"\n" for line in lines)
            columns = {
                "request_id": [line.request_id for line in lines],
                "campaign": [line.campaign for line in lines],
            }
            truth.write_table(pa.table(columns, schema=TRUTH_REQUESTS))
            step.advance(len(lines))


def _write_accounts(files: Simulation, tally: _Tally, hidden: frozenset[str]) -> None:
    roles = sorted(tally.roles, key=lambda role: role.account.account_id)
    encoder = msgspec.json.Encoder()
    with files.accounts.open("wb") as file:
        for role in roles:
            _hide(role.account, hidden)
            file.write(encoder.encode(role.account) + b"\n")
    rows = [
        {
            "account_id": role.account.account_id,
            "group": role.group,
            "kind": role.kind,
            "campaign": role.campaign,
            "expected": list(role.expected),
            "stream_requests": tally.stream[role.account.account_id],
        }
        for role in roles
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=TRUTH_ACCOUNTS), files.truth)
