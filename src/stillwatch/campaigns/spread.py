"""A window on an engine that spreads its tables over machines: every question is put to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import (
    MIN_ACCOUNTS,
    MIN_CORE_REQUESTS,
    Candidate,
    as_tables,
)
from stillwatch.campaigns.evidence import MOST_ACCOUNTS, Evidence, Sampled, batches
from stillwatch.campaigns.feeding import FedTable
from stillwatch.campaigns.stream import Stream
from stillwatch.signals.families import WORDLESS, fed_by_a_group, feeders
from stillwatch.signals.frames import with_framed
from stillwatch.signals.streams import (
    stream_counts,
    stream_members,
    stream_requests,
    stream_sample,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import ibis.expr.types as ir

Ints = NDArray[np.int64]

_KEYS = ("account", "request_key", "body_key", "mining")


@dataclass(frozen=True)
class Spread(Evidence):
    """The requests of a window, with `framed` as well."""

    @classmethod
    def of(cls, requests: ir.Table) -> Spread:
        """Keep sketches with `slot` and `mining` at hand."""
        framed = with_framed(requests).cache()
        found = feeders(framed).cache()
        apart = found.kind.isin(WORDLESS)
        repeated = found.filter((found.mining_requests >= MIN_CORE_REQUESTS) & ~apart)
        kept = fed_by_a_group(repeated, least=MIN_ACCOUNTS, most=MOST_ACCOUNTS)
        told = found.semi_join(kept, ["kind", "key"])
        fed = ibis.union(told, found.filter(apart), distinct=False).cache()
        return cls(framed, FedTable(fed))

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
        families, cores = map(ibis.memtable, as_tables(candidates))
        first = [Candidate(c.accounts[:most], c.families) for c in candidates]
        some = ibis.memtable(as_tables(first)[1])
        members = stream_members(self.requests, families, cores).cache()
        counts = stream_counts(members).to_pyarrow() if inside else _NOTHING
        within: Iterator[tuple[Ints, Stream]] = iter(())
        without: Iterator[tuple[Ints, Stream]] = iter(())
        if inside:
            these = members.semi_join(some, ["candidate", "account"])
            within = self._collected(these, each, len(candidates))
        if outside:
            sent = self.requests.select(*_KEYS).join(some, "account")
            others = sent.anti_join(members, ["candidate", "request_key"])
            without = self._collected(others, each, len(candidates))
        return Sampled(counts, within, without)

    def _in_streams(self, candidates: Sequence[Candidate], names: Sequence[str]) -> ir.Table:
        members = stream_members(self.requests, *map(ibis.memtable, as_tables(candidates)))
        return stream_requests(self.requests.select(*names), members).cache()

    def _collected(
        self, chosen: ir.Table, each: int, candidates: int
    ) -> Iterator[tuple[Ints, Stream]]:
        """Samples of a few candidates at a time, as many as fit into memory."""
        samples = stream_sample(self.requests, chosen, each).cache()
        sizes = samples.group_by("candidate").agg(requests=samples.count()).to_pyarrow()
        of, size = (sizes.column(name).to_numpy() for name in ("candidate", "requests"))
        batch = batches(of, size, candidates)
        for number in range(int(batch.max()) + 1):
            places = np.flatnonzero(batch == number)
            these = samples.candidate.between(int(places[0]), int(places[-1]))
            table = samples.filter(these).to_pyarrow()
            yield table.column("candidate").to_numpy(), Stream.from_table(table)


_NOTHING = pa.table(
    {name: pa.array([], pa.int64()) for name in ("candidate", "account", "mined", "tested")}
)
