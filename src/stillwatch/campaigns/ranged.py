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
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.ahead import ahead
from stillwatch.campaigns.block import Block, Wanted
from stillwatch.campaigns.candidates import MIN_ACCOUNTS, MIN_CORE_REQUESTS, MIN_STREAM
from stillwatch.campaigns.evidence import MOST_ACCOUNTS, Evidence, Sampled, batches
from stillwatch.campaigns.feeding import Feeding, in_parts
from stillwatch.campaigns.forward import Forward, Picked, Query
from stillwatch.engine import gathered, held, spill_folder
from stillwatch.signals.families import fed_by_a_group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import ibis.expr.types as ir

    from stillwatch.campaigns.candidates import Candidate

Ints = NDArray[np.int64]

WHOLE_REQUESTS = 2_000_000
"""Requests up to which a window is kept in memory: about 600 MB."""

RANGE_REQUESTS = 4_000_000
"""Requests of a range of accounts in a larger window: about 1.5 GB while they are sorted."""


@dataclass(frozen=True)
class Ranged(Evidence):
    """The requests of a window.

    Attributes:
        bounds: first accounts of the ranges.
        wanted: the families that are known.
        ranges: the forward index of each.
        folder: where what does not fit into memory lies while it is needed.
    """

    bounds: tuple[int, ...]
    wanted: Wanted
    ranges: tuple[Forward, ...]
    folder: Path

    @classmethod
    def of(cls, requests: ir.Table, accounts: Ints, size: int) -> Ranged:
        """Index a window.

        Args:
            requests: sketches with `slot` and `mining`.
            accounts: all account keys, sorted.
            size: number of requests.
        """
        backend = requests.get_backend()
        # what lies there goes with the engine's own files, when the work is done
        folder = Path(tempfile.mkdtemp(prefix="ranges-", dir=spill_folder(backend)))
        several = 1 if size <= WHOLE_REQUESTS else -(-size // RANGE_REQUESTS)
        firsts = accounts[np.arange(1, several) * len(accounts) // several].tolist()
        bounds = (int(accounts[0]), *firsts)
        parts = _parts(requests, bounds)
        # one range is read once and kept
        one = Block.read(requests, whole=True) if several == 1 else None
        blocks = [one] if one else (Block.read(part, whole=False) for part in parts)
        repeated = partial(Block.repeated, least=MIN_CORE_REQUESTS)
        keys = gathered(backend, ahead(repeated, blocks))
        kept = fed_by_a_group(keys, least=MIN_ACCOUNTS, most=MOST_ACCOUNTS)
        wanted = Wanted.of(kept.to_pyarrow())
        shares = 1 << (several - 1).bit_length()
        ranges: list[Forward] = []

        def fed(numbered: tuple[int, Block]) -> tuple[Forward, pa.Table]:
            number, block = numbered
            file = None if one else folder / f"{number}.arrow"
            forward = Forward.of(block, wanted, file)
            return forward, in_parts(forward.feeders(wanted), shares)

        def feeders() -> Iterator[pa.Table]:
            again = [one] if one else (Block.read(part, whole=True) for part in parts)
            for forward, table in ahead(fed, enumerate(again)):
                ranges.append(forward)
                yield table

        feeding = Feeding(gathered(backend, feeders()), MIN_ACCOUNTS, MIN_STREAM, shares)
        return cls(requests, feeding, bounds, wanted, tuple(ranges), folder)

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
        query = Query.of(candidates, self.wanted, most=most, each=each)
        return list(ahead(lambda f: f.pick(query, inside=inside, outside=outside), self.ranges))

    def _taken(self, picked: list[tuple[Ints, Ints]], candidates: int) -> Iterator[pa.Table]:
        """Requests that were picked of each range, a few candidates at a time."""
        named = np.concatenate([candidate for candidate, _ in picked])
        batch = batches(named, np.ones_like(named), candidates)
        last = int(batch.max())
        if last == 0 or self.ranges[0].in_memory:
            for number in range(last + 1):
                chosen = [batch[candidate] == number for candidate, _ in picked]
                yield pa.concat_tables(
                    forward.take(candidate[some], place[some])
                    for forward, (candidate, place), some in zip(
                        self.ranges, picked, chosen, strict=True
                    )
                )
            return
        with tempfile.TemporaryDirectory(prefix="samples-", dir=self.folder) as folder:
            self._shared_out(picked, batch, Path(folder))
            for number in range(last + 1):
                file = Path(folder) / f"{number}.arrows"
                with pa.memory_map(str(file)) as source:
                    yield pa.ipc.open_stream(source).read_all()
                file.unlink()

    def _shared_out(self, picked: list[tuple[Ints, Ints]], batch: Ints, folder: Path) -> None:
        """Write requests that were picked into a file of each batch, reading each range once."""

        def taken(one: tuple[Forward, tuple[Ints, Ints]]) -> tuple[pa.Table, Ints]:
            forward, (candidate, place) = one
            order = np.argsort(batch[candidate], kind="stable")
            ends = np.cumsum(np.bincount(batch[candidate], minlength=int(batch.max()) + 1))
            return forward.take(candidate[order], place[order]), ends

        writers: list[pa.RecordBatchWriter] = []
        for table, ends in ahead(taken, zip(self.ranges, picked, strict=True)):
            if not writers:
                files = (str(folder / f"{number}.arrows") for number in range(len(ends)))
                writers = [pa.ipc.new_stream(file, table.schema) for file in files]
            for writer, (start, end) in zip(writers, pairwise([0, *ends]), strict=True):
                writer.write_table(table.slice(start, end - start))
        for writer in writers:
            writer.close()

    def _in_streams(self, candidates: Sequence[Candidate], names: Sequence[str]) -> ir.Table:
        backend = self.requests.get_backend()
        picked = self._picked(candidates, None, None, inside=True, outside=False)

        def rows() -> Iterator[ir.Table]:
            parts = _parts(self.requests, self.bounds)
            for part, forward, one in zip(parts, self.ranges, picked, strict=True):
                with held(backend, forward.keys(*one.inside)) as these:
                    yield part.select(*names).join(these, "request_key")

        return gathered(backend, rows())


def _parts(requests: ir.Table, bounds: tuple[int, ...]) -> list[ir.Table]:
    """The requests of one range after another."""
    account = requests.account
    parts = [requests.filter((account >= low) & (account < high)) for low, high in pairwise(bounds)]
    return [*parts, requests.filter(account >= bounds[-1])]
