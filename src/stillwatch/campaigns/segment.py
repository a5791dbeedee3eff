"""Requests that were indexed together, kept in memory or in a folder that a later scan opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from stillwatch.ahead import ahead
from stillwatch.campaigns.block import Hashed, Wanted, hashed
from stillwatch.campaigns.feeding import Fed, Inverted
from stillwatch.campaigns.forward import Forward
from stillwatch.signals.families import WORDLESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from stillwatch.campaigns.block import Block

Ints = NDArray[np.int64]

_FAMILIES, _ACTIVITY = "families.parquet", "activity.parquet"


@dataclass(frozen=True)
class Segment:
    """Requests that were indexed together, in ranges of accounts.

    Attributes:
        wanted: the families that are known of them.
        ranges: the forward index of each range.
        fed: who feeds each family, of each range.
        activity: `campaigns.evidence.ACTIVITY` of every account, sorted by account.
    """

    wanted: Wanted
    ranges: tuple[Forward, ...]
    fed: tuple[Fed, ...]
    activity: pa.Table

    @classmethod
    def of(
        cls,
        blocks: Iterable[Block],
        wanted: Wanted,
        folder: Path | None,
        *,
        lasting: bool,
        told: Callable[[], None],
    ) -> Segment:
        """Index requests.

        Args:
            blocks: read whole, in the order of their accounts, at least one.
            wanted: families to know the requests of.
            folder: to put them in; None keeps them in memory.
            lasting: whether they are to be opened again (`Earlier`).
            told: called after each block.
        """

        def indexed(numbered: tuple[int, Block]) -> tuple[Forward, Fed, pa.Table]:
            number, block = numbered
            place = None if folder is None else folder / str(number)
            forward = Forward.of(block, wanted, place, lasting=lasting)
            fed = forward.fed(len(wanted.kind), place, lasting=lasting)
            return forward, fed, block.activity()

        found = []
        for one in ahead(indexed, enumerate(blocks)):
            found.append(one)
            told()
        ranges, fed, activity = zip(*found, strict=True)
        return cls(wanted, ranges, fed, pa.concat_tables(activity))

    @property
    def inverted(self) -> Inverted:
        """Who feeds each family."""
        return Inverted(self.wanted, self.fed)

    @property
    def told(self) -> pa.Table:
        """`kind`, `key` of the families of kinds that share words."""
        told = ~np.isin(self.wanted.kind, WORDLESS)
        kind = pa.array(self.wanted.kind[told], pa.int8())
        return pa.table({"kind": kind, "key": self.wanted.key[told]})

    @property
    def frames(self) -> Hashed:
        """The frames of all accounts, as `campaigns.block.Block.own_frames`."""
        frames = np.concatenate([one.frames for one in self.ranges])
        return hashed(frames, np.zeros_like(frames))


@dataclass(frozen=True)
class Earlier:
    """What an earlier scan has read, as it lies in a folder.

    Attributes:
        segment: its requests, indexed.
        mined: mined requests of each family.
    """

    segment: Segment
    mined: Ints

    @classmethod
    def open(cls, folder: Path) -> Earlier:
        """Open what `save` completed.

        Raises:
            OSError, ValueError, KeyError: files are missing or not as they were written; what Arrow
                raises is one of these.
        """
        families = pq.read_table(folder / _FAMILIES)
        wanted = Wanted.of(families.select(["kind", "key"]).filter(families.column("told")))
        several = sum(one.name.isdigit() for one in folder.iterdir())
        places = [folder / str(number) for number in range(several)]
        segment = Segment(
            wanted,
            tuple(Forward.open(place) for place in places),
            tuple(Fed.open(place) for place in places),
            pq.read_table(folder / _ACTIVITY),
        )
        sizes = {len(fed.starts) - 1 for fed in segment.fed}
        if sizes != {len(families)} or len(wanted.kind) != len(families):
            raise ValueError("families are missing")
        return cls(segment, families.column("mined").to_numpy())

    def save(self, folder: Path) -> None:
        """Write what else `open` needs into the folder where the segment lies."""
        wanted = self.segment.wanted
        families = {
            "kind": pa.array(wanted.kind, pa.int8()),
            "key": wanted.key,
            "told": ~np.isin(wanted.kind, WORDLESS),
            "mined": self.mined,
        }
        pq.write_table(pa.table(families), folder / _FAMILIES)
        pq.write_table(self.segment.activity, folder / _ACTIVITY)
