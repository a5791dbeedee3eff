"""A range of accounts in memory: all requests of these accounts, with their keys.

Answers what `signals.families` and `signals.frames` answer of tables, by compiled loops, at a tenth
of the cost; that it gives the same is compared in whole scans.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.campaigns import counting
from stillwatch.campaigns.coding import coded
from stillwatch.campaigns.record import Records, packed
from stillwatch.signals import frames
from stillwatch.signals.families import KINDS, TEMPLATES, WORDLESS, asks, key_of
from stillwatch.signals.streams import SAMPLED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Places = NDArray[np.int32]

_FRAMES = tuple(KINDS.index(name) for name in frames.FRAME_KEYS)
_FRAMED, _ASKED = WORDLESS

_SPREAD = -7046029254386353131
"""The golden ratio in 64 bits: what is multiplied by it lands anywhere."""

_ROWS = tuple(name for name in SAMPLED_COLUMNS if name != "framed")


Hashed = tuple[Ints, Ints, Ints]
"""`table`, `code` and `place` of `counting.find_keys`."""


def hashed(keys: Ints, places: Ints) -> Hashed:
    """Distinct keys in a hash table, and what each of them means."""
    room = 1 << (2 * len(keys)).bit_length()
    table, slots = np.zeros(room, np.int64), np.full(room, -1, np.int64)
    counting.place_keys(keys, table, slots)
    return table, slots, places


@dataclass(frozen=True)
class Wanted:
    """Families to look for: those of some kinds and keys, and of each kind without words its one.

    Attributes:
        kind, key: distinct families; a family's number is its place here.
        tables: by kind, of the keys and the families that they mean.
    """

    kind: Ints
    key: Ints
    tables: dict[int, Hashed]

    @classmethod
    def of(cls, families: pa.Table) -> Wanted:
        """Lay out distinct `kind`, `key`, of kinds that share words."""
        kind, key = (families.column(name).to_numpy() for name in ("kind", "key"))
        kind = np.concatenate([kind.astype(np.int64), WORDLESS])
        key = np.concatenate([key, np.zeros(len(WORDLESS), np.int64)])
        order = np.lexsort((key, kind))
        kind, key = kind[order], key[order]
        tables = {}
        for code in np.unique(kind).tolist():
            places = np.flatnonzero(kind == code)
            tables[code] = hashed(key[places], places)
        return cls(kind, key, tables)

    def find(self, code: int, key: Ints, known: Bools) -> Places:
        """The family of each request by one kind; -1 where it has none."""
        found = np.full(len(key), -1, np.int32)
        if code in self.tables:
            counting.find_keys(key, known, *self.tables[code], found)
        return found

    def numbers(self, families: pa.Table) -> Ints:
        """The numbers of families, given by `kind` and `key`."""
        kind, key = (families.column(name).to_numpy() for name in ("kind", "key"))
        found = np.full(len(kind), -1)
        for code in np.unique(kind).tolist():
            own = kind == code
            found[own] = self.find(code, key[own], own[own])
        return found


@dataclass(frozen=True)
class Block:
    """Requests of some accounts, all that these accounts have.

    Attributes:
        account: distinct, sorted.
        order: places in `table` by account.
        starts: int64[accounts + 1], where each one's requests begin in `order`.
        table: `account`, `mining`, a column of keys named after each kind that shares words; and
            `asked`, `timestamp` and `signals.streams.SAMPLED_COLUMNS` but `framed`, where it was
            read whole.
        frames: frames that accounts are known to have, as `own_frames`; None for none.
    """

    account: Ints
    order: Ints
    starts: Ints
    table: pa.Table
    frames: Hashed | None

    @classmethod
    def read(cls, requests: ir.Table, *, whole: bool, frames: Hashed | None = None) -> Block:
        """Read sketches with `slot` and `mining`.

        Args:
            requests: of the range.
            whole: whether to read more than the keys; an account's requests are then in the order
                of their bodies, then of their own keys, in which streams are sampled.
            frames: that accounts are known to have besides those that show here.
        """
        columns = {kind: key_of(requests, kind) for kind in TEMPLATES}
        columns |= {name: requests[name] for name in (_ROWS if whole else ("account", "mining"))}
        if whole:
            columns |= {"asked": asks(requests), "slot": requests.slot.cast("int32")}
            columns |= {"timestamp": requests.timestamp}
        table = requests.select(**columns).to_pyarrow()
        account, owner, _ = coded(table.column("account").to_numpy())
        if whole:
            by = (table.column(name).to_numpy() for name in ("body_key", "request_key"))
            starts, order = counting.order_by(owner, len(account), *by)
        else:
            starts, order = counting.by_owner(owner, len(account))
        return cls(account, order, starts, table, frames)

    def repeated(self, least: int) -> pa.Table:
        """`kind`, `key` of what an account mined so often, a row for each such account."""
        found = []
        for code in range(len(TEMPLATES)):
            key, known = self._keys(code)
            found.append(counting.repeated_keys(self.starts, key, known & self.mining, least))
        return pa.table(
            {
                "kind": np.repeat(np.arange(len(found), dtype=np.int8), [len(x) for x in found]),
                "key": np.concatenate(found),
            }
        )

    def families(self, wanted: Wanted) -> tuple[Places, Places]:
        """The families of each request, by their numbers; of the kinds without words as well.

        Returns:
            As `counting.families_of`.
        """
        found = np.empty((len(KINDS), len(self.order)), np.int32)
        for code in range(len(TEMPLATES)):
            found[code] = wanted.find(code, *self._keys(code))
        nothing = np.zeros(len(self.order), np.int64)
        for code, known in ((_FRAMED, self.framed), (_ASKED, self._flags("asked"))):
            found[code] = wanted.find(code, nothing, known)
        begins, families = counting.families_of(found)
        return begins, families

    @cached_property
    def framed(self) -> Bools:
        """Whether each request is made from a frame of its account (`signals.frames`)."""
        framed = np.zeros(len(self.order), dtype=np.bool_)
        for code in _FRAMES:
            counting.mark_repeated(self.starts, *self._keys(code), frames.MIN_REQUESTS, framed)
        if self.frames is None:
            return framed
        found = np.full(len(self.order), -1, np.int32)
        for code in _FRAMES:
            key, known = self._keys(code)
            counting.find_keys(self._in_account(code, key), known, *self.frames, found)
        return framed | (found >= 0)

    @cached_property
    def own_frames(self) -> Ints:
        """What frames accounts have, as one hash for an account, a kind and a key."""
        found = []
        for code in _FRAMES:
            key, known = self._keys(code)
            own = self._in_account(code, key)
            found.append(counting.repeated_keys(self.starts, own, known, frames.MIN_REQUESTS))
        return np.concatenate(found)

    @cached_property
    def mining(self) -> Bools:
        """Which half each request belongs to."""
        return self._flags("mining")

    def activity(self) -> pa.Table:
        """The columns `campaigns.evidence.ACTIVITY` of its accounts."""
        begins = self.starts[:-1]
        seen = self.table.column("timestamp")
        moments = seen.cast(pa.int64()).to_numpy()[self.order]
        found = {
            "account": self.account,
            "requests": np.diff(self.starts),
            "mining_requests": np.add.reduceat(self.mining.astype(np.int64), begins),
            "first_seen": pa.array(np.minimum.reduceat(moments, begins)).cast(seen.type),
        }
        return pa.table(found)

    def records(self) -> Iterator[Records]:
        """The requests as `campaigns.record.RECORD`, some at a time."""
        return packed(self.table, self.order, self.framed)

    def _keys(self, code: int) -> tuple[Ints, Bools]:
        """Each request's key of one kind, and whether it has one."""
        column = self.table.column(KINDS[code])
        known = pc.is_valid(column).to_numpy()[self.order]
        return pc.fill_null(column, 0).to_numpy()[self.order], known

    def _in_account(self, code: int, key: Ints) -> Ints:
        """A hash of each request's account, a kind and its key of that kind."""
        account = np.repeat(self.account, np.diff(self.starts))
        return key ^ ((account + code) * _SPREAD)

    def _flags(self, name: str) -> Bools:
        flags: Bools = self.table.column(name).to_numpy()[self.order]
        return flags
