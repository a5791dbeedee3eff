"""The requests of a window, read a range of accounts at a time, so that memory stays bounded.

Most questions of detection are about each account on its own: what it does in all, which words
recur in its requests, which of its requests belong to a stream. Sealed days are sorted by account,
so those are answered for one range of accounts after another, each read from all days, and put
together. What is about many accounts at once (which families do several of them feed?) is asked of
what is left after that. Of a range only the columns that a question needs are read, and the two
questions that concern every request are answered by `campaigns.block`.

A small window is one range, and is kept in memory. A window on an engine that spreads its tables
over machines is not cut, and all questions are put to the engine, which has its own ways to keep
memory bounded.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import TYPE_CHECKING
from weakref import finalize

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.block import WORDLESS_FAMILIES, Block, Cores, Wanted
from stillwatch.campaigns.candidates import Candidate, as_tables
from stillwatch.campaigns.feeding import Feeding, in_parts
from stillwatch.engine import held, spreads
from stillwatch.signals.activity import account_activity
from stillwatch.signals.families import WORDLESS, fed_by_a_group, feeders
from stillwatch.signals.frames import FRAME_KEYS, with_framed
from stillwatch.signals.halves import with_half
from stillwatch.signals.networks import by_network
from stillwatch.signals.senders import sent_by_several
from stillwatch.signals.streams import (
    SAMPLED_COLUMNS,
    stream_counts,
    stream_members,
    stream_requests,
    stream_sample,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    import ibis.expr.types as ir


Ints = NDArray[np.int64]

WHOLE_REQUESTS = 2_000_000
"""Requests up to which a window is kept in the engine's memory: about 600 MB."""

RANGE_REQUESTS = 4_000_000
"""Requests of a range of accounts in a larger window: about 1.5 GB while they are sorted."""

SAMPLED_REQUESTS = 2_000_000
"""Sampled requests that are looked at together: about 600 MB."""

MOST_ACCOUNTS = 100_000
"""Accounts that a family may have before it is taken for language: four times the accounts of the
largest campaign on record."""


ACTIVITY = ("account", "requests", "mining_requests", "first_seen")
"""What is needed of the accounts' activity; the engine leaves the rest uncounted."""

_SAMPLED = tuple(name for name in SAMPLED_COLUMNS if name != "framed")

_ALL = 2**62


