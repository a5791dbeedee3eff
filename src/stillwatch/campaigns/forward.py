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
from stillwatch.campaigns.coding import among, starts_of
from stillwatch.campaigns.columns import Columns
from stillwatch.campaigns.feeding import FEEDER, Fed
from stillwatch.campaigns.record import RECORD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stillwatch.campaigns.block import Block, Wanted
    from stillwatch.campaigns.candidates import Candidate
    from stillwatch.campaigns.record import Records

Ints = NDArray[np.int64]

_ALL = 2**62

_TYPES = {
    "begins": np.dtype(np.int32),
    "families": np.dtype(np.int32),
    "mining": np.dtype(np.bool_),
    "records": RECORD,
    "account": np.dtype(np.int64),
    "starts": np.dtype(np.int64),
    "frames": np.dtype(np.int64),
}


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

    def inside(self, accounts: Ints) -> tuple[Ints, Ints, Ints]:
        """Account, candidate and number to name, where the account is one of some, sorted."""
        if not len(accounts):
            return self.account[:0], self.candidate[:0], self.each[:0]
        # the accounts of a range lie together in a query for many
        first = np.searchsorted(self.account, accounts[0])
        last = np.searchsorted(self.account, accounts[-1], side="right")
        here = first + np.flatnonzero(among(self.account[first:last], accounts))
        return self.account[here], self.candidate[here], self.each[here]


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
        columns: `begins` and `families` as `counting.families_of`, `mining` (bool) and `records`
            (`campaigns.record.RECORD`) of the requests; and, where they are to be opened again,
            `account`, `starts` and `frames` (`campaigns.block.Block.own_frames`).
    """

    account: Ints
    starts: Ints
    columns: Columns

    @classmethod
    def of(
        cls, block: Block, wanted: Wanted, folder: Path | None, *, lasting: bool = False
    ) -> Forward:
        """Index a range.

        Args:
            block: read whole.
            wanted: families to know the requests of.
            folder: to put it in; None keeps it in memory.
            lasting: whether it is to be opened again.
        """
        begins, families = block.families(wanted)
        columns = Columns.of(
            folder,
            begins=[begins],
            families=[families],
            mining=[block.mining],
            records=block.records(),
            **(_accounts(block) if lasting else {}),
        )
        return cls(block.account, block.starts, columns)

    @classmethod
    def open(cls, folder: Path) -> Forward:
        """What lies in a folder already.

        Raises:
            OSError, ValueError: it does not, or not as it was written.
        """
        columns = Columns.open(folder, _TYPES)
        starts = columns.read("starts")
        account = columns.read("account")
        if len(starts) != len(account) + 1:
            raise ValueError("accounts are missing")
        return cls(account, starts, columns)

    @property
    def frames(self) -> Ints:
        """`campaigns.block.Block.own_frames` of its accounts."""
        return self.columns.read("frames")

    def fed(self, families: int, folder: Path | None, *, lasting: bool = False) -> Fed:
        """Who feeds each of the families.

        Args:
            families: how many there are.
            folder: as in `of`.
            lasting: as in `of`.
        """
        own = (self.columns.read(name) for name in ("begins", "families", "mining"))
        family, account, requests, mined = counting.count_families(self.starts, *own)
        starts, order = counting.by_owner(family, families)
        feeders = np.empty(len(order), FEEDER)
        feeders["account"] = self.account[account[order]]
        feeders["requests"], feeders["mined"] = requests[order], mined[order]
        also = {"fed": [starts]} if lasting else {}
        return Fed(starts, Columns.of(folder, feeders=[feeders], **also))

    def pick(self, query: Query, *, inside: bool, outside: bool) -> Picked:
        """Which requests are the candidates'.

        Args:
            query: what to look for.
            inside: whether to name requests in the streams.
            outside: whether to name what the accounts send besides.
        """
        account, candidate, each = query.inside(self.account)
        cored = starts_of(np.searchsorted(self.account, account), len(self.account))
        nothing = np.zeros(0, np.int64)
        within, without = (nothing, nothing), (nothing, nothing)
        counts = np.zeros((len(account), 2), np.int64)
        if len(account):
            share = len(np.unique(account)) / len(self.account)
            begins, families, mining = (
                self.columns.read(name, share=share) for name in ("begins", "families", "mining")
            )
            asked = (
                self.starts, begins, families, query.listed, query.fed, cored, candidate, each,
                mining,
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

    def records(self, place: Ints) -> Records:
        """Requests that were picked, by their places."""
        return np.take(self._records(place), place)

    def requests(self, place: Ints) -> Ints:
        """Their keys alone."""
        keys: Ints = self._records(place)["request"][place]
        return keys

    def slots(self, place: Ints) -> Ints:
        """Their hours since the epoch alone."""
        slots: Ints = self._records(place)["slot"][place]
        return slots

    def _records(self, place: Ints) -> Records:
        return self.columns.read("records", share=len(place) / max(self.starts[-1], 1))


def _accounts(block: Block) -> dict[str, list[Ints]]:
    return {"account": [block.account], "starts": [block.starts], "frames": [block.own_frames]}
