"""`DIR/index/`: what a scan leaves for later ones, which look only at what has grown since.

    index.json           which scan it was; written last, so that half of an index is none
    found.json           its campaigns
    days/*.parquet       the sealed days that it read, as hard links where that is possible
    activity.parquet     totals of every account
    families.parquet     the families that it knew
    questioned.npy       accounts of groups that it had in question
    0/ 1/ ...            the forward index of each range of accounts

It holds what the sketches hold, in another order, and goes when they have to go.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.campaigns.before import Before
from stillwatch.campaigns.grown import Grown
from stillwatch.campaigns.record import RECORD
from stillwatch.campaigns.segment import Earlier
from stillwatch.campaigns.write import Written
from stillwatch.engine import read_parquet
from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.canonical import digest
from stillwatch.judging import code_digest
from stillwatch.place import Place, replace
from stillwatch.population import Population
from stillwatch.schema import SKETCHES, Campaign, Since
from stillwatch.signals.halves import with_half

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

    from stillwatch.campaigns import Detection
    from stillwatch.engine import Backend
    from stillwatch.progress import Step
    from stillwatch.sealed import SealedStore

FOLDER, _HEAD, _FOUND, _QUESTIONED = "index", "index.json", "found.json", "questioned.npy"

_LAYOUT = f"1 {RECORD.itemsize}"
"""Of the files; another version of Stillwatch may write them otherwise."""


class Head(msgspec.Struct, frozen=True):
    """Which scan it was.

    Attributes:
        layout: of the files.
        code: that judged, as `judging.code_digest`.
        key: fingerprint of the sketches' key.
        seed, fdr: of the scan.
        population: the log as it was.
        findings: SHA-256 of its `campaigns.json`; empty where it wrote none.
        found: SHA-256 of the campaigns as they lie here.
        tested: e-values of the groups that it tested.
        days: that it read.
    """

    layout: str
    code: str
    key: str
    seed: int
    fdr: float
    population: Population
    findings: str
    found: str
    tested: tuple[float, ...]
    days: tuple[str, ...]


def begin_index(out: Path) -> Path:
    """Make room for the index of a scan: an empty folder in that of its results."""
    folder = out / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "days").mkdir(parents=True)
    return folder


def complete_index(
    folder: Path,
    store: SealedStore,
    detection: Detection,
    population: Population,
    *,
    seed: int,
    fdr: float,
    findings: str = "",
) -> None:
    """Complete the index of a scan, which has written most of it already.

    Args:
        folder: of `begin_index`.
        store: that was scanned.
        detection: the outcome.
        population: the log as it is.
        seed: of the scan.
        fdr: of the scan.
        findings: SHA-256 of its `campaigns.json`, if it wrote one.
    """
    for name in store.day_files():
        _link(Path(store.place.name) / name, folder / name)
    np.save(folder / _QUESTIONED, detection.trial.court.background.questioned)
    found = msgspec.json.encode(detection.campaigns)
    (folder / _FOUND).write_bytes(found)
    head = Head(
        layout=_LAYOUT,
        code=code_digest(),
        key=store.format().key,
        seed=seed,
        fdr=fdr,
        population=population,
        findings=findings,
        found=digest(found),
        tested=tuple(judged.e for judged in detection.judged),
        days=tuple(store.day_files()),
    )
    replace(folder / _HEAD, msgspec.json.encode(head))


def head_of(out: Path) -> Head:
    """Which scan has left an index among its results.

    Raises:
        InputError: none has.
        ValueError: it says something else; what msgspec raises is one.
    """
    try:
        data = (out / FOLDER / _HEAD).read_bytes()
    except OSError:
        raise InputError(
            "no scan has left an index here: scan everything once, with --keep-index",
            file=str(out),
        ) from None
    return msgspec.json.decode(data, type=Head)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another file system, or one that has no links
        shutil.copy2(source, target)


@dataclass(frozen=True)
class Index:
    """What an earlier scan has left.

    Attributes:
        folder: where it lies.
        head: which scan it was.
        campaigns: that it found.
        questioned: accounts of groups that it had in question, sorted.
        earlier: what it has read.
    """

    folder: Path
    head: Head
    campaigns: tuple[Campaign, ...]
    questioned: NDArray[np.int64]
    earlier: Earlier

    @classmethod
    def open(cls, out: Path, *, key: str, seed: int, fdr: float) -> Index:
        """Open the index of a scan.

        Args:
            out: folder of its results.
            key: fingerprint of the key of the sketches that are scanned now.
            seed: of this scan.
            fdr: of this scan.

        Raises:
            InputError: there is none, it is damaged, of another version or of other sketches.
            UsageError: this scan is told otherwise than that one.
        """
        folder = out / FOLDER
        try:
            head = head_of(out)
            if (head.layout, head.code) != (_LAYOUT, code_digest()):
                raise ValueError("another version of Stillwatch has judged that scan")
            found = (folder / _FOUND).read_bytes()
            if digest(found) != head.found:
                raise ValueError("its campaigns are not those that were found")
            campaigns = msgspec.json.decode(found, type=tuple[Campaign, ...])
            questioned = np.load(folder / _QUESTIONED, allow_pickle=False)
            earlier = Earlier.open(folder)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"this index cannot be used ({error}): scan everything again, with --keep-index",
                file=str(folder),
            ) from error
        if head.key != key:
            raise InputError("this index is of sketches of another key", file=str(folder))
        if (head.seed, head.fdr) != (seed, fdr):
            raise UsageError(
                f"the scan that left the index had --seed {head.seed} and --fdr {head.fdr}: what "
                "it found stands beside what is found now, so both have to be the same"
            )
        return cls(folder, head, campaigns, questioned, earlier)

    def evidence(
        self, requests: ir.Table, store: SealedStore, backend: Backend, step: Step
    ) -> Grown:
        """Index what has come since.

        Args:
            requests: sketches with `slot` and `mining`, all of the store.
            store: that is scanned.
            backend: of the requests.
            step: advanced once, bit by bit.

        Raises:
            InputError: nothing has come, or something has gone.
        """
        new = with_half(self._new(store, backend), self.head.seed)
        return Grown.since(requests, new, self.earlier, step)

    def before(self, evidence: Grown, names: pa.Table) -> Before:
        """What it found, for detection.

        Args:
            evidence: of the scan that looks at what has grown.
            names: of the store.
        """
        ids = names.column("account_id").combine_chunks()
        members = [member.account_id for one in self.campaigns for member in one.members]
        places = pc.index_in(pa.array(members, ids.type), value_set=ids)
        if places.null_count:
            raise InputError("the index is of other accounts", file=str(self.folder))
        keys = iter(names.column("account").to_numpy()[places.to_numpy()].tolist())
        found = (Written(one, tuple(islice(keys, len(one.members))), ()) for one in self.campaigns)
        return Before(self.head.tested, self.questioned, evidence.settled, tuple(found))

    def cited(self, detection: Detection) -> Since:
        """What the summary of the later scan says of the earlier one."""
        return Since(
            findings=self.head.findings,
            requests=self.head.population.requests,
            last_seen=self.head.population.last_seen,
            standing=tuple(sorted(detection.standing)),
        )

    def population(self, store: SealedStore, requests: ir.Table) -> Population:
        """The log as it is now, of which only days are counted that have changed.

        Args:
            store: that is scanned.
            requests: of the store, by whose engine they are counted.
        """
        changed = [day for day in store.day_files() if not self._unchanged(store, day)]
        backend = requests.get_backend()
        days = read_parquet(backend, store.place, changed, SKETCHES, "changed")
        return self.head.population.renewed(Population.of(days))

    def _unchanged(self, store: SealedStore, day: str) -> bool:
        now = Path(store.place.name) / day
        return day in self.head.days and now.samefile(self.folder / day)

    def _new(self, store: SealedStore, backend: Backend) -> ir.Table:
        days = list(store.day_files())
        if gone := [day for day in self.head.days if day not in days]:
            more = f" and {len(gone) - 1} days more" if len(gone) > 1 else ""
            raise self._gone(f"{gone[0]}{more}")
        parts = []
        fresh = [day for day in days if day not in self.head.days]
        if fresh:
            parts.append(read_parquet(backend, store.place, fresh, SKETCHES, "fresh"))
        then = Place.of(self.folder)
        for number, day in enumerate(self.head.days):
            if self._unchanged(store, day):
                continue
            now = read_parquet(backend, store.place, [day], SKETCHES, f"day_{number}")
            was = read_parquet(backend, then, [day], SKETCHES, f"day_{number}_then")
            if was.anti_join(now, "request_key").count().to_pyarrow().as_py():
                raise self._gone(f"requests of {day}")
            parts.append(now.anti_join(was, "request_key"))
        new = ibis.union(*parts, distinct=False) if len(parts) > 1 else next(iter(parts), None)
        if new is None or not new.count().to_pyarrow().as_py():
            last = self.head.population.last_seen
            raise InputError(
                f"nothing has come since the scan up to {last}: its results stand",
                file=str(self.folder.parent),
            )
        return new

    def _gone(self, what: str) -> InputError:
        return InputError(
            f"sketches that the scan looked at are not there ({what}): scan into the folder that "
            "has them, or everything again, with --keep-index",
            file=str(self.folder),
        )
