"""A log played in event time through the code that runs online, with scans as it goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

import msgspec

from stillwatch.declared import load_declared
from stillwatch.guard import Guard, Policy, load_policy, profiles_of
from stillwatch.guard.clock import ReplayClock
from stillwatch.progress import Silent
from stillwatch.publishing import sentenced
from stillwatch.readers import open_log, read_accounts
from stillwatch.replay.decisions import DecisionFile
from stillwatch.replay.events import events
from stillwatch.replay.interrupted import identity, working_folder
from stillwatch.replay.play import Play
from stillwatch.replay.rescans import Rescans
from stillwatch.replay.schedule import GROWTH, MICROS, Schedule, parse_every
from stillwatch.scanning import folder_of
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.store import SketchStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stillwatch.progress import Progress
    from stillwatch.replay.play import Reaction
    from stillwatch.replay.tally import Tally
    from stillwatch.standing import Snapshot

__all__ = ["Replay", "replay"]


@dataclass(frozen=True)
class Replay:
    """The outcome of a replay.

    Attributes:
        decisions: the file.
        tally: requests and accounts by action.
        scans: how many were made on the way.
    """

    decisions: Path
    tally: Tally
    scans: int


def replay(  # noqa: PLR0913 - one call is the whole interface
    logs: Sequence[str | Path],
    *,
    out: str | Path,
    accounts: str | Path | None = None,
    declarations: str | Path | None = None,
    policy: str | Path | Policy | None = None,
    every: str = "1h",
    growth: float = GROWTH,
    format: str | None = None,  # noqa: A002 - the contract's name
    key: SketchKey | None = None,
    memory: str = "4GB",
    reacting: Callable[[Guard], Reaction] | None = None,
    snapshot: Snapshot | None = None,
    progress: Progress | None = None,
) -> Replay:
    """Play a log through the guard and write what it decides to `out`/decisions.parquet.

    A replay that was interrupted is repeated with the same arguments: what it read and scanned is
    found in `out`/.replay and not done again, see `interrupted`.

    Args:
        logs: files, folders, globs, or ``-``.
        out: folder for `decisions.parquet` and `rejected.jsonl`.
        accounts: the account file, if there is one.
        declarations: the list of declared structure, if there is one.
        policy: a file or a policy; the built-in one, enforced, if not given.
        every: the shortest time between scans.
        growth: share by which the log must have grown for another scan.
        format: of the log; recognised by content where not given.
        key: of the sketches; from the environment or its file where not given.
        memory: most memory the engine may take.
        reacting: makes somebody who answers to decisions, for the lab.
        snapshot: what is in force, known from the beginning (`publishing.sentenced`); then no
            scans are made on the way.
        progress: shows the steps.

    Raises:
        UsageError: an argument makes no sense.
        InputError: a file cannot be used.
    """
    progress = progress or Silent()
    schedule = Schedule(int(parse_every(every) * MICROS), growth)
    rules = policy if isinstance(policy, Policy) else _policy(policy)
    folder = folder_of(Path(out))
    key = key or SketchKey.load()
    sketcher = Sketcher(key)
    log = open_log([str(source) for source in logs], format=format, progress=progress)
    declared = read_accounts(Path(accounts)).table if accounts else None
    guard = Guard(
        rules,
        sentenced(snapshot, rules) if snapshot is not None else None,
        profiles=profiles_of(declared),
        clock=ReplayClock(),
        sketcher=sketcher,
    )
    work = folder / ".replay"
    # an operator who reacts sends what the log does not hold
    entries = load_declared(Path(declarations)) if declarations else ()
    name = (
        identity(
            log,
            Path(accounts) if accounts else None,
            rules,
            key.fingerprint,
            schedule,
            format,
            entries,
        )
        if reacting is None
        else None
    )
    with (
        working_folder(work, name),
        events(log, sketcher, work, folder / "rejected.jsonl", memory=memory) as played,
        DecisionFile(folder / "decisions.parquet") as decisions,
    ):
        rescans = None
        if snapshot is None:
            found = work / "snapshots"
            found.mkdir(exist_ok=True)
            rmtree(work / "sketches", ignore_errors=True)  # of what was played up to there
            rescans = Rescans(
                SketchStore.open(work / "sketches", key.fingerprint),
                sketcher,
                declared,
                guard,
                schedule,
                entries=entries,
                key_fingerprint=key.fingerprint,
                memory=memory,
                found=found if reacting is None else None,
            )
        reaction = reacting(guard) if reacting is not None else None
        tally = Play(guard, rescans, decisions, sketcher, reaction).run(played, progress)
    return Replay(folder / "decisions.parquet", tally, rescans.scans if rescans else 0)


def _policy(path: str | Path | None) -> Policy:
    if path is not None:
        return load_policy(Path(path))
    return msgspec.structs.replace(Policy(), mode="enforce")
