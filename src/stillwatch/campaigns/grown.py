"""A window of which an earlier scan has indexed most: what has grown since is looked at.

The earlier index is opened, what has come since is indexed beside it, and all questions about
samples are put to both. Only families that have grown by a share are offered, so the work is that
of what is new. A family that is known since only now shows in the requests since; those before are
in its stream from the next whole scan on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.evidence import Sampled
from stillwatch.campaigns.feeding import FEEDER, Inverted
from stillwatch.campaigns.ranged import Ranged, aside, bounds_of, indexed
from stillwatch.engine import gathered, held

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from stillwatch.campaigns.candidates import Candidate, Family
    from stillwatch.campaigns.segment import Earlier
    from stillwatch.campaigns.stream import Stream
    from stillwatch.progress import Step

Ints = NDArray[np.int64]

GROWN = 0.25
"""Share of its requests by which something must have grown to be looked at again: as much as a log
must have for `watch` to scan it again (decision 13)."""


@dataclass(frozen=True)
class GrownFeeding(Inverted):
    """Who feeds each family, of which those are offered that have grown.

    Attributes:
        wanted: the families that are known of what is new, all earlier ones among them.
        ranges: of what is new.
        earlier: the same of what was there.
        before: mined requests of each family then.
    """

    earlier: Inverted
    before: Ints

    def families(self) -> list[Family]:
        """As `Feeding.families`, of those that have grown by `GROWN` in the mining half."""
        mined = self.mined
        some = np.flatnonzero(mined)
        numbers = self._earlier(some)
        known, numbers = numbers >= 0, numbers[numbers >= 0]
        before, sizes = np.zeros(len(some), np.int64), self.sizes[some]
        before[known] = self.before[numbers]
        sizes[known] += self.earlier.sizes[numbers]
        grown = mined[some] >= GROWN * before
        return self.cored(some[grown], sizes[grown])

    def gathered(self, numbers: Ints) -> tuple[Ints, NDArray[Any]]:
        """As `Inverted.gathered`, of all requests."""
        starts, new = super().gathered(numbers)
        earlier = self._earlier(numbers)
        places = np.flatnonzero(earlier >= 0)
        begins, old = self.earlier.gathered(earlier[places])
        family = np.concatenate(
            [
                np.repeat(np.arange(len(numbers)), np.diff(starts)),
                np.repeat(places, np.diff(begins)),
            ]
        )
        feeders = np.concatenate([new, old])
        order = np.lexsort((feeders["account"], family))
        family, feeders = family[order], feeders[order]
        first = np.ones(len(order), np.bool_)
        first[1:] = (family[1:] != family[:-1]) | (
            feeders["account"][1:] != feeders["account"][:-1]
        )
        rows = np.flatnonzero(first)
        found = np.empty(len(rows), FEEDER)
        found["account"] = feeders["account"][rows]
        for name in ("requests", "mined"):
            found[name] = np.add.reduceat(feeders[name], rows) if len(rows) else 0
        return np.searchsorted(family[rows], np.arange(len(numbers) + 1)), found

    def _earlier(self, numbers: Ints) -> Ints:
        """The numbers that families had; -1 of new ones."""
        named = {"kind": self.wanted.kind[numbers], "key": self.wanted.key[numbers]}
        return self.earlier.wanted.numbers(pa.table(named))


@dataclass(frozen=True)
class Grown(Ranged):
    """A window of which an earlier scan has indexed most.

    Attributes:
        segments: that of the earlier scan, and that of what has come since.
    """

    @classmethod
    def since(cls, requests: ir.Table, new: ir.Table, earlier: Earlier, step: Step) -> Grown:
        """Index what has come since an earlier scan.

        Args:
            requests: sketches with `slot` and `mining`, all of the window.
            new: those that have come since; at least one.
            earlier: the others.
            step: advanced once, bit by bit.
        """
        folder = aside(requests)
        accounts = np.sort(new.select("account").distinct().to_pyarrow()["account"].to_numpy())
        size = new.count().to_pyarrow().as_py()
        bounds = bounds_of(accounts, size)
        was = earlier.segment
        segment = indexed(new, bounds, size, step, folder, known=was.told, frames=was.frames)
        feeding = GrownFeeding(segment.wanted, segment.fed, was.inverted, earlier.mined)
        segments = (was, segment)
        return cls(requests, feeding, bounds, segments, folder)

    @cached_property
    def activity(self) -> pa.Table:
        """As `Evidence.activity`."""
        how = {"requests": "sum", "mining_requests": "sum", "first_seen": "min"}
        both = pa.concat_tables(segment.activity for segment in self.segments)
        return _summed(both, ["account"], how).sort_by("account")

    @property
    def settled(self) -> Ints:
        """Accounts that have grown by less than `GROWN`, sorted."""
        was = self.segments[0].activity
        account, before = (was.column(name).to_numpy() for name in ("account", "requests"))
        place = np.searchsorted(self.activity.column("account").to_numpy(), account)
        requests = self.activity.column("requests").to_numpy()[place]
        found: Ints = account[requests - before < GROWN * before]
        return found

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
        found = super().sample(candidates, each=each, most=most, inside=inside, outside=outside)
        how = {"mined": "sum", "tested": "sum"}
        return Sampled(
            _summed(found.counts, ["candidate", "account"], how),
            (first_of_each(*some, each) for some in found.inside),
            (first_of_each(*some, each) for some in found.outside),
        )

    def _in_streams(self, candidates: Sequence[Candidate], names: Sequence[str]) -> ir.Table:
        backend = self.requests.get_backend()
        picked = self._picked(candidates, None, None, inside=True, outside=False)
        named = [(one, *some.inside) for one, some in zip(self.ranges, picked, strict=True)]
        of = np.concatenate([candidate for _, candidate, _ in named])
        key = np.concatenate([one.requests(place) for one, _, place in named])
        slot = np.concatenate([one.slots(place) for one, _, place in named])
        accounts = np.unique(np.concatenate([one.accounts for one in candidates]))
        with (
            held(backend, pa.table({"account": accounts})) as some,
            held(backend, pa.table({"candidate": of, "request_key": key})) as these,
        ):
            own = _within(self.requests, slot).semi_join(some, "account")
            return gathered(backend, [own.select(*names).join(these, "request_key")])


def _summed(table: pa.Table, keys: list[str], how: dict[str, str]) -> pa.Table:
    """One row for the rows that several indexes have of the same keys."""
    found = table.group_by(keys).aggregate(list(how.items()))
    names = {f"{name}_{what}": name for name, what in how.items()}
    renamed = found.rename_columns([names.get(name, name) for name in found.column_names])
    return renamed.select([*keys, *how])


def _within(requests: ir.Table, slots: Ints) -> ir.Table:
    """The requests of the time in which some hours lie: of other days nothing is read."""
    if not len(slots):
        return requests
    first, last = (
        datetime.fromtimestamp(3600 * int(slot), UTC) for slot in (slots.min(), slots.max() + 1)
    )
    return requests.filter((requests.timestamp >= first) & (requests.timestamp < last))


def first_of_each(of: Ints, stream: Stream, each: int) -> tuple[Ints, Stream]:
    """The first requests of each candidate, account and half, of those that several indexes named.

    Args:
        of: candidate of each request.
        stream: the requests.
        each: how many.
    """
    order = np.lexsort((stream.request, stream.body, stream.mining, stream.account, of))
    begins = np.flatnonzero(_begins(of[order], stream.account[order], stream.mining[order]))
    place = np.arange(len(order)) - np.repeat(begins, np.diff([*begins, len(order)]))
    rows = np.sort(order[place < each])
    return of[rows], stream.take(rows)


def _begins(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows are the first of equal ones, in sorted columns."""
    found = np.ones(len(columns[0]), np.bool_)
    found[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return found
