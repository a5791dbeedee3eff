"""A window on one machine, a range of accounts after another, so that memory stays bounded.

Sealed days are sorted by account, so a range is read from all days at once, and what is about each
account on its own is answered inside of it. The keys are read twice: once to see which of them
accounts repeat, and once, with everything else, for the forward index that all later questions are
put to (`campaigns.forward`). What is about many accounts at once (which families do several of them
feed?) is asked of what is left after that.

A small window is one range, and is kept in memory.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.ahead import ahead, with_ahead
from stillwatch.campaigns.block import Block, Hashed, Wanted
from stillwatch.campaigns.candidates import MIN_ACCOUNTS, MIN_CORE_REQUESTS
from stillwatch.campaigns.evidence import MOST_ACCOUNTS, Evidence, Sampled, batches
from stillwatch.campaigns.forward import Forward, Picked, Query
from stillwatch.campaigns.record import RECORD, Records, unpacked
from stillwatch.campaigns.segment import Earlier, Segment
from stillwatch.engine import gathered, held, spill_folder
from stillwatch.signals.families import fed_by_a_group

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import ibis.expr.types as ir

    from stillwatch.campaigns.candidates import Candidate
    from stillwatch.campaigns.stream import Stream
    from stillwatch.progress import Step

Ints = NDArray[np.int64]
Named = tuple[Ints, Ints]
Result = TypeVar("Result")

WHOLE_REQUESTS = 2_000_000
"""Requests up to which a window is kept in memory: about 600 MB."""

RANGE_REQUESTS = 4_000_000
"""Requests of a range of accounts in a larger window: about 1.5 GB while they are sorted."""


@dataclass(frozen=True)
class Ranged(Evidence):
    """The requests of a window.

    Attributes:
        bounds: first accounts of the ranges.
        segments: its requests, indexed.
        folder: where what does not fit into memory lies while it is needed.
    """

    bounds: tuple[int, ...]
    segments: tuple[Segment, ...]
    folder: Path

    @classmethod
    def of(
        cls,
        requests: ir.Table,
        accounts: Ints,
        size: int,
        step: Step,
        *,
        keep: Path | None = None,
    ) -> Ranged:
        """Index a window.

        Args:
            requests: sketches with `slot` and `mining`.
            accounts: all account keys, sorted.
            size: number of requests.
            step: advanced once, bit by bit.
            keep: folder to leave the index in for later scans.
        """
        folder = keep or aside(requests)
        bounds = bounds_of(accounts, size)
        segment = indexed(requests, bounds, size, step, folder, lasting=keep is not None)
        return cls(requests, segment.inverted, bounds, (segment,), folder)

    @cached_property
    def activity(self) -> pa.Table:
        """As `Evidence.activity`."""
        (segment,) = self.segments
        return segment.activity

    def save(self) -> None:
        """Complete the index where it is to be kept."""
        (segment,) = self.segments
        Earlier(segment, segment.inverted.mined).save(self.folder)

    @property
    def ranges(self) -> tuple[Forward, ...]:
        """The forward index of each range."""
        return tuple(one for segment in self.segments for one in segment.ranges)

    def sample(
        self,
        candidates: Sequence[Candidate],
        *,
        each: int,
        most: int | None = None,
        inside: bool = True,
        outside: bool = False,
    ) -> Sampled:
        """As `Evidence.sample`."""
        picked = self._picked(candidates, each, most, inside=inside, outside=outside)
        return Sampled(
            pa.concat_tables(one.counts for one in picked),
            self._taken([one.inside for one in picked], len(candidates)),
            self._taken([one.outside for one in picked], len(candidates)),
        )

    def _picked(
        self,
        candidates: Sequence[Candidate],
        each: int | None,
        most: int | None,
        *,
        inside: bool,
        outside: bool,
    ) -> list[Picked]:
        found: list[Picked] = []
        for segment in self.segments:
            query = Query.of(candidates, segment.wanted, most=most, each=each)
            pick = partial(Forward.pick, query=query, inside=inside, outside=outside)
            found += ahead(pick, segment.ranges)
        return found

    def _taken(self, picked: list[Named], candidates: int) -> Iterator[tuple[Ints, Stream]]:
        """Requests that were picked of each range, a few candidates at a time."""
        named = np.concatenate([candidate for candidate, _ in picked])
        batch = batches(named, np.ones_like(named), candidates)
        last = int(batch.max())
        if last == 0:
            parts = list(ahead(_records, zip(self.ranges, picked, strict=True)))
            yield named, unpacked(np.concatenate(parts))
            return
        with tempfile.TemporaryDirectory(prefix="samples-", dir=self.folder) as folder:
            files = [Path(folder) / str(number) for number in range(last + 1)]
            self._shared_out(picked, batch, files)
            for number, file in enumerate(files):
                records = np.fromfile(file, RECORD)
                file.unlink()
                own = [candidate[batch[candidate] == number] for candidate, _ in picked]
                yield np.concatenate(own), unpacked(records)

    def _shared_out(self, picked: list[Named], batch: Ints, files: list[Path]) -> None:
        """Write requests that were picked into a file of each batch, reading each range once."""
        with ExitStack() as stack:
            opened = [stack.enter_context(file.open("wb")) for file in files]
            chosen = with_ahead(_records, zip(self.ranges, picked, strict=True))
            for (_, (candidate, _)), records in chosen:
                of = batch[candidate]
                order = np.argsort(of, kind="stable")
                ends = np.cumsum(np.bincount(of, minlength=len(files)))
                for file, (start, end) in zip(opened, pairwise([0, *ends]), strict=True):
                    file.write(np.take(records, order[start:end]).view(np.uint8).data)

    def _in_streams(self, candidates: Sequence[Candidate], names: Sequence[str]) -> ir.Table:
        backend = self.requests.get_backend()
        picked = self._picked(candidates, None, None, inside=True, outside=False)

        def rows() -> Iterator[ir.Table]:
            parts = _parts(self.requests, self.bounds)
            for part, forward, one in zip(parts, self.ranges, picked, strict=True):
                candidate, place = one.inside
                keys = {"candidate": candidate, "request_key": forward.requests(place)}
                with held(backend, pa.table(keys)) as these:
                    yield part.select(*names).join(these, "request_key")

        return gathered(backend, rows())


def aside(requests: ir.Table) -> Path:
    """A folder for what does not fit into memory, which goes with the engine's own files."""
    return Path(tempfile.mkdtemp(prefix="ranges-", dir=spill_folder(requests.get_backend())))


