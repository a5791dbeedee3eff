"""The requests of a window, and what detection asks of them.

Most questions are about each account on its own: what it does in all, which words recur in its
requests, which of its requests belong to a stream. How they are answered depends on where the
requests lie: `campaigns.ranged` on one machine, `campaigns.spread` on an engine that spreads its
tables over several.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import as_tables
from stillwatch.engine import held
from stillwatch.signals.activity import account_activity
from stillwatch.signals.networks import by_network
from stillwatch.signals.senders import sent_by_several

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import ibis.expr.types as ir

    from stillwatch.campaigns.candidates import Candidate
    from stillwatch.campaigns.feeding import Feeding
    from stillwatch.campaigns.stream import Stream

Ints = NDArray[np.int64]

MOST_ACCOUNTS = 100_000
"""Accounts that a family may have before it is taken for language: four times the accounts of the
largest campaign on record."""

ACTIVITY = ("account", "requests", "mining_requests", "first_seen")
"""What is needed of the accounts' activity; the engine leaves the rest uncounted."""

SAMPLED_REQUESTS = 2_000_000
"""Sampled requests that are looked at together: about 600 MB."""


@dataclass(frozen=True)
class Sampled:
    """Requests of candidates' accounts.

    Attributes:
        counts: `signals.streams.stream_counts`, of all accounts.
        inside: requests in the streams and the candidate of each, a few candidates at a time, each
            with all its requests, in the order of the candidates.
        outside: the same of what the accounts send besides.
    """

    counts: pa.Table
    inside: Iterator[tuple[Ints, Stream]]
    outside: Iterator[tuple[Ints, Stream]]


@dataclass(frozen=True)
class Evidence(ABC):
    """The requests of a window.

    Attributes:
        requests: sketches with `slot` and `mining`.
        feeding: who feeds the families that several accounts feed. Families are those whose keys
            `MIN_ACCOUNTS` accounts repeat, but no more than `MOST_ACCOUNTS`: what more use is
            language, and no template. So it is bounded by what groups repeat, and not by the log.
    """

    requests: ir.Table
    feeding: Feeding

    @abstractmethod
    def sample(
        self,
        candidates: Sequence[Candidate],
        *,
        each: int,
        most: int | None = None,
        inside: bool = True,
        outside: bool = False,
    ) -> Sampled:
        """Sampled requests of candidates' accounts.

        Args:
            candidates: at least one; all that the accounts of one without families send is outside.
            each: requests of an account, half and side that are sampled.
            most: accounts of a candidate that are sampled, the first ones; all by default.
            inside: whether to count and sample what is in the streams.
            outside: whether to sample what the accounts send besides.
        """

    @abstractmethod
    def _in_streams(self, candidates: Sequence[Candidate], names: Sequence[str]) -> ir.Table:
        """All requests of the candidates' streams, in the engine: `candidate` and other columns."""

    @cached_property
    def activity(self) -> pa.Table:
        """The columns `ACTIVITY` of `signals.activity`, of every account, sorted by account."""
        # of the whole window at once: these columns are few
        found = account_activity(self.requests).select(*ACTIVITY).to_pyarrow()
        return found.sort_by("account")

    def members(self, candidates: Sequence[Candidate], columns: Collection[str]) -> ir.Table:
        """All requests of the candidates' streams, in the engine, which spills them if need be.

        Args:
            candidates: at least one; of one without families, all that its accounts send.
            columns: of the requests, in the result beside `candidate`.
        """
        names = tuple(dict.fromkeys(("request_key", *columns)))
        found: list[ir.Table] = []
        if any(not one.families for one in candidates):
            cores = as_tables(candidates)[1]
            entire = np.array([not one.families for one in candidates])
            entirely = pa.array(entire[cores.column("candidate").to_numpy()])
            with held(self.requests.get_backend(), cores.filter(entirely)) as these:
                every = self.requests.join(these, "account")
                found.append(every.select("candidate", *names).cache())
        if any(one.families for one in candidates):
            found.append(self._in_streams(candidates, names).select("candidate", *names))
        return found[0] if len(found) == 1 else ibis.union(*found, distinct=False)

    def networks(self, accounts: Ints) -> pa.Table:
        """`signals.networks.by_network` of some accounts, over the whole window."""
        with held(self.requests.get_backend(), pa.table({"account": accounts})) as some:
            return by_network(self.requests.semi_join(some, "account")).to_pyarrow()

    def senders(self, bodies: Ints, without: Ints) -> Ints:
        """`signals.senders.sent_by_several` over the whole window."""
        return sent_by_several(self.requests, bodies, without) if len(bodies) else bodies


def batches(candidate: Ints, requests: Ints, candidates: int) -> Ints:
    """Put neighbouring candidates together, as many as fit into memory.

    Args:
        candidate: those of which requests were sampled, each several times or not at all.
        requests: sampled at each of these times.
        candidates: how many there are.

    Returns:
        int64[candidates], the number of the batch of each, from 0.
    """
    size = np.bincount(candidate, requests, candidates).astype(np.int64)
    return np.unique(np.cumsum(size) // SAMPLED_REQUESTS, return_inverse=True)[1].astype(np.int64)
