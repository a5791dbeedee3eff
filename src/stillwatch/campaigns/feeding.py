"""Who feeds which prompt family: kept out of memory, because it grows with the log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import (
    MIN_ACCOUNTS,
    MIN_STREAM,
    Family,
    core_families,
    size_order,
    with_cores,
)
from stillwatch.campaigns.columns import Columns
from stillwatch.engine import held
from stillwatch.signals.families import WORDLESS, fed_by_several

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    import ibis.expr.types as ir

    from stillwatch.campaigns.block import Wanted

Ints = NDArray[np.int64]

MAX_FAMILIES = 100_000
"""Families that are grouped, those with the most requests in their cores first; the bound on that
work. At 13 million requests there were 86,000, and the 4,000 largest candidates had 99 of 100 of
theirs among the first 21,000."""

FEEDERS = 8_000_000
"""Feeders of families that are looked at together: about 400 MB."""

FEEDER = np.dtype([("account", np.int64), ("requests", np.int32), ("mined", np.int32)])
"""An account that feeds a family."""


class Feeding(ABC):
    """Who feeds the families that several accounts feed."""

    @abstractmethod
    def families(self) -> list[Family]:
        """Families with a core, as `core_families` orders them; of those with words the largest."""

    @abstractmethod
    def of(self, families: Collection[tuple[int, int]]) -> pa.Table:
        """Who feeds some families, given by kind and key: `signals.families.feeders`."""


@dataclass(frozen=True)
class FedTable(Feeding):
    """`signals.families.feeders`, in an engine that spreads its tables over machines."""

    table: ir.Table

    def families(self) -> list[Family]:
        """As `Feeding.families`."""
        several = fed_by_several(self.table, accounts=MIN_ACCOUNTS, requests=MIN_STREAM)
        return largest([core_families(several.to_pyarrow())])

    def of(self, families: Collection[tuple[int, int]]) -> pa.Table:
        """As `Feeding.of`."""
        with held(self.table.get_backend(), _named(families)) as some:
            return self.table.semi_join(some, ["kind", "key"]).to_pyarrow()


@dataclass(frozen=True)
class Fed:
    """Who of the accounts of a range feeds each family.

    Attributes:
        starts: int64[families + 1], where each family's feeders begin.
        columns: `feeders`, that is `FEEDER` by family, then by account; and `starts` as `fed` where
            they are to be opened again.
    """

    starts: Ints
    columns: Columns

    @classmethod
    def open(cls, folder: Path) -> Fed:
        """What lies in a folder already.

        Raises:
            OSError, ValueError: it does not, or not as it was written.
        """
        columns = Columns.open(folder, {"feeders": FEEDER, "fed": np.dtype(np.int64)})
        return cls(columns.read("fed"), columns)

    def of(self, numbers: Ints) -> tuple[Ints, NDArray[Any]]:
        """How many feed each of some families, given by rising numbers, and the feeders."""
        begins = self.starts[numbers]
        sizes = self.starts[numbers + 1] - begins
        skipped = begins - (np.cumsum(sizes) - sizes)
        rows = np.repeat(skipped, sizes) + np.arange(sizes.sum())
        return sizes, np.take(
            self.columns.read("feeders", share=len(rows) / max(self.starts[-1], 1)), rows
        )


@dataclass(frozen=True)
class Inverted(Feeding):
    """An inverted index: the feeders of each family, by ranges of accounts.

    Attributes:
        wanted: the families.
        ranges: in the order of their accounts.
    """

    wanted: Wanted
    ranges: tuple[Fed, ...]

    @property
    def sizes(self) -> Ints:
        """How many feed each family."""
        found: Ints = np.sum([np.diff(one.starts) for one in self.ranges], axis=0)
        return found

    @property
    def mined(self) -> Ints:
        """Mined requests of each family."""
        found = np.zeros(len(self.wanted.kind), np.int64)
        for one in self.ranges:
            some = np.flatnonzero(np.diff(one.starts))
            if len(some):
                mined = one.columns.read("feeders")["mined"].astype(np.int64)
                found[some] += np.add.reduceat(mined, one.starts[some])
        return found

    def families(self) -> list[Family]:
        """As `Feeding.families`."""
        return self.cored(np.arange(len(self.wanted.kind)), self.sizes)

    def cored(self, numbers: Ints, sizes: Ints) -> list[Family]:
        """As `Feeding.families`, of some families.

        Args:
            numbers: of the families, rising.
            sizes: how many feed each of them, to look at as many together as fit into memory.
        """
        batch = np.cumsum(sizes) // FEEDERS
        return largest(self._cored(numbers[batch == number]) for number in np.unique(batch))

    def of(self, families: Collection[tuple[int, int]]) -> pa.Table:
        """As `Feeding.of`."""
        number = np.unique(self.wanted.numbers(_named(families)))
        number = number[number >= 0]
        starts, feeders = self.gathered(number)
        family = np.repeat(number, np.diff(starts))
        return pa.table(
            {
                "kind": self.wanted.kind[family].astype(np.int8),
                "key": self.wanted.key[family],
                "account": feeders["account"],
                "requests": feeders["requests"].astype(np.int64),
                "mining_requests": feeders["mined"].astype(np.int64),
            }
        )

    def _cored(self, numbers: Ints) -> list[Family]:
        starts, feeders = self.gathered(numbers)
        mining = feeders["mined"] > 0
        before = np.concatenate([[0], np.cumsum(mining)])
        return with_cores(
            self.wanted.kind[numbers],
            self.wanted.key[numbers],
            before[starts],
            feeders["account"][mining],
            feeders["mined"][mining].astype(np.int64),
            requests=MIN_STREAM,
        )

    def gathered(self, numbers: Ints) -> tuple[Ints, NDArray[Any]]:
        """Where the feeders of each of some families begin, and the feeders, by account in each."""
        parts = [one.of(numbers) for one in self.ranges]
        starts = np.concatenate([[0], np.cumsum(sum(sizes for sizes, _ in parts))])
        gathered = np.empty(starts[-1], FEEDER)
        begins = starts[:-1].copy()
        for sizes, feeders in parts:
            own = np.repeat(begins - (np.cumsum(sizes) - sizes), sizes)
            gathered[own + np.arange(len(own))] = feeders
            begins += sizes
        return starts, gathered


def largest(found: Iterable[list[Family]]) -> list[Family]:
    """Of several lists the largest families that share words, and all others, largest first."""
    wordless: list[Family] = []
    told: list[Family] = []
    for families in found:
        for family in families:
            (wordless if family.kind in WORDLESS else told).append(family)
        told = sorted(told, key=size_order)[:MAX_FAMILIES]
    return sorted([*told, *wordless], key=size_order)


def _named(families: Collection[tuple[int, int]]) -> pa.Table:
    columns = np.array(sorted(families), dtype=np.int64).reshape(-1, 2)
    return pa.table({"kind": columns[:, 0].astype(np.int8), "key": columns[:, 1]})