def bounds_of(accounts: Ints, size: int) -> tuple[int, ...]:
    """First accounts of ranges of a window, few enough requests each.

    Args:
        accounts: all of the window, sorted.
        size: number of requests.
    """
    several = 1 if size <= WHOLE_REQUESTS else -(-size // RANGE_REQUESTS)
    firsts = accounts[np.arange(1, several) * len(accounts) // several].tolist()
    return (int(accounts[0]), *firsts)


def indexed(
    requests: ir.Table,
    bounds: tuple[int, ...],
    size: int,
    step: Step,
    folder: Path,
    *,
    lasting: bool = False,
    known: pa.Table | None = None,
    frames: Hashed | None = None,
) -> Segment:
    """Index requests, a range of accounts after another.

    Args:
        requests: sketches with `slot` and `mining`.
        bounds: first accounts of the ranges.
        size: number of requests.
        step: advanced once, bit by bit.
        folder: for what does not fit into memory.
        lasting: whether all of it is to lie there, to be opened again.
        known: `kind`, `key` of families to know besides those that groups feed here.
        frames: as in `campaigns.block.Block`.
    """
    backend = requests.get_backend()
    parts = _parts(requests, bounds)
    # a small window is read once and kept
    one = Block.read(requests, whole=True, frames=frames) if size <= WHOLE_REQUESTS else None
    blocks = [one] if one else (Block.read(part, whole=False) for part in parts)
    repeated = partial(Block.repeated, least=MIN_CORE_REQUESTS)
    bit = 0.5 / len(bounds)
    keys = gathered(backend, _shown(ahead(repeated, blocks), step, bit))
    told = fed_by_a_group(keys, least=MIN_ACCOUNTS, most=MOST_ACCOUNTS).to_pyarrow()
    if known is not None:
        told = pa.concat_tables([told, known]).group_by(known.column_names).aggregate([])
    return Segment.of(
        [one] if one else (Block.read(part, whole=True, frames=frames) for part in parts),
        Wanted.of(told),
        folder if lasting or not one else None,
        lasting=lasting,
        told=partial(step.advance, bit),
    )


def _shown(results: Iterable[Result], step: Step, bit: float) -> Iterator[Result]:
    for result in results:
        step.advance(bit)
        yield result


def _records(of: tuple[Forward, Named]) -> Records:
    forward, (_, place) = of
    return forward.records(place)


def _parts(requests: ir.Table, bounds: tuple[int, ...]) -> list[ir.Table]:
    """The requests of one range after another."""
    account = requests.account
    parts = [requests.filter((account >= low) & (account < high)) for low, high in pairwise(bounds)]
    return [*parts, requests.filter(account >= bounds[-1])]
