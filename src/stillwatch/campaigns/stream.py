"""A stream in memory: the sampled requests of some accounts, as parallel arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.campaigns.agreement import common_words
from stillwatch.campaigns.coding import coded
from stillwatch.schema import N_TOKENS

if TYPE_CHECKING:
    from stillwatch.campaigns.telling import Telling

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_FRAMES = ("head4_key", "tail4_key", "skeleton_key")

_SHIFTS = (1, 2, 3, 5, 8, 13, 21, 34)

COMMON_WORD = 0.3
"""Share of a stream's requests from which on a word belongs to what all of it is wrapped in."""

FRAME_WORD, FRAME_REPEATS = 0.1, 3
"""Share and number of an account's requests from which on a word belongs to the account's own
frame. An account that switches between a handful of templates has its template words above this;
what people write about also recurs, but in the log's tail of words, which stays."""

COMMON_FRAME, MIN_FRAMED = 0.3, 3
"""Share and number of the accounts that use a word, in whose frames it must be, for it to belong to
a frame of all of them. Else it would be compared among just those few accounts where, by chance, it
is a little rarer, and look like a liking of theirs."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Parallel arrays, one entry a request; `nan` or -1 where a value is not known.

    Attributes:
        request, account, slot, body: keys as sketched; `slot` is the hour since the epoch.
        mining: which half of the evidence a request belongs to.
        framed: whether its account makes it from a frame (`signals.frames`).
        tokens: int64[n, N_TOKENS], 0 is padding.
        frames: int64[n, 3], keys of the first words, the last words and the skeleton.
    """

    request: Ints
    account: Ints
    slot: Ints
    mining: NDArray[np.bool_]
    framed: NDArray[np.bool_]
    body: Ints
    tokens: Ints
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
            frames=np.stack([_ints(table, name) for name in _FRAMES], axis=1),
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
        return self.take(np.isin(self.account, accounts))

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

    def first_asked(self) -> Ints:
        """Places of the requests of `items`, ascending."""
        order = np.lexsort((self.request, self.body, self.account))
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
        filled = self.tokens != 0
        request = np.broadcast_to(np.arange(len(self))[:, None], self.tokens.shape)[filled]
        owner = codes[request]
        distinct, word, frequency = coded(self.tokens[filled])
        if telling is None:
            weight = np.log(max(len(self), 1) / np.maximum(frequency, 1)) ** 2
        else:
            weight = telling.worth(distinct)
        weight[frequency > COMMON_WORD * len(self)] = 0.0
        cells, cell, often = _own_frames(owner, word, np.bincount(codes), len(distinct))
        weight[_common_frame(cells % max(len(distinct), 1), often, len(distinct))] = 0.0
        framed = often[cell]
        useful = (weight[word] > 0) & ~framed
        return Words(request[useful], owner[useful], word[useful], distinct, weight)


@dataclass(frozen=True, slots=True)
class Words:
    """Content words of a stream as incidences.

    Attributes:
        request, owner, word: index of the request, its account's code, and the word's code, in
            the order of the requests.
        tokens, weight: the token of each word, and what an agreement in it is worth.
    """

    request: Ints
    owner: Ints
    word: Ints
    tokens: Ints
    weight: Floats

    @property
    def token(self) -> Ints:
        """The token of each incidence."""
        return self.tokens[self.word]

    def clump(self, most: int = 4000) -> float:
        """Weight of one independent agreement: how much agrees at once when two requests agree.

        Requests on one topic agree in several words at once, so agreeing words come in clumps and
        are fewer independent observations than their number. For a compound Poisson count the
        unit that keeps the variance right is the mean of x² over the mean of x, where x is the
        weight that a pair of requests agrees in. It is taken over neighbours in the stream, which
        mostly belong to one account.
        """
        if not len(self.request):
            return 0.0
        size = int(self.request[-1]) + 1
        starts = np.searchsorted(self.request, np.arange(size + 1))
        total, square = 0.0, 0.0
        for shift in _SHIFTS:
            if size <= shift:
                break
            stride = max(1, (size - shift) * len(_SHIFTS) // most)
            first = np.arange(0, size - shift, stride)
            bounds, common = common_words(starts, self.word, first, shift, len(self.weight))
            some = np.flatnonzero(np.diff(bounds))
            x = np.zeros(len(first))
            x[some] = np.add.reduceat(self.weight[common], bounds[some]) if len(some) else 0.0
            total += float(x.sum())
            square += float((x**2).sum())
        return square / total if total else 0.0


def frame_words(owner: Ints, word: Ints, sizes: Ints) -> NDArray[np.bool_]:
    """Which (owner, word) incidences are of words in the owner's own frames.

    Args:
        owner: code of each incidence's owner, from 0.
        word: code of each incidence's word, from 0; a word once a request.
        sizes: requests of each owner.
    """
    if not len(word):
        return np.zeros(0, dtype=bool)
    _, cell, often = _own_frames(owner, word, sizes, int(word.max()) + 1)
    return often[cell]


def _own_frames(
    owner: Ints, word: Ints, sizes: Ints, words: int
) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """The distinct `owner * words + word`, each incidence among them, and which are in frames."""
    cells, cell, counts = coded(owner * words + word)
    often = (counts >= FRAME_REPEATS) & (counts > FRAME_WORD * sizes[cells // max(words, 1)])
    return cells, cell, often


def _common_frame(used: Ints, framed: NDArray[np.bool_], words: int) -> NDArray[np.bool_]:
    """Which words are in the frames of many who use them.

    Args:
        used: the word of each use by an account.
        framed: whether it is in the account's frame.
        words: how many there are.
    """
    users = np.bincount(used, minlength=words)
    often = np.bincount(used, framed, words)
    return (often >= MIN_FRAMED) & (often > COMMON_FRAME * users)


def _ints(table: pa.Table, name: str) -> Ints:
    column = pc.fill_null(table.column(name).cast(pa.int64()), -1)
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _floats(table: pa.Table, name: str) -> Floats:
    column = table.column(name).cast(pa.float64())
    return np.asarray(pc.fill_null(column, float("nan")).to_numpy(), dtype=np.float64)


def _tokens(column: pa.ChunkedArray) -> Ints:
    """Lists of `N_TOKENS`, or null, as a matrix."""
    matrix = np.zeros((len(column), N_TOKENS), dtype=np.int64)
    known = pc.is_valid(column).to_numpy()
    flat = pc.list_flatten(column).to_numpy()
    matrix[known] = flat.reshape(-1, N_TOKENS)
    return matrix
