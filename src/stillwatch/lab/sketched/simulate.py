"""A provider's sketches with their ground truth, written as a store that a scan can read."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.ahead import ahead
from stillwatch.lab.rhythm import Shapes
from stillwatch.lab.rng import Dice
from stillwatch.lab.simulate import TRUTH_ACCOUNTS, stages
from stillwatch.lab.sketched.acts import ITEMS, Act
from stillwatch.lab.sketched.casting import Cast, Pools, cast_of
from stillwatch.lab.sketched.days import DayFiles
from stillwatch.lab.sketched.harvesting import Fleets
from stillwatch.lab.sketched.rendering import Played, Renderer
from stillwatch.lab.stage import World
from stillwatch.lab.text.corpus import OwnText
from stillwatch.progress import Silent
from stillwatch.schema import SKETCHES
from stillwatch.sealed import NAMES, Position, Taken
from stillwatch.sketch import Sketcher
from stillwatch.store import SketchStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from stillwatch.lab.scenario import Scenario
    from stillwatch.lab.stage import Role
    from stillwatch.progress import Progress
    from stillwatch.sketch import SketchKey

BLOCK = 400_000
"""Requests that are made at once: about 120 MB."""

PEOPLE_OF_A_WORLD = 4_000
"""Accounts for which the grammar's 4,000 topics are enough; subjects grow with the customers."""

STICKY = 3_600.0
"""Seconds that a relay keeps a user on one account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketched:
    """What was written.

    Attributes:
        sketches: the store's folder, for `stillwatch scan --sketches`.
        accounts, truth: the account file and `truth.parquet`.
        requests, harvested: requests in all, and of campaigns.
        accounts_by_group: by the group's name in the scenario.
        campaigns: number of true campaigns.
    """

    sketches: Path
    accounts: Path
    truth: Path
    requests: int
    harvested: int
    accounts_by_group: dict[str, int]
    campaigns: int


@dataclass(frozen=True)
class _Everybody:
    """All accounts of a world, in the order of their keys.

    Attributes:
        casts: the copies of all groups.
        keys: int64, sorted.
        cast, number: of each account, its cast and its number in it.
        ranks: of each cast, the place of its accounts among all.
    """

    casts: list[Cast]
    keys: NDArray[np.int64]
    cast: NDArray[np.int32]
    number: NDArray[np.int32]
    ranks: list[NDArray[np.int64]]

    @classmethod
    def of(cls, casts: list[Cast], sketcher: Sketcher) -> _Everybody:
        keys = [
            sketcher.account_keys(
                pa.array([cast.stage.account_id(n) for n in range(cast.size)], pa.string())
            ).to_numpy()
            for cast in casts
        ]
        sizes = [len(k) for k in keys]
        cast = np.repeat(np.arange(len(casts), dtype=np.int32), sizes)
        number = np.concatenate([np.arange(size, dtype=np.int32) for size in sizes])
        flat = np.concatenate(keys)
        order = np.argsort(flat, kind="stable")
        rank = np.empty(len(flat), np.int64)
        rank[order] = np.arange(len(flat))
        bounds = np.cumsum([0, *sizes])
        ranks = [rank[a:b] for a, b in pairwise(bounds)]
        return cls(casts, flat[order], cast[order], number[order], ranks)


def simulate_sketches(
    scenario: Scenario,
    out: Path,
    *,
    seed: int,
    key: SketchKey,
    progress: Progress | None = None,
) -> Sketched:
    """Write the sketches, the account file and the truth of a scenario, without its text.

    The same arguments give the same bytes; memory does not grow with the number of requests.

    Args:
        scenario: who lives in the world.
        out: folder for ``sketches/``, ``accounts.jsonl`` and ``truth.parquet``; made if missing.
        seed: of every random choice.
        key: of the sketches; a scan needs the same one.
        progress: who watches.

    Raises:
        UsageError: the scenario has a kind of group that can only be simulated as text.
        InputError: the folder cannot be written.
    """
    watch = progress or Silent()
    root = Dice(seed)
    world = World(
        start=scenario.start,
        days=scenario.days,
        release=scenario.release.total_seconds(),
        failures=scenario.failures,
        corpus=OwnText(root.child("text")),
        shapes=Shapes(),
    )
    staged = list(stages(scenario, world, root))
    people = sum(group.accounts for _, group in staged)
    worlds = max(1, round(people / PEOPLE_OF_A_WORLD))
    everybody = _Everybody.of([cast_of(*one, worlds) for one in staged], Sketcher(key))
    renderer = Renderer(key, everybody.keys, scenario.start, world.end, worlds)
    out.mkdir(parents=True, exist_ok=True)
    store = SketchStore.open(out / "sketches", key.fingerprint)
    store.clear()
    with (
        watch.step("simulate", total=len(everybody.keys)) as step,
        closing(_Files(out, store, everybody)) as files,
    ):
        for block in _rendered(everybody, renderer):
            files.add(block)
            step.advance(len(block.roles))
        requests = files.finish(columns=_columns(scenario))
    return Sketched(
        sketches=store.path,
        accounts=files.accounts_path,
        truth=files.truth_path,
        requests=requests,
        harvested=files.harvested,
        accounts_by_group=dict(files.by_group),
        campaigns=len({cast.stage.campaign for cast in everybody.casts} - {None}),
    )


def _columns(scenario: Scenario) -> tuple[str, ...]:
    """Optional request columns that the world's log would carry."""
    from stillwatch.taking import OPTIONAL  # noqa: PLC0415 - the contract's list lies there

    return tuple(
        sorted(set(OPTIONAL) - set(scenario.without) - {"completion", "earlier_turns", "context"})
    )


