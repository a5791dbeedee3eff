"""Candidates: which accounts feed one stream?

Families come from `signals.families`. Of each, the *core* is kept: accounts whose share of the
mined stream is at least a fraction of what the stream's typical request comes from. That keeps out
tourists, who use a phrase once or twice. Families with nearly the same core are one candidate, so
candidates are few and none is tested twice under different names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.coding import among, coded
from stillwatch.campaigns.counting import cores
from stillwatch.campaigns.merging import group_by_core
from stillwatch.signals.families import WORDLESS

if TYPE_CHECKING:
    from collections.abc import Sequence

Ints = NDArray[np.int64]

MIN_ACCOUNTS = 4
"""A group smaller than this shares things by accident too often to be judged as a group."""

CORE_SHARE = 0.2
"""Of the request-weighted median of mined requests an account: below it an account is a tourist."""

MIN_CORE_REQUESTS = 2
"""Mined requests an account needs to be in a core: once is no habit."""

MIN_STREAM = 12
"""Mined requests that a family needs: fewer cannot show anything."""

HABIT = 6
"""Mined requests from which a wordless family is a habit of an account. Its stream has no typical
account to compare with: batch jobs and people ask for reasons side by side."""

OWN_CORE = 0.5
"""Share of a family's core that a group has, from which on the family is the group's own."""

SAME_CORE = 0.75
"""Jaccard similarity of cores from which two families are one candidate."""


@dataclass(frozen=True, slots=True)
class Family:
    """One prompt family with its core, in terms of the mining half."""

    kind: int
    key: int
    accounts: Ints
    requests: int
    core_requests: int


@dataclass(frozen=True)
class Candidate:
    """Accounts that feed one stream, and the families that make it up."""

    accounts: Ints
    families: tuple[Family, ...]

    @classmethod
    def of(cls, families: tuple[Family, ...]) -> Candidate:
        """Families of nearly one core, with the accounts that most of them have."""
        return cls(_majority(families), families)

    @cached_property
    def own(self) -> tuple[Family, ...]:
        """Families whose cores lie mostly in the group; all of them where none does.

        A part of a pool of templates has the other parts' families in its stream, which by
        themselves would say that everybody else does what the part does.
        """
        members = self.accounts
        own = [f for f in self.families if among(f.accounts, members).mean() > OWN_CORE]
        return tuple(own) or self.families

    @cached_property
    def main(self) -> Family:
        """The family that carries most of the stream."""
        return max(self.own, key=lambda f: (f.core_requests, -f.kind, f.key))

    @cached_property
    def carrying(self) -> tuple[tuple[int, int], ...]:
        """Kind and key of the families that carry the stream: the own ones of the main one's kind.

        A request has one key of a kind, so that none counts twice.
        """
        return tuple((f.kind, f.key) for f in self.own if f.kind == self.main.kind)


def as_tables(candidates: Sequence[Candidate]) -> tuple[pa.Table, pa.Table]:
    """Candidates as the two tables that `signals.streams.stream_members` asks for.

    Returns:
        `candidate`, `kind`, `key` of their families, and `candidate`, `account` of their cores; a
        candidate is named by its place.
    """
    families = pa.table(
        {
            "candidate": pa.array(_places(candidates, [len(c.families) for c in candidates])),
            "kind": pa.array([f.kind for c in candidates for f in c.families], pa.int8()),
            "key": pa.array([f.key for c in candidates for f in c.families], pa.int64()),
        }
    )
    cores = pa.table(
        {
            "candidate": pa.array(_places(candidates, [len(c.accounts) for c in candidates])),
            "account": np.concatenate([c.accounts for c in candidates]),
        }
    )
    return families, cores


def _places(candidates: Sequence[Candidate], sizes: list[int]) -> Ints:
    return np.repeat(np.arange(len(candidates)), sizes)


def core_families(feeders: pa.Table) -> list[Family]:
    """The families of a `signals.families.feeders` table that have a core of several accounts.

    Order: most core requests first, then kind and key.
    """
    columns = (
        feeders.column(name).to_numpy() for name in ("kind", "key", "account", "mining_requests")
    )
    kind, key, account, mined = columns
    order = np.lexsort((account, key, kind))
    order = order[mined[order] > 0]
    kind, key = kind[order], key[order]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (kind[1:] != kind[:-1]) | (key[1:] != key[:-1])
    starts = np.append(np.flatnonzero(first), len(order))
    return with_cores(kind[first], key[first], starts, account[order], mined[order])


def with_cores(
    kind: Ints, key: Ints, starts: Ints, account: Ints, mined: Ints, *, requests: int = 0
) -> list[Family]:
    """Those of some families that have a core of several accounts, in the order of `core_families`.

    Args:
        kind: of each family.
        key: of each family.
        starts: int64[families + 1], where its feeders begin.
        account: of each feeder, rising for each family.
        mined: its mined requests, at least one.
        requests: mined requests of a family.
    """
    apart = np.isin(kind, WORDLESS)
    least = np.where(apart, HABIT, MIN_CORE_REQUESTS)
    core = cores(starts, mined, CORE_SHARE, least, ~apart)
    total, size, carried = (
        np.diff(np.concatenate([[0], np.cumsum(values)])[starts])
        for values in (mined, core, np.where(core, mined, 0))
    )
    found = [
        Family(
            int(kind[i]),
            int(key[i]),
            account[starts[i] : starts[i + 1]][core[starts[i] : starts[i + 1]]],
            int(total[i]),
            int(carried[i]),
        )
        for i in np.flatnonzero((size >= MIN_ACCOUNTS) & (total >= requests))
    ]
    return sorted(found, key=size_order)


def size_order(family: Family) -> tuple[int, int, int]:
    """Sorts families by the requests of their cores, largest first."""
    return -family.core_requests, family.kind, family.key


def merge_families(families: list[Family], *, most: int | None = None) -> list[tuple[Family, ...]]:
    """Group families by their cores: each joins the first group whose core is nearly its own.

    Linear in the sizes of the cores: a family is compared only to groups that it shares
    accounts with, and an account that is in very many of them counts for the first ones only.

    Args:
        families: the most important first.
        most: groups; the first ones, with all that belongs to them. All where not given.
    """
    if not families:
        return []
    sizes = [len(family.accounts) for family in families]
    _, codes, _ = coded(np.concatenate([family.accounts for family in families]))
    home = group_by_core(codes, np.cumsum([0, *sizes]), SAME_CORE, most or len(families))
    grouped: list[list[Family]] = [[] for _ in range(int(home.max()) + 1)]
    for family, place in zip(families, home.tolist(), strict=True):
        if place >= 0:
            grouped[place].append(family)
    return [tuple(group) for group in grouped]


def _majority(families: tuple[Family, ...]) -> Ints:
    """Accounts in at least a third of the families' cores, weighted by core requests."""
    if len(families) == 1:
        return families[0].accounts
    weights = np.repeat(
        [float(family.core_requests) for family in families],
        [len(family.accounts) for family in families],
    )
    distinct, index, _ = coded(np.concatenate([family.accounts for family in families]))
    share = np.bincount(index, weights) / sum(family.core_requests for family in families)
    return distinct[share >= 1 / 3]
