"""A range of accounts in memory, as columns sorted by account.

Answers what `signals.families`, `signals.frames` and `signals.streams` answer of tables, by
compiled loops, at a tenth of the cost; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.campaigns import counting
from stillwatch.campaigns.coding import coded, starts_of
from stillwatch.signals import frames
from stillwatch.signals.families import KINDS, TEMPLATES, WORDLESS, asks, key_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Places = NDArray[np.int32]

_FRAMES = tuple(KINDS.index(name) for name in frames.FRAME_KEYS)
_FRAMED, _ASKED = WORDLESS

FED = pa.schema(
    [("kind", pa.int8())]
    + [(name, pa.int64()) for name in ("key", "account", "requests", "mining_requests")]
)
"""What `signals.families.feeders` gives."""


@dataclass(frozen=True)
class Wanted:
    """Families to look for.

    Attributes:
        kind, key: distinct families; a family is named by its place here.
        tables: by kind, `counting.place_keys`, and the family that each place means.
        listed, candidates: the candidates of each family, `candidates[listed[f] : listed[f + 1]]`.
    """

    kind: Ints
    key: Ints
    tables: dict[int, tuple[Ints, Ints, Ints]]
    listed: Ints
    candidates: Ints

    @classmethod
    def of(cls, families: pa.Table) -> Wanted:
        """Lay out `kind`, `key` and, where there are candidates, `candidate`."""
        columns = (families.column(name).to_numpy() for name in ("kind", "key"))
        (kind, key), owner = np.unique(
            np.stack([column.astype(np.int64) for column in columns]), axis=1, return_inverse=True
        )
        candidates, listed = owner[:0], owner[:0]
        if "candidate" in families.column_names:
            order = np.argsort(owner, kind="stable")
            candidates = families.column("candidate").to_numpy()[order]
            listed = starts_of(owner[order], len(kind))
        tables = {}
        for code in np.unique(kind).tolist():
            places = np.flatnonzero(kind == code)
            room = 1 << (2 * len(places)).bit_length()
            table, slots = np.zeros(room, np.int64), np.full(room, -1, np.int64)
            counting.place_keys(key[places], table, slots)
            tables[code] = (table, slots, places)
        return cls(kind, key, tables, listed, candidates)

    def find(self, code: int, key: Ints, known: Bools, found: Places) -> None:
        """Write the family of each request by one kind; nothing where it has none."""
        if code in self.tables:
            table, slots, places = self.tables[code]
            counting.find_keys(key, known, table, slots, places, found)


@dataclass(frozen=True)
class Cores:
    """Accounts of candidates, sorted by account.

    Attributes:
        account, candidate: one entry each time that an account is in a candidate.
        each: requests of that account and half to sample.
    """

    account: Ints
    candidate: Ints
    each: Ints

    @classmethod
    def of(cls, cores: pa.Table, most: int, each: int) -> Cores:
        """From `candidate`, `account`, a candidate's accounts together.

        Args:
            cores: the accounts of each candidate.
            most: accounts of a candidate to sample, the first ones.
            each: requests of an account and half to sample.
        """
        account, candidate = (cores.column(n).to_numpy() for n in ("account", "candidate"))
        first = np.searchsorted(candidate, candidate)
        sampled = np.where(np.arange(len(candidate)) - first < most, each, 0)
        order = np.argsort(account, kind="stable")
        return cls(account[order], candidate[order], sampled[order])

    def inside(self, accounts: Ints) -> Cores:
        """Those of some accounts."""
        keep = np.isin(self.account, accounts)
        return Cores(self.account[keep], self.candidate[keep], self.each[keep])


@dataclass(frozen=True)
class Block:
    """Requests of some accounts, all that these accounts have, sorted by account.

    Attributes:
        account: distinct, sorted.
        starts: int64[accounts + 1], where each one's requests begin.
        mining: which half each request belongs to.
        request: keys of the requests, which are in the order of their bodies inside an account;
            empty unless they were asked for.
        keys: by code of the kind, `(key, known)` of each request.
    """

    account: Ints
    starts: Ints
    mining: Bools
    request: Ints
    keys: dict[int, tuple[Ints, Bools]]

    @classmethod
    def read(cls, requests: ir.Table, *, rows: bool = False) -> Block:
        """Read sketches with `mining`.

        Args:
            requests: of the range.
            rows: whether the requests' own keys are needed.
        """
        own = ("body_key", "request_key") if rows else ()
        table = requests.select(
            "account",
            "mining",
            *own,
            asked=asks(requests),
            **{f"key{code}": key_of(requests, kind) for code, kind in enumerate(TEMPLATES)},
        ).to_pyarrow()
        everyone = table.column("account").to_numpy()
        account, owner, _ = coded(everyone)
        # by body, then by request, is the order in which a stream is sampled
        if rows:
            by = (table.column(name).to_numpy() for name in own)
            starts, order = counting.order_by(owner, len(account), *by)
        else:
            starts, order = counting.by_owner(owner, len(account))
        keys = {}
        for code in range(len(TEMPLATES)):
            column = table.column(f"key{code}")
            known = pc.is_valid(column).to_numpy()[order]
            keys[code] = (pc.fill_null(column, 0).to_numpy()[order], known)
        nothing = np.zeros(len(order), np.int64)
        framed = np.zeros(len(order), dtype=np.bool_)
        for code in _FRAMES:
            counting.mark_repeated(starts, *keys[code], frames.MIN_REQUESTS, framed)
        keys[_FRAMED] = (nothing, framed)
        keys[_ASKED] = (nothing, table.column("asked").to_numpy()[order])
        return cls(
            account,
            starts,
            table.column("mining").to_numpy()[order],
            table.column("request_key").to_numpy()[order] if rows else nothing[:0],
            keys,
        )

    @property
    def framed(self) -> Bools:
        """Whether each request is made from a frame of its account (`signals.frames`)."""
        return self.keys[_FRAMED][1]

    def repeated(self, least: int) -> pa.Table:
        """`kind`, `key` of what an account mined so often, a row for each such account."""
        found = [
            counting.repeated_keys(self.starts, key, known & self.mining, least)
            for key, known in (self.keys[code] for code in range(len(TEMPLATES)))
        ]
        return pa.table(
            {
                "kind": np.repeat(np.arange(len(found), dtype=np.int8), [len(x) for x in found]),
                "key": np.concatenate(found),
            }
        )

    def feeders(self, wanted: Wanted) -> pa.Table:
        """`signals.families.feeders` of some families."""
        parts = []
        for code in wanted.tables:
            found = np.full(len(self.mining), -1, dtype=np.int32)
            wanted.find(code, *self.keys[code], found)
            family, account, requests, mined = counting.count_found(self.starts, found, self.mining)
            parts.append(
                {
                    "kind": wanted.kind[family].astype(np.int8),
                    "key": wanted.key[family],
                    "account": self.account[account],
                    "requests": requests,
                    "mining_requests": mined,
                }
            )
        return pa.concat_tables([FED.empty_table(), *(pa.table(p, schema=FED) for p in parts)])

    def streams(self, wanted: Wanted, cores: Cores) -> tuple[pa.Table, pa.Table]:
        """The requests of each candidate's stream.

        Args:
            wanted: the families of all candidates.
            cores: the accounts of all candidates.

        Returns:
            `signals.streams.stream_counts` of these accounts, and `candidate`, `request_key`,
            `framed` of the requests to sample.
        """
        here, cored, found = self._places(wanted, cores)
        counts, of, row = counting.stream_rows(
            self.starts, found, wanted.listed, wanted.candidates, cored, here.candidate,
            here.each, self.mining,
        )  # fmt: skip
        some = counts.sum(axis=1) > 0
        counted = {
            "candidate": here.candidate[some],
            "account": here.account[some],
            "mined": counts[some, 0],
            "tested": counts[some, 1],
        }
        return pa.table(counted), self._chosen(of, row)

    def elsewhere(self, wanted: Wanted, cores: Cores) -> pa.Table:
        """The requests to sample that candidates' accounts send outside of their streams.

        Args, returns: as for `streams`.
        """
        here, cored, found = self._places(wanted, cores)
        of, row = counting.other_rows(
            self.starts, found, wanted.listed, wanted.candidates, cored, here.candidate,
            here.each, self.mining,
        )  # fmt: skip
        return self._chosen(of, row)

    def _places(self, wanted: Wanted, cores: Cores) -> tuple[Cores, Ints, Places]:
        """The candidates of these accounts, where each account's begin, and requests' families."""
        here = cores.inside(self.account)
        cored = starts_of(np.searchsorted(self.account, here.account), len(self.account))
        looked_at = np.repeat(np.diff(cored) > 0, np.diff(self.starts))
        found = np.full((len(self.keys), len(self.mining)), -1, dtype=np.int32)
        for code, (key, known) in self.keys.items():
            wanted.find(code, key, known & looked_at, found[code])
        return here, cored, found

    def _chosen(self, of: Ints, row: Ints) -> pa.Table:
        columns = {"candidate": of, "request_key": self.request[row], "framed": self.framed[row]}
        return pa.table(columns)


WORDLESS_FAMILIES = Wanted.of(pa.table({"kind": WORDLESS, "key": [0] * len(WORDLESS)}))
"""The kinds whose families share no words have one family each."""
