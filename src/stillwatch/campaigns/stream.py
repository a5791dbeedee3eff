"""A stream in memory: the sampled requests of some accounts, as parallel arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.campaigns.coding import among, coded, sorted_rows
from stillwatch.campaigns.words import Words, content_words
from stillwatch.schema import N_TOKENS
from stillwatch.signals.frames import FRAME_KEYS

if TYPE_CHECKING:
    from stillwatch.campaigns.telling import Telling

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stream:
    """Parallel arrays, one entry a request; `nan` or -1 where a value is not known.

    Attributes:
        request, account, slot, body: keys as sketched; `slot` is the hour since the epoch.
        mining: which half of the evidence a request belongs to.
        framed: whether its account makes it from a frame (`signals.frames`).
        tokens: int32[n, N_TOKENS], 0 is padding.
        frames: int64[n, 3], keys of the first words, the last words and the skeleton.
    """

    request: Ints
    account: Ints
    slot: Ints
    mining: NDArray[np.bool_]
    framed: NDArray[np.bool_]
    body: Ints
    tokens: NDArray[np.int32]
    frames: Ints
    turns: Ints
    words: Ints
    capability: Ints
    elicitation: Floats
    grading: Floats
    output_tokens: Floats
    network: Ints
    client: Ints

    def __len__(self) -> int:
        return len(self.request)

    @classmethod
    def from_table(cls, table: pa.Table) -> Stream:
        """Read a `signals.streams.stream_sample` table."""
        return cls(
            request=_ints(table, "request_key"),
            account=_ints(table, "account"),
            slot=_ints(table, "slot"),
            mining=table.column("mining").to_numpy(),
            framed=table.column("framed").to_numpy(),
            body=_ints(table, "body_key"),
            tokens=_tokens(table.column("tokens")),
            frames=np.stack([_ints(table, name) for name in FRAME_KEYS], axis=1),
            turns=_ints(table, "turns"),
            words=_ints(table, "prompt_words"),
            capability=_ints(table, "capability"),
            elicitation=_floats(table, "elicitation"),
            grading=_floats(table, "grading"),
            output_tokens=_floats(table, "output_tokens"),
            network=_ints(table, "network_key"),
            client=_ints(table, "client_key"),
        )

    def take(self, rows: NDArray[np.bool_] | Ints | slice) -> Stream:
        """Some of the requests."""
        return Stream(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def copy(self) -> Stream:
        """The same in memory of its own."""
        return self.take(np.arange(len(self)))

    def half(self, *, mining: bool) -> Stream:
        """The requests of one half of the evidence."""
        return self.take(self.mining == mining)

    def of_accounts(self, accounts: Ints) -> Stream:
        """The requests of some accounts."""
        return self.take(among(self.account, accounts))

    def first(self, each: int) -> Stream:
        """At most so many requests of each account and half, in the order in which they lie."""
        order = np.lexsort((self.mining, self.account))
        _, starts, sizes = np.unique(
            np.stack([self.account[order], self.mining[order]]),
            axis=1, return_index=True, return_counts=True,
        )  # fmt: skip
        place = np.arange(len(self)) - np.repeat(starts, sizes)
        return self.take(np.sort(order[place < each]))

    def items(self) -> Stream:
        """Each account's distinct bodies, once: whoever asks again has not asked about more."""
        return self.take(self.first_asked())

    def distinct(self, telling: Telling | None = None) -> tuple[Stream, Words]:
        """Each account's items, of those that say the same the first, and their words.

        Whoever asks again in other wrappings has not asked about more, either: else two questions
        that differ in a name agree in twenty words, and a few of them make one account of a queue
        look like a person whose only topic they are.

        Args:
            telling: as in `words_in`.
        """
        items = self.items()
        _, codes, _ = items.coded()
        words = items.words_in(codes, telling)
        again = words.again(codes)
        if not again.any():
            return items, words
        items = items.take(~again)
        return items, items.words_in(items.coded()[1], telling)

    def first_asked(self) -> Ints:
        """Places of the requests of `items`, ascending."""
        order = sorted_rows(self.account, self.body, self.request)
        account, body = self.account[order], self.body[order]
        first = np.ones(len(self), dtype=bool)
        first[1:] = (account[1:] != account[:-1]) | (body[1:] != body[:-1])
        return np.sort(order[first])

    def followed_by(self, other: Stream) -> Stream:
        """These requests, then others."""
        return Stream(
            **{
                f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)])
                for f in fields(self)
            }
        )

    def coded(self) -> tuple[Ints, Ints, Ints]:
        """Distinct accounts, each request's index into them, and each one's number of requests."""
        return coded(self.account)

    def words_in(self, codes: Ints, telling: Telling | None = None) -> Words:
        """Sampled content words as incidences.

        Words of a frame, the stream's or the account's own, are left out, so that what is compared
        is what frames were filled with.

        Args:
            codes: account of each request, from 0.
            telling: what agreements in words are worth; without it, and without a population to
                learn it from, the squared inverse document frequency.
        """
        return content_words(self.tokens, codes, None if telling is None else telling.worth)


def _ints(table: pa.Table, name: str) -> Ints:
    column = pc.fill_null(table.column(name).cast(pa.int64()), -1)
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _floats(table: pa.Table, name: str) -> Floats:
    column = table.column(name).cast(pa.float64())
    return np.asarray(pc.fill_null(column, float("nan")).to_numpy(), dtype=np.float64)


def _tokens(column: pa.ChunkedArray) -> NDArray[np.int32]:
    """Lists of `N_TOKENS`, or null, as a matrix."""
    matrix = np.zeros((len(column), N_TOKENS), dtype=np.int32)
    known = pc.is_valid(column).to_numpy()
    flat = pc.list_flatten(column).to_numpy()
    matrix[known] = flat.reshape(-1, N_TOKENS)
    return matrix