@dataclass(frozen=True)
class _Block:
    """Accounts in the order of their keys, and their requests.

    Attributes:
        first: place of the first account among all.
        roles: the truth about each.
        sketches: in `SKETCHES`.
        stream: int64, harvest requests of each account.
    """

    first: int
    roles: list[Role]
    sketches: pa.Table
    stream: NDArray[np.int64]


def _rendered(everybody: _Everybody, renderer: Renderer) -> Iterator[_Block]:
    """Blocks in order; a few are made at once, and no more than can be written meanwhile."""
    strays, stray_stream = _strays(everybody, renderer)

    def rendered(some: tuple[int, list[Role], list[Act]]) -> _Block:
        first, roles, acts = some
        last = first + len(roles)
        low, high = everybody.keys[first], everybody.keys[last - 1]
        among = strays.filter(
            pc.and_(
                pc.greater_equal(strays.column("account"), int(low)),
                pc.less_equal(strays.column("account"), int(high)),
            )
        )
        return _make(renderer, first, roles, acts, among, stray_stream[first:last])

    return ahead(rendered, _cast(everybody))


def _cast(everybody: _Everybody) -> Iterator[tuple[int, list[Role], list[Act]]]:
    """Accounts in the order of their keys, so many at a time that they fill a block."""
    first, roles, acts, size = 0, [], [], 0
    for rank, (cast, number) in enumerate(
        zip(everybody.cast.tolist(), everybody.number.tolist(), strict=True)
    ):
        role, played = everybody.casts[cast].member(number, rank)
        roles.append(role)
        acts.extend(played)
        size += sum(act.count for act in played)
        if size >= BLOCK:
            yield first, roles, acts
            first, roles, acts, size = rank + 1, [], [], 0
    if roles:
        yield first, roles, acts


def _make(
    renderer: Renderer,
    first: int,
    roles: list[Role],
    acts: list[Act],
    among: pa.Table,
    stray_stream: NDArray[np.int64],
) -> _Block:
    stream = stray_stream.copy()
    tables = [among]
    if acts:
        played = renderer.rows(acts)
        stream += _harvested(played, first, len(roles))
        tables.append(renderer.table(played))
    sketches = pa.concat_tables(tables)
    if len(among):
        order = [("account", "ascending"), ("timestamp", "ascending"), ("request_key", "ascending")]
        sketches = sketches.sort_by(order)
    return _Block(first, roles, sketches, stream)


