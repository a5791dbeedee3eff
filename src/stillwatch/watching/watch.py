"""`stillwatch watch`: the loop around following, taking in, scanning and publishing."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from stillwatch.calibration import drift, habits_of, held_against, load_calibration
from stillwatch.declared import load_declared
from stillwatch.errors import InputError
from stillwatch.evidence.registrar import Registrar
from stillwatch.evidence.scans import enter_snapshot
from stillwatch.guard import Policy, load_policy
from stillwatch.ingest import ingest
from stillwatch.population import Population
from stillwatch.priors import load_priors
from stillwatch.progress import Silent
from stillwatch.publishing import snapshot_of, with_step_up
from stillwatch.readers import open_log, read_accounts
from stillwatch.replay.schedule import FIRST, GROWTH, MICROS, Schedule, parse_every
from stillwatch.scanning import LEVEL, detected, folder_of
from stillwatch.since import Index, begin_index, complete_index, head_of
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.standing import Snapshot, load_snapshot, load_step_up, write_snapshot
from stillwatch.store import SketchStore
from stillwatch.watching.follow import Follower

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from stillwatch.calibration import Kept
    from stillwatch.declared import Entry
    from stillwatch.progress import Progress
    from stillwatch.schema import Calibrated
    from stillwatch.standing import Standing

SEED = 0
"""Of the split of the evidence into halves."""

POLL = 2.0
"""Seconds between looks at the folder."""


@dataclass
class Watch:
    """Everything that a watch keeps.

    Attributes:
        out: folder with the sketches, `rejected.jsonl` and `snapshot.json`.
        snapshot: the last one published.
        calibration: that scans are held against.
        calibrated: how the last scan lies to it; None before the first.
        entries: of the list of declared structure.
        hints: of partners, where to look.
        step_up: accounts to ask for verification because of what partners shared.
        registrar: of the ledger that scans are entered into, if there is one.
        keeps_index: whether scans of everything leave an index, and what has grown since is looked
            at whenever no such scan is due.
    """

    follower: Follower
    store: SketchStore
    sketcher: Sketcher
    key: SketchKey
    policy: Policy
    declared: pa.Table | None
    schedule: Schedule
    out: Path
    memory: str
    progress: Progress
    snapshot: Snapshot
    calibration: Kept
    calibrated: Calibrated | None = None
    entries: tuple[Entry, ...] = ()
    hints: pa.Table | None = None
    step_up: tuple[Standing, ...] = ()
    registrar: Registrar | None = None
    keeps_index: bool = False
    _looked_at: int = 0
    _problems: dict[str, str] = field(default_factory=dict)

    def take(self, now: float) -> int:
        """Take in what is new.

        Args:
            now: wall clock, seconds.

        Returns:
            How many files had something new.
        """
        pieces = list(self.follower.pieces(now))
        taken = []
        for piece in pieces:
            path = self.follower.path_of(piece)
            try:
                log = open_log([path], progress=self.progress)
                ingest(log, self.store, self.sketcher, self.out / "rejected.jsonl", append=True)
            except InputError as error:
                # one broken file must not stop the others; it is looked at again when it changes
                self._problems[piece.name] = str(error)
            else:
                self._problems.pop(piece.name, None)
            taken.append(piece)
        if taken:
            self.follower.done(taken)
        return len(taken)

    @property
    def problems(self) -> dict[str, str]:
        """Files that could not be used, and why."""
        return dict(self._problems)

    def scan_if_due(self) -> bool:
        """Scan and publish if the log's own time has come, and enough is new.

        Returns:
            Whether a snapshot was published.
        """
        self.store.seal(memory=self.memory)
        requests, latest = _sealed(self.store)
        moment = self.schedule.reached(latest) if latest else None
        if moment is None or requests == self._looked_at:
            return False
        as_of = datetime.fromtimestamp(latest / 1e6, UTC)
        if self.schedule.wants(requests):
            calibrated = self.publish(as_of)
            self.schedule.scanned = requests
        elif self.keeps_index and requests >= FIRST:
            calibrated = self._publish_grown(as_of)
        else:
            return False
        self._looked_at = requests
        if self.registrar is not None:
            enter_snapshot(self.registrar, self.snapshot, requests, self.policy, calibrated)
        return True

    def _publish_grown(self, as_of: datetime) -> Calibrated:
        """As `publish`, by what has grown; by everything where the index does not fit any more."""
        try:
            index = Index.open(self.out, key=self.key.fingerprint, seed=SEED, fdr=LEVEL)
            return self.publish(as_of, index)
        except InputError:
            return self.publish(as_of)

    def publish(self, as_of: datetime, index: Index | None = None) -> Calibrated:
        """Scan, replace `snapshot.json`, and say how the log lies to calibration.

        Args:
            as_of: time of the latest request.
            index: of an earlier scan, to look only at what has grown since; without it everything
                is looked at.
        """
        keep = begin_index(self.out) if self.keeps_index and index is None else None
        with detected(
            self.store,
            self.sketcher,
            self.declared,
            entries=self.entries,
            hints=self.hints,
            seed=SEED,
            memory=self.memory,
            keep=keep,
            index=index,
            progress=self.progress,
        ) as (requests, found):
            self.snapshot = snapshot_of(
                found.campaigns,
                requests,
                self.declared,
                self.sketcher,
                policy=self.policy,
                as_of=as_of,
                previous=self.snapshot,
                key_fingerprint=self.key.fingerprint,
            )
            if keep is not None:
                whole = Population.of(requests)
                complete_index(keep, self.store, found, whole, seed=SEED, fdr=LEVEL)
            self.calibrated = held_against(self.calibration, habits_of(found.floors), LEVEL)
        self.snapshot = with_step_up(self.snapshot, self.step_up)
        write_snapshot(self.snapshot, self.out / "snapshot.json")
        return self.calibrated


def watch(  # noqa: PLR0913 - one call is the whole interface
    folder: str | Path,
    *,
    out: str | Path,
    accounts: str | Path | None = None,
    declarations: str | Path | None = None,
    priors: str | Path | None = None,
    step_up: str | Path | None = None,
    policy: str | Path | None = None,
    every: str = "1h",
    growth: float = GROWTH,
    once: bool = False,
    consume: bool = False,
    calibration: str | Path | None = None,
    ledger: str | Path | None = None,
    keep_index: bool = False,
    key: SketchKey | None = None,
    memory: str = "4GB",
    progress: Progress | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> Watch:
    """Follow a folder of logs until interrupted.

    Args:
        folder: with the logs, such as the service's `intake`.
        out: folder for sketches, `rejected.jsonl` and `snapshot.json`; a later watch goes on.
        accounts: the account file; read again before every scan.
        declarations: the list of declared structure; read again before every scan.
        priors: `priors.parquet` of `stillwatch share match`; read again before every scan.
        step_up: its `verify.json`; read again before every scan.
        policy: sentences the verdicts.
        every: the shortest event time between scans.
        growth: share by which the log must have grown for another scan.
        once: take in what is there, scan if it is due, and return.
        consume: remove files once they are taken in.
        calibration: file that scans are held against; the packaged one unless given.
        ledger: folder of the ledger that every scan is entered into.
        keep_index: leave an index of each scan in `out`, and look at what has grown since whenever
            `every` has passed and no scan of everything is due.
        key: of the sketches; from the environment or its file where not given.
        memory: most memory the engine may take.
        progress: shows the steps.
        told: hears what happened, in lines.

    Raises:
        UsageError: an argument makes no sense.
        InputError: a file cannot be used.
    """
    where = Path(folder)
    if not where.is_dir():
        raise InputError("there is no such folder to follow", file=str(where))
    result = folder_of(Path(out))
    key = key or SketchKey.load()
    published = result / "snapshot.json"
    watched = Watch(
        store=SketchStore.open(result / "sketches", key.fingerprint),
        follower=Follower(where, result / "following", consume=consume),
        sketcher=Sketcher(key),
        key=key,
        policy=load_policy(Path(policy)) if policy else Policy(),
        declared=None,
        schedule=Schedule(int(parse_every(every) * MICROS), growth),
        out=result,
        memory=memory,
        progress=progress or Silent(),
        snapshot=load_snapshot(published) if published.exists() else Snapshot(sequence=0),
        calibration=load_calibration(Path(calibration) if calibration else None),
        registrar=Registrar.open(Path(ledger)) if ledger else None,
        keeps_index=keep_index,
    )
    _resume(watched)
    begun = True
    while True:
        fresh = watched.take(time.time())
        if fresh:
            told(f"took in {fresh} files")
        # at the beginning, too: a run that was killed may have taken in what it did not scan
        if fresh or begun:
            begun = False
            watched.declared = read_accounts(Path(accounts)).table if accounts else None
            watched.entries = load_declared(Path(declarations)) if declarations else ()
            watched.step_up = load_step_up(Path(step_up)) if step_up else ()
            watched.hints = load_priors(Path(priors), key.fingerprint) if priors else None
            if watched.scan_if_due():
                told(f"published snapshot {watched.snapshot.sequence}: {_standings(watched)}")
                if watched.calibrated is not None and watched.calibrated.outside:
                    told(drift(watched.calibrated))
        if once:
            return watched
        time.sleep(POLL)


def _standings(watched: Watch) -> str:
    snapshot = watched.snapshot
    return f"{len(snapshot.standings)} accounts in {len(snapshot.campaigns)} campaigns"


def _resume(watched: Watch) -> None:
    """Set the schedule to where the last published snapshot left it."""
    schedule, as_of = watched.schedule, watched.snapshot.as_of
    begun = int(as_of.timestamp() * MICROS) if as_of is not None else 1
    schedule.due = (begun // schedule.every + 1) * schedule.every
    if watched.keeps_index:
        with suppress(InputError, ValueError):
            schedule.scanned = head_of(watched.out).population.requests


def _sealed(store: SketchStore) -> tuple[int, int]:
    """Requests in the sealed days, and the latest time of any, in microseconds."""
    requests, latest = 0, 0
    for day in store.days():
        found = pq.ParquetFile(store.path / "days" / f"{day}.parquet")
        requests += found.metadata.num_rows
        column = found.schema_arrow.get_field_index("timestamp")
        for group in range(found.metadata.num_row_groups):
            most = found.metadata.row_group(group).column(column).statistics.max
            latest = max(latest, int(most.timestamp() * 1e6))
    return requests, latest