@dataclass(frozen=True)
class Evidence:
    """The requests of a window.

    Attributes:
        requests: sketches with `slot` and `mining`; where they are one range, with `framed` too.
        bounds: first accounts of the ranges, and one more than the last account; empty where all
            is one range.
        block: all requests in memory; None where there are several ranges, or the engine spreads.
    """

    requests: ir.Table
    bounds: tuple[int, ...] = ()
    block: Block | None = None

    @classmethod
    def of(cls, requests: ir.Table, seed: int, accounts: Ints, size: int) -> Evidence:
        """Cut a window into ranges.

        Args:
            requests: sealed sketches.
            seed: of the halves.
            accounts: all account keys, sorted.
            size: number of requests.
        """
        halved = with_half(requests, seed)
        if spreads(requests):
            return cls(with_framed(halved).cache())
        if size <= WHOLE_REQUESTS:
            whole = with_framed(halved).cache()
            return cls(whole, block=Block.read(whole, rows=True))
        ranges = -(-size // RANGE_REQUESTS)
        firsts = accounts[np.arange(1, ranges) * len(accounts) // ranges].tolist()
        return cls(halved, (int(accounts[0]), *firsts, int(accounts[-1]) + 1))

    @cached_property
    def activity(self) -> pa.Table:
        """The columns `ACTIVITY` of `signals.activity`, of every account, sorted by account."""
        # of the whole window at once: these columns are few
        found = account_activity(self.requests).select(*ACTIVITY).to_pyarrow()
        return found.sort_by("account")

    def gather(
        self, question: Callable[[ir.Table], ir.Table], accounts: Ints, columns: Collection[str]
    ) -> pa.Table:
        """Put a question about some accounts to one range after another; all answers in one table.

        Args:
            question: what to ask of the requests of these accounts.
            accounts: sorted.
            columns: that it needs; `framed` is there as well.
        """
        parts = self._of(accounts, columns)
        return pa.concat_tables([question(part).to_pyarrow() for part in parts])

    def families(self, *, accounts: int, requests: int, mined: int) -> Feeding:
        """Who feeds the families that several accounts feed.

        Families are those whose keys so many accounts repeat, but no more than `MOST_ACCOUNTS`:
        what more use is language, and no template. So what leaves the engine is bounded by what
        groups repeat, and not by the log.

        Args:
            accounts: least accounts of a family.
            requests: least mined requests of a family.
            mined: mined requests of an account that can be in a core.
        """
        if self._spreads:
            found = feeders(self.requests).cache()
            apart = found.kind.isin(WORDLESS)
            repeated = found.filter((found.mining_requests >= mined) & ~apart)
            kept = fed_by_a_group(repeated, least=accounts, most=MOST_ACCOUNTS)
            told = found.semi_join(kept, ["kind", "key"])
            fed = ibis.union(told, found.filter(apart), distinct=False).cache()
        else:
            wordless: list[pa.Table] = []

            def repeat(block: Block) -> pa.Table:
                wordless.append(block.feeders(WORDLESS_FAMILIES))
                return block.repeated(mined)

            keys = self._stored(repeat(block) for block in self._blocks())
            kept = fed_by_a_group(keys, least=accounts, most=MOST_ACCOUNTS)
            wanted = Wanted.of(kept.to_pyarrow())
            told = (block.feeders(wanted) for block in self._blocks())
            parts = 1 << len(self.bounds).bit_length()
            fed = self._stored(in_parts(part, parts) for part in chain(wordless, told))
            return Feeding(fed, accounts, requests, parts)
        return Feeding(fed, accounts, requests)

    def streams(
        self, candidates: Sequence[Candidate], most: int, each: int
    ) -> tuple[pa.Table, Iterator[pa.Table]]:
        """Counts and samples of the candidates' streams.

        Args:
            candidates: at least one.
            most: accounts of a candidate that are sampled.
            each: requests of an account and half that are sampled.

        Returns:
            `signals.streams.stream_counts`; and `stream_sample`, a few candidates at a time, each
            with all its rows, in the order of the candidates.
        """
        families, cores = as_tables(candidates)
        everyone = np.unique(cores.column("account").to_numpy())
        counts: list[pa.Table] = []
        if self._spreads:
            few = [Candidate(c.accounts[:most], c.families) for c in candidates]
            members = stream_members(self.requests, *map(ibis.memtable, (families, cores))).cache()
            counts.append(stream_counts(members).to_pyarrow())
            these = members.semi_join(ibis.memtable(as_tables(few)[1]), ["candidate", "account"])
            samples = stream_sample(self.requests, these, each).cache()
        else:
            wanted = Wanted.of(families)
            sampled = Cores.of(cores, most, each)

            def chosen(block: Block) -> pa.Table:
                found, rows = block.streams(wanted, sampled)
                counts.append(found)
                return rows

            samples = self._sampled(everyone, chosen)
        return pa.concat_tables(counts), _by_candidate(samples, len(candidates))

    def members(self, candidates: Sequence[Candidate], columns: Collection[str]) -> ir.Table:
        """All requests of the candidates' streams, in the engine, which spills them if need be.

        Args:
            candidates: at least one; of one without families, all that its accounts send.
            columns: of the requests, in the result beside `candidate`.
        """
        families, cores = as_tables(candidates)
        names = ("candidate", *dict.fromkeys(("request_key", *columns)))
        whole = np.array([not candidate.families for candidate in candidates])
        entire = whole[cores.column("candidate").to_numpy()]
        found: list[ir.Table] = []
        if entire.any():
            with held(self.requests.get_backend(), cores.filter(pa.array(entire))) as these:
                found.append(self.requests.join(these, "account").select(*names).cache())
        cores = cores.filter(pa.array(~entire))
        if self._spreads and len(families):
            members = stream_members(self.requests, *map(ibis.memtable, (families, cores)))
            read = self.requests.select(*names[1:])
            found.append(stream_requests(read, members).select(*names).cache())
        elif len(families):
            wanted = Wanted.of(families)
            everyone = np.unique(cores.column("account").to_numpy())
            all_of = Cores.of(cores, len(everyone), _ALL)
            read = self._sampled(everyone, lambda block: block.streams(wanted, all_of)[1], columns)
            found.append(read.select(*names))
        return found[0] if len(found) == 1 else ibis.union(*found, distinct=False)

    def elsewhere(self, candidates: Sequence[Candidate], each: int) -> Iterator[pa.Table]:
        """What the candidates' accounts send outside of its stream, sampled.

        Args:
            candidates: at least one.
            each: requests of an account and half that are sampled.

        Returns:
            As the samples of `streams`.
        """
        families, cores = as_tables(candidates)
        everyone = np.unique(cores.column("account").to_numpy())
        if self._spreads:
            inside = ibis.memtable(cores)
            others = self.requests.semi_join(_table(everyone), "account")
            members = stream_members(others, ibis.memtable(families), inside)
            keys = others.select("account", "request_key", "body_key", "mining")
            outside = keys.join(inside, "account").anti_join(members, ["candidate", "request_key"])
            samples = stream_sample(others, outside, each).cache()
        else:
            wanted = Wanted.of(families)
            sampled = Cores.of(cores, len(everyone), each)
            samples = self._sampled(everyone, lambda block: block.elsewhere(wanted, sampled))
        return _by_candidate(samples, len(candidates))

    def streams_and_elsewhere(
        self, candidates: Sequence[Candidate], most: int, each: int
    ) -> tuple[pa.Table, Iterator[pa.Table], Iterator[pa.Table]]:
        """What `streams` gives, and `elsewhere` of the accounts that are sampled, read at once."""
        sampled = [Candidate(c.accounts[:most], c.families) for c in candidates]
        if not self.bounds:
            counts, inside = self.streams(candidates, most, each)
            return counts, inside, self.elsewhere(sampled, each)
        families, cores = as_tables(candidates)
        wanted = Wanted.of(families)
        within, without = Cores.of(cores, most, each), Cores.of(as_tables(sampled)[1], most, each)
        counted: list[pa.Table] = []

        def chosen(block: Block) -> pa.Table:
            found, rows = block.streams(wanted, within)
            counted.append(found)
            sides = [
                side.append_column("outside", pa.repeat(pa.scalar(outside), len(side)))
                for side, outside in ((rows, False), (block.elsewhere(wanted, without), True))
            ]
            return pa.concat_tables(sides)

        samples = self._sampled(np.unique(cores.column("account").to_numpy()), chosen)
        size = len(candidates)
        return (
            pa.concat_tables(counted),
            _by_candidate(samples.filter(~samples.outside), size),
            _by_candidate(samples.filter(samples.outside), size),
        )

    def networks(self, accounts: Ints) -> pa.Table:
        """`signals.networks.by_network` of some accounts, over the whole window."""
        with held(self.requests.get_backend(), pa.table({"account": accounts})) as some:
            return by_network(self.requests.semi_join(some, "account")).to_pyarrow()

    def senders(self, bodies: Ints, without: Ints) -> Ints:
        """`signals.senders.sent_by_several` over the whole window."""
        return sent_by_several(self.requests, bodies, without)

    def _of(self, accounts: Ints, columns: Collection[str]) -> Iterator[ir.Table]:
        """Some columns of the requests of some accounts, and `framed`, range by range."""
        if not self.bounds:
            yield self.requests.semi_join(_table(accounts), "account")
            return
        read = sorted({"account", *FRAME_KEYS, *columns} - {"framed"})
        for part in self._ranges(accounts):
            yield with_framed(part.select(*read).cache())

    @property
    def _spreads(self) -> bool:
        return not self.bounds and self.block is None

    def _blocks(self) -> Iterator[Block]:
        if self.block is not None:
            yield self.block
        for part in self._ranges():
            yield Block.read(part)

    def _rowed(self, accounts: Ints) -> Iterator[tuple[ir.Table, Block]]:
        """The requests of some accounts, or of more, with the requests' own keys."""
        if self.block is not None:
            yield self.requests, self.block
        for part in self._ranges(accounts):
            yield part, Block.read(part, rows=True)

    def _ranges(self, accounts: Ints | None = None) -> Iterator[ir.Table]:
        """The requests of one range after another; of some accounts only, if these are given."""
        account = self.requests.account
        for low, high in pairwise(self.bounds):
            if accounts is None:
                yield self.requests.filter((account >= low) & (account < high))
                continue
            inside = accounts[np.searchsorted(accounts, low) : np.searchsorted(accounts, high)]
            if len(inside):
                part = self.requests.filter(account.between(int(inside[0]), int(inside[-1])))
                yield part.semi_join(_table(inside), "account")

    def _sampled(
        self,
        accounts: Ints,
        chosen: Callable[[Block], pa.Table],
        columns: Collection[str] = _SAMPLED,
    ) -> ir.Table:
        """Some columns of some accounts' requests.

        Args:
            accounts: sorted.
            chosen: `request_key` and what else is to stand beside the columns, of a block.
            columns: of the requests.
        """
        backend = self.requests.get_backend()

        def rows() -> Iterator[ir.Table]:
            for part, block in self._rowed(accounts):
                read = part.select(*dict.fromkeys(("request_key", *columns)))
                with held(backend, chosen(block)) as these:
                    yield read.join(these, "request_key")

        return self._stored(rows())

    def _stored(self, answers: Iterable[ir.Table | pa.Table]) -> ir.Table:
        """Answers in one table of the engine, which goes when nothing refers to it."""
        backend = self.requests.get_backend()
        name = ibis.util.gen_name("answers")
        table = None
        for answer in answers:
            own = held(backend, answer) if isinstance(answer, pa.Table) else nullcontext(answer)
            with own as expression:
                if table is None:
                    table = backend.create_table(name, expression, temp=True)
                    finalize(table.op(), backend.drop_table, name).atexit = False
                else:
                    backend.insert(name, expression)
        return table


def _table(accounts: Ints) -> ir.Table:
    return ibis.memtable(pa.table({"account": accounts}))


def _by_candidate(samples: ir.Table, candidates: int) -> Iterator[pa.Table]:
    """Samples of a few candidates at a time, as many as fit into memory."""
    sizes = samples.group_by("candidate").agg(requests=samples.count()).to_pyarrow()
    size = np.zeros(candidates, np.int64)
    size[sizes.column("candidate").to_numpy()] = sizes.column("requests").to_numpy()
    batch = np.cumsum(size) // SAMPLED_REQUESTS
    numbers = np.unique(batch)
    if len(numbers) > 1:
        # of rows that come sorted the engine reads those of a batch without looking at the others
        samples = samples.order_by("candidate").cache()
    for number in numbers:
        chosen = np.flatnonzero(batch == number)
        first, last = int(chosen[0]), int(chosen[-1])
        rows = samples.filter(samples.candidate.between(first, last))
        yield rows.to_pyarrow()
