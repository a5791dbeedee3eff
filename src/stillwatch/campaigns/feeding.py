"""Who feeds which prompt family: kept in the engine, because it grows with the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stillwatch.campaigns.candidates import Family, core_families
from stillwatch.engine import held
from stillwatch.signals.families import WORDLESS, fed_by_several

if TYPE_CHECKING:
    from collections.abc import Collection

    import ibis.expr.types as ir

MAX_FAMILIES = 100_000
"""Families that are grouped, those with the most requests in their cores first; the bound on that
work. At 13 million requests there were 86,000, and the 4,000 largest candidates had 99 of 100 of
theirs among the first 21,000."""


@dataclass(frozen=True)
class Feeding:
    """Who feeds the families that several accounts feed.

    Attributes:
        table: `signals.families.feeders`, in the engine; where there are several parts, with the
            `part` of each family, by `in_parts`.
        accounts, requests: least accounts and mined requests of a family.
        parts: how many; families are formed from one part at a time.
    """

    table: ir.Table
    accounts: int
    requests: int
    parts: int = 1

    def families(self) -> list[Family]:
        """Families with a core, as `core_families` orders them; of those with words the largest."""
        wordless: list[Family] = []
        told: list[Family] = []
        for part in range(self.parts):
            some = self.table.filter(self.table.part == part) if self.parts > 1 else self.table
            several = fed_by_several(some, accounts=self.accounts, requests=self.requests)
            for family in core_families(several.to_pyarrow()):
                (wordless if family.kind in WORDLESS else told).append(family)
            told = sorted(told, key=_order)[:MAX_FAMILIES]
        return sorted([*told, *wordless], key=_order)

    def of(self, families: Collection[tuple[int, int]]) -> pa.Table:
        """Who feeds some families, given by kind and key."""
        columns = np.array(sorted(families), dtype=np.int64).reshape(-1, 2)
        wanted = pa.table({"kind": columns[:, 0].astype(np.int8), "key": columns[:, 1]})
        with held(self.table.get_backend(), wanted) as some:
            return self.table.semi_join(some, ["kind", "key"]).to_pyarrow()


def in_parts(fed: pa.Table, parts: int) -> pa.Table:
    """Add the `part` that each family is in, as a whole, and sort by it.

    Of rows that come sorted the engine reads those of one part without looking at the others.

    Args:
        fed: `signals.families.feeders` of some accounts.
        parts: a power of two.
    """
    part = (fed.column("key").to_numpy() & (parts - 1)).astype(np.int16)
    return fed.append_column("part", pa.array(part)).take(np.argsort(part, kind="stable"))


def _order(family: Family) -> tuple[int, int, int]:
    return -family.core_requests, family.kind, family.key
