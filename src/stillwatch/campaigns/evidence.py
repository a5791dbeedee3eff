"""The requests of a window, read a range of accounts at a time, so that memory stays bounded.

Most questions of detection are about each account on its own: what it does in all, which words
recur in its requests, which of its requests belong to a stream. Sealed days are sorted by account,
so those are answered for one range of accounts after another, each read from all days, and put
together. What is about many accounts at once (which families do several of them feed?) is asked of
what is left after that.

A small window is one range, and is kept in the engine's memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import as_tables
from stillwatch.signals.activity import account_activity
from stillwatch.signals.families import (
    TEMPLATES,
    fed_by_a_group,
    fed_by_several,
    fed_repeatedly,
    feeders,
)
from stillwatch.signals.frames import own_frames, with_framed
from stillwatch.signals.halves import with_half
from stillwatch.signals.senders import sent_by_several
from stillwatch.signals.streams import stream_counts, stream_members, stream_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import ibis.expr.types as ir

    from stillwatch.campaigns.candidates import Candidate

Ints = NDArray[np.int64]

RANGE_REQUESTS = 2_000_000
"""Requests of a range of accounts: about 600 MB in the engine, and as much for work on them."""

SAMPLED_REQUESTS = 500_000
"""Sampled requests that are looked at together: about 200 MB."""

MOST_ACCOUNTS = 100_000
"""Accounts that a family may have before it is taken for language: four times the accounts of the
largest campaign on record."""


@dataclass(frozen=True)
class Evidence:
    """The requests of a window.

    Attributes:
        requests: sketches with `slot` and `mining`.
        bounds: first accounts of the ranges, and one more than the last account; empty where all
            is one range, whose requests have `framed` too.
        frames: `own_frames` of each range.
    """

    requests: ir.Table
    bounds: tuple[int, ...] = ()
    frames: tuple[ir.Table, ...] = ()

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
        ranges = -(-size // RANGE_REQUESTS)
        if ranges <= 1:
            return cls(with_framed(halved).cache())
        firsts = accounts[np.arange(1, ranges) * len(accounts) // ranges].tolist()
        cut = cls(halved, (int(accounts[0]), *firsts, int(accounts[-1]) + 1))
        frames = tuple(own_frames(cut._range(*ends)).cache() for ends in pairwise(cut.bounds))
        return replace(cut, frames=frames)

    def activity(self, columns: Sequence[str]) -> pa.Table:
        """`signals.activity` of every account, sorted by account."""
        # of the whole window at once: the columns that are asked for are few
        found = account_activity(self.requests).select(*columns).to_pyarrow()
        return found.sort_by("account")

    def gather(
        self,
        question: Callable[[ir.Table], ir.Table],
        *,
        accounts: Ints | None = None,
        framed: bool = True,
    ) -> pa.Table:
        """Put a question about accounts to one range after another; all answers in one table.

        Args:
            question: what to ask of the requests of a range.
            accounts: sorted; put it to the requests of these only.
            framed: whether the question needs `framed`.
        """
        answers = [question(part).to_pyarrow() for part in self.parts(accounts, framed=framed)]
        return pa.concat_tables(answers)

    def collect(
        self, question: Callable[[ir.Table], ir.Table], *, accounts: Ints | None = None
    ) -> ir.Table:
        """Like `gather`, but the answers stay in the engine, which spills them if need be."""
        if not self.bounds:
            return question(self.requests).cache()
        return self._stored(question(part) for part in self.parts(accounts))

    def parts(self, accounts: Ints | None = None, *, framed: bool = True) -> Iterator[ir.Table]:
        """The ranges one after another, each in the engine's memory while it is worked on.

        Args:
            accounts: only the requests of these, in ranges that have any.
            framed: whether `framed` is needed.
        """
        if not self.bounds:
            yield self.requests
            return
        for i, (low, high) in enumerate(pairwise(self.bounds)):
            part = self._range(low, high)
            if accounts is not None:
                inside = accounts[np.searchsorted(accounts, low) : np.searchsorted(accounts, high)]
                if not len(inside):
                    continue
                part = part.semi_join(ibis.memtable(pa.table({"account": inside})), "account")
            yield (with_framed(part, self.frames[i]) if framed else part).cache()

    def families(self, *, accounts: int, requests: int, mined: int) -> pa.Table:
        """Who feeds the families that several accounts feed: `signals.families.feeders`.

        Args:
            accounts: least accounts of a family.
            requests: least mined requests of a family.
            mined: mined requests of an account that can be in a core.
        """
        if not self.bounds:
            return fed_by_several(
                feeders(self.requests), accounts=accounts, requests=requests
            ).to_pyarrow()
        repeated = self.collect(lambda part: fed_repeatedly(feeders(part), mined))
        kept = fed_by_a_group(repeated, least=accounts, most=MOST_ACCOUNTS).cache()
        told = self._stored(
            feeders(part, kept, kinds=TEMPLATES) for part in self.parts(framed=False)
        )
        wordless = repeated.filter(repeated.kind >= len(TEMPLATES))
        fed = ibis.union(told, wordless, distinct=False)
        return fed_by_several(fed, accounts=accounts, requests=requests).to_pyarrow()

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
        families, cores = map(ibis.memtable, as_tables(candidates))
        few = [replace(c, accounts=c.accounts[:most]) for c in candidates]
        sampled = ibis.memtable(as_tables(few)[1])
        counts = []

        def sample(part: ir.Table) -> ir.Table:
            members = stream_members(part, families, cores).cache()
            counts.append(stream_counts(part, members).to_pyarrow())
            chosen = members.semi_join(sampled, ["candidate", "account"])
            return stream_sample(part, chosen, each)

        everyone = np.unique(np.concatenate([c.accounts for c in candidates]))
        samples = self.collect(sample, accounts=everyone)
        return pa.concat_tables(counts), _by_candidate(samples, len(candidates))

    def senders(self, bodies: Ints, without: Ints) -> Ints:
        """`signals.senders.sent_by_several` over the whole window."""
        return sent_by_several(self.requests, bodies, without)

    def _range(self, low: int, high: int) -> ir.Table:
        account = self.requests.account
        return self.requests.filter((account >= low) & (account < high))

    def _stored(self, answers: Iterator[ir.Table]) -> ir.Table:
        backend = self.requests.get_backend()
        name = ibis.util.gen_name("answers")
        table = None
        for answer in answers:
            if table is None:
                table = backend.create_table(name, answer, temp=True)
            else:
                backend.insert(name, answer)
        return table


def _by_candidate(samples: ir.Table, candidates: int) -> Iterator[pa.Table]:
    """Samples of a few candidates at a time, as many as fit into memory."""
    sizes = samples.group_by("candidate").agg(requests=samples.count()).to_pyarrow()
    size = np.zeros(candidates, np.int64)
    size[sizes.column("candidate").to_numpy()] = sizes.column("requests").to_numpy()
    batch = np.cumsum(size) // SAMPLED_REQUESTS
    for number in np.unique(batch):
        chosen = np.flatnonzero(batch == number)
        first, last = int(chosen[0]), int(chosen[-1])
        rows = samples.filter(samples.candidate.between(first, last))
        yield rows.to_pyarrow()