def _harvested(played: Played, first: int, size: int) -> NDArray[np.int64]:
    """Harvest requests of `size` accounts from `first` on."""
    items = np.array([act.mode == ITEMS for act in played.acts], bool)[played.rows.act]
    return np.bincount(played.rows.account[items] - first, minlength=size)


def _strays(everybody: _Everybody, renderer: Renderer) -> tuple[pa.Table, NDArray[np.int64]]:
    """Requests that move between accounts, made before all others; and the harvest's among them.

    They are few: what a relay's users ask, and what fails on one account of an operator and is
    sent again by another.
    """
    stream = np.zeros(len(everybody.keys), np.int64)
    tables = [SKETCHES.empty_table()]
    for cast, ranks in zip(everybody.casts, everybody.ranks, strict=True):
        if isinstance(cast, Pools):
            played = renderer.rows(cast.users(int(ranks[0])))
            tables.append(renderer.table(_moved(played, ranks)))
        elif isinstance(cast, Fleets) and (acts := cast.retried(ranks)):
            played = renderer.rows(acts)
            stream += _harvested(played, 0, len(stream))
            tables.append(renderer.table(played))
    return pa.concat_tables(tables), stream


def _moved(played: Played, ranks: NDArray[np.int64]) -> Played:
    """A relay's users, each on one account until an hour has passed or a request has failed."""
    rows = played.rows
    order = np.lexsort((rows.at, rows.act))
    act, at, failed = rows.act[order], rows.at[order], rows.status[order] != 200
    moves = np.ones(len(order), bool)
    moves[1:] = (act[1:] != act[:-1]) | (np.diff(at) >= STICKY) | failed[:-1]
    stay = np.cumsum(moves)
    seeds = np.array([one.seed % (1 << 32) for one in played.acts], np.uint64)[act]
    mixed = (seeds * np.uint64(0x9E3779B1) + stay.astype(np.uint64) * np.uint64(0x85EBCA6B)) >> 7
    account = np.empty(len(order), np.int32)
    account[order] = ranks[(mixed % len(ranks)).astype(np.int64)]
    return played._replace(rows=rows._replace(account=account))


class _Files:
    """The files of a simulation while they are written."""

    def __init__(self, out: Path, store: SketchStore, everybody: _Everybody) -> None:
        self.accounts_path, self.truth_path = out / "accounts.jsonl", out / "truth.parquet"
        self.by_group: Counter[str] = Counter()
        self.harvested = self._requests = 0
        self._store, self._everybody = store, everybody
        self._days = DayFiles(store.path / "days")
        self._accounts = self.accounts_path.open("wb")
        self._truth = pq.ParquetWriter(self.truth_path, TRUTH_ACCOUNTS)
        self._names = pq.ParquetWriter(store.path / "names" / "000000.parquet", NAMES)
        self._encoder = msgspec.json.Encoder()

    def add(self, block: _Block) -> None:
        """Write a block."""
        self._days.add(block.sketches)
        self._accounts.writelines(
            self._encoder.encode(role.account) + b"\n" for role in block.roles
        )
        ids = [role.account.account_id for role in block.roles]
        keys = self._everybody.keys[block.first : block.first + len(ids)]
        self._names.write_table(pa.table({"account": keys, "account_id": ids}, schema=NAMES))
        truth = {
            "account_id": ids,
            "group": [role.group for role in block.roles],
            "kind": [role.kind for role in block.roles],
            "campaign": [role.campaign for role in block.roles],
            "expected": [list(role.expected) for role in block.roles],
            "stream_requests": block.stream,
        }
        self._truth.write_table(pa.table(truth, schema=TRUTH_ACCOUNTS))
        self.by_group.update(role.group for role in block.roles)
        self.harvested += int(block.stream.sum())
        self._requests += len(block.sketches)

    def finish(self, columns: tuple[str, ...]) -> int:
        """Complete the store; return its number of requests."""
        self._days.finish()
        self._names.close()
        taken = Taken("000000", (Position("simulated", self._requests, True),), self._requests,
                      0, 0, columns)  # fmt: skip
        self._store.promise(taken)
        return self._requests

    def close(self) -> None:
        """Let go of everything."""
        self._days.close()
        self._names.close()
        self._truth.close()
        self._accounts.close()
