"""A forward index of a range of accounts: which families each request is in.

A request is a few small numbers then, in place of its keys, so that whoever asks which requests are
in a stream touches little, and of the accounts in question only. What tests need of a request lies
beside it, on disk where the window is large, and is read of those that are sampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns import counting
from stillwatch.campaigns.candidates import as_tables
from stillwatch.campaigns.coding import starts_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stillwatch.campaigns.block import Block, Wanted
    from stillwatch.campaigns.candidates import Candidate

Ints = NDArray[np.int64]

FED = pa.schema(
    [("kind", pa.int8())]
    + [(name, pa.int64()) for name in ("key", "account", "requests", "mining_requests")]
)
"""What `signals.families.feeders` gives."""

_FAMILIES = "families"
_ALL = 2**62


@dataclass(frozen=True)
class Query:
    """Candidates whose requests are looked for.

    Attributes:
        listed, fed: the candidates of each family, `fed[listed[f] : listed[f + 1]]`.
        account, candidate: one entry each time that an account is in a candidate, by account.
        each: requests of that account and half to name.
    """

    listed: Ints
    fed: Ints
    account: Ints
    candidate: Ints
    each: Ints

    @classmethod
    def of(
        cls,
        candidates: Sequence[Candidate],
        wanted: Wanted,
        *,
        most: int | None = None,
        each: int | None = None,
    ) -> Query:
        """Look for the requests of some candidates.

        Args:
            candidates: at least one.
            wanted: families, those of the candidates among them.
            most: accounts of a candidate of which requests are named, the first ones; None for all.
            each: requests of an account and half to name; None for all.
        """
        families, cores = as_tables(candidates)
        number = wanted.numbers(families)
        by_family = np.argsort(number, kind="stable")
        account, candidate = (cores.column(n).to_numpy() for n in ("account", "candidate"))
        first = np.searchsorted(candidate, candidate)
        named = np.full(len(candidate), _ALL if each is None else each)
        if most is not None:
            named[np.arange(len(candidate)) - first >= most] = 0
        by_account = np.argsort(account, kind="stable")
        return cls(
            starts_of(number[by_family], len(wanted.kind)),
            families.column("candidate").to_numpy()[by_family],
            account[by_account],
            candidate[by_account],
            named[by_account],
        )


@dataclass(frozen=True)
class Picked:
    """Requests of one range that were looked for.

    Attributes:
        counts: `signals.streams.stream_counts`.
        inside, outside: candidate and place of each named request, in the streams and outside.
    """

    counts: pa.Table
    inside: tuple[Ints, Ints]
    outside: tuple[Ints, Ints]


@dataclass(frozen=True)
class Forward:
    """The requests of some accounts, all that these accounts have, sorted by account.

    Attributes:
        account: distinct, sorted.
        starts: int64[accounts + 1], where each one's requests begin.
        held: `signals.streams.SAMPLED_COLUMNS` and `families` (numbers, int32) of each, or the
            file that they lie in.
    """

    account: Ints
    starts: Ints
    held: pa.Table | Path

    @classmethod
    def of(cls, block: Block, wanted: Wanted, file: Path | None) -> Forward:
        """Index a range.

        Args:
            block: read whole.
            wanted: families to know the requests of.
            file: to put it in; None keeps it in memory.
        """
        table = block.rows().append_column(_FAMILIES, block.families(wanted)).combine_chunks()
        if file is None:
            return cls(block.account, block.starts, table)
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return cls(block.account, block.starts, file)

    def feeders(self, wanted: Wanted) -> pa.Table:
        """`signals.families.feeders` of the families."""
        table = self._opened()
        family, account, requests, mined = counting.count_families(
            self.starts, *_families(table), table.column("mining").to_numpy()
        )
        return pa.table(
            {
                "kind": wanted.kind[family].astype(np.int8),
                "key": wanted.key[family],
                "account": self.account[account],
                "requests": requests,
                "mining_requests": mined,
            },
            schema=FED,
        )

    def pick(self, query: Query, *, inside: bool, outside: bool) -> Picked:
        """Which requests are the candidates'.

        Args:
            query: what to look for.
            inside: whether to name requests in the streams.
            outside: whether to name what the accounts send besides.
        """
        here = np.isin(query.account, self.account)
        account, candidate, each = query.account[here], query.candidate[here], query.each[here]
        cored = starts_of(np.searchsorted(self.account, account), len(self.account))
        nothing = np.zeros(0, np.int64)
        within, without = (nothing, nothing), (nothing, nothing)
        counts = np.zeros((len(account), 2), np.int64)
        if len(account):
            table = self._opened()
            asked = (
                self.starts, *_families(table), query.listed, query.fed, cored, candidate, each,
                table.column("mining").to_numpy(),
            )  # fmt: skip
            if inside:
                counts, *named = counting.stream_rows(*asked)
                within = (named[0], named[1])
            if outside:
                without = counting.other_rows(*asked)
        some = counts.sum(axis=1) > 0
        counted = {
            "candidate": candidate[some],
            "account": account[some],
            "mined": counts[some, 0],
            "tested": counts[some, 1],
        }
        return Picked(pa.table(counted), within, without)

    def take(self, candidate: Ints, place: Ints) -> pa.Table:
        """`candidate` and `signals.streams.SAMPLED_COLUMNS` of requests that were picked.

        Tokens are `campaigns.stream.packed_tokens`.
        """
        table = self._opened().drop_columns(_FAMILIES).take(pa.array(place))
        return table.append_column("candidate", pa.array(candidate))

    def keys(self, candidate: Ints, place: Ints) -> pa.Table:
        """`candidate` and `request_key` of requests that were picked."""
        request = self._opened().column("request_key").to_numpy()[place]
        return pa.table({"candidate": candidate, "request_key": request})

    @property
    def in_memory(self) -> bool:
        """Whether it lies in no file."""
        return isinstance(self.held, pa.Table)

    def _opened(self) -> pa.Table:
        if isinstance(self.held, pa.Table):
            return self.held
        with pa.memory_map(str(self.held)) as file:
            return pa.ipc.open_file(file).read_all()


def _families(table: pa.Table) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Where each request's families begin, and the families."""
    (column,) = table.column(_FAMILIES).chunks
    return column.offsets.to_numpy(), column.values.to_numpy()
