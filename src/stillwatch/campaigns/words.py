"""Content words of requests: who says what, how often, and what is no frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.agreement import (
    coded_words,
    common_words,
    counted_uses,
    marked_uses,
    said_again,
)
from stillwatch.campaigns.coding import starts_of
from stillwatch.campaigns.counting import by_owner

if TYPE_CHECKING:
    from collections.abc import Callable

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Tokens = NDArray[np.int32]

_SHIFTS = (1, 2, 3, 5, 8, 13, 21, 34)

COMMON_WORD = 0.3
"""Share of a stream's requests from which on a word belongs to what all of it is wrapped in."""

FRAME_WORD, FRAME_REPEATS = 0.1, 3
"""Share and number of an account's requests from which on a word belongs to the account's own
frame. An account that switches between a handful of templates has its template words above this;
what people write about also recurs, but in the log's tail of words, which stays."""

SAME_WORDS, SAME_PART = 5, 0.9
"""Content words that two items need to be compared, and the share of the shorter one's that must be
in common for them to be the same in other wrappings. In simulated logs nine in ten questions of
labs with wrappers of their own are found by this, and one to two in a hundred items of a queue."""

MOST_PAIRS = 20_000
"""Pairs of requests by which the size of clumps is estimated: few pairs agree in much, and of 4,000
the estimate came out at anything from 3 to 7 where it is 4."""

COMMON_FRAME, MIN_FRAMED = 0.3, 3
"""Share and number of the accounts that use a word, in whose frames it must be, for it to belong to
a frame of all of them. Else it would be compared among just those few accounts where, by chance, it
is a little rarer, and look like a liking of theirs."""


@dataclass(frozen=True, slots=True)
class Uses:
    """How often owners use words: one entry for each owner and word, by owner, then by word.

    Attributes:
        owner, word: codes from 0.
        times: requests.
    """

    owner: Ints
    word: Ints
    times: Ints

    @classmethod
    def in_order(cls, owner: Ints, word: Ints, times: Ints) -> Uses:
        """Sort them."""
        words = int(word.max(initial=0)) + 1
        counts = int(times.max(initial=0)) + 1
        if (int(owner.max(initial=0)) + 1) * words * counts >= 2**63:
            order = np.lexsort((word, owner))
            return cls(owner[order], word[order], times[order])
        # one number each, because sorting numbers is several times as fast as sorting their places
        packed = np.sort((owner * words + word) * counts + times)
        cell = packed // counts
        return cls(cell // words, cell % words, packed % counts)

    def take(self, rows: Bools) -> Uses:
        """Some of them."""
        return Uses(self.owner[rows], self.word[rows], self.times[rows])


@dataclass(frozen=True, slots=True)
class Said:
    """Every word of some requests, frames and all.

    Attributes:
        request, owner, word: of each incidence, in the order of the requests.
        of_request: int64[requests + 1], where each request's incidences begin.
        tokens, frequency: the token of each word, rising, and how many requests have it.
        uses: the incidences, counted.
        starts, order: `order[starts[o] : starts[o + 1]]` are the incidences of owner `o`.
    """

    request: Ints
    owner: Ints
    word: Ints
    of_request: Ints
    tokens: Ints
    frequency: Ints
    uses: Uses
    starts: Ints
    order: Ints

    @classmethod
    def of(cls, tokens: Tokens, owners: Ints, size: int) -> Said:
        """Count them; `owners` and `size` are as in `content_words`."""
        of_request, number, distinct, counts = coded_words(tokens)
        request = np.repeat(np.arange(len(tokens)), np.diff(of_request))
        rising = np.argsort(distinct)
        place = np.empty(len(rising), np.int64)
        place[rising] = np.arange(len(rising))
        word, owner = place[number], owners[request]
        starts, order = by_owner(owner, size)
        uses = Uses.in_order(*counted_uses(starts, order, word, len(rising)))
        return cls(
            request, owner, word, of_request, distinct[rising], counts[rising], uses, starts, order
        )

    @property
    def owners(self) -> int:
        """How many owners there are."""
        return len(self.starts) - 1

    def framed(self, sizes: Ints) -> Bools:
        """Which uses are in the owner's own frame; `sizes` are the requests of each owner."""
        times = self.uses.times
        found: Bools = (times >= FRAME_REPEATS) & (times > FRAME_WORD * sizes[self.uses.owner])
        return found

    def incidences(self, uses: Bools) -> Bools:
        """Which incidences are of some of the uses."""
        bounds = starts_of(self.uses.owner, self.owners)
        found: Bools = marked_uses(
            self.starts, self.order, self.word, len(self.tokens), bounds, self.uses.word, uses
        )
        return found


@dataclass(frozen=True, slots=True)
class Words:
    """Content words of a stream as incidences of a request, its account's code and a word's code.

    Attributes:
        said: every incidence.
        kept: which of them are of content words.
        uses: those, counted.
        weight: what an agreement in each word is worth.
    """

    said: Said
    kept: Bools
    uses: Uses
    weight: Floats

    @property
    def request(self) -> Ints:
        """The request of each incidence, rising."""
        return self.said.request[self.kept]

    @property
    def owner(self) -> Ints:
        """The account's code of each incidence."""
        return self.said.owner[self.kept]

    @property
    def word(self) -> Ints:
        """The word's code of each incidence."""
        return self.said.word[self.kept]

    @property
    def token(self) -> Ints:
        """The token of each incidence."""
        return self.said.tokens[self.word]

    def again(self, owners: Ints) -> Bools:
        """Which requests say what an earlier one of the same owner says, in other wrappings."""
        starts = starts_of(self.request, len(owners))
        found: Bools = said_again(
            starts, self.word, owners, len(self.weight), SAME_WORDS, SAME_PART
        )
        return found

    def used(self, requests: Bools) -> Uses:
        """The incidences of some requests, counted."""
        rows = self.kept & requests[self.said.request]
        owner, word = self.said.owner[rows], self.said.word[rows]
        starts, order = by_owner(owner, self.said.owners)
        return Uses.in_order(*counted_uses(starts, order, word, len(self.weight)))

    def clump(self, *, same: bool = False, most: int = MOST_PAIRS) -> float:
        """Weight of one independent agreement: how much agrees at once when two requests agree.

        Requests on one topic agree in several words at once, so agreeing words come in clumps and
        are fewer independent observations than their number. For a compound Poisson count the
        unit that keeps the variance right is the mean of x² over the mean of x, where x is the
        weight that a pair of requests agrees in. It is taken over neighbours in the stream, which
        mostly belong to one account.

        Args:
            same: whether pairs that say the same count. Of `Stream.distinct` none within an account
                does, and a single one among two accounts would decide the mean of x².
            most: pairs that are looked at.
        """
        said = self.said
        if not len(self.uses.word):
            return 0.0
        lengths = np.bincount(self.request, minlength=len(said.of_request) - 1)
        # up to the last request that has any
        size = int(said.request[len(self.kept) - 1 - self.kept[::-1].argmax()]) + 1
        total, square = 0.0, 0.0
        for shift in _SHIFTS:
            if size <= shift:
                break
            stride = max(1, (size - shift) * len(_SHIFTS) // most)
            first = np.arange(0, size - shift, stride)
            bounds, common = common_words(
                said.of_request, said.word, self.kept, first, shift, len(self.weight)
            )
            some = np.flatnonzero(np.diff(bounds))
            x = np.zeros(len(first))
            x[some] = np.add.reduceat(self.weight[common], bounds[some]) if len(some) else 0.0
            if not same:
                x[_same(np.diff(bounds), lengths[first], lengths[first + shift])] = 0.0
            total += float(x.sum())
            square += float((x**2).sum())
        return square / total if total else 0.0


def content_words(tokens: Tokens, owners: Ints, worth: Callable[[Ints], Floats] | None) -> Words:
    """Words as incidences, without those of a frame: that of all requests, or the owner's own.

    Args:
        tokens: int32[requests, most], sampled content words of each request; 0 is padding.
        owners: code of each request's owner, from 0.
        worth: of an agreement in each token; the squared inverse document frequency by default.
    """
    sizes = np.bincount(owners)
    said = Said.of(tokens, owners, len(sizes))
    words, requests = len(said.tokens), len(tokens)
    if worth is None:
        weight = np.log(max(requests, 1) / np.maximum(said.frequency, 1)) ** 2
    else:
        weight = worth(said.tokens)
    weight[said.frequency > COMMON_WORD * requests] = 0.0
    framed = said.framed(sizes)
    weight[_common_frame(said.uses.word, framed, words)] = 0.0
    useful = ~framed & (weight[said.uses.word] > 0)
    return Words(said, said.incidences(useful), said.uses.take(useful), weight)


def _same(common: Ints, one: Ints, other: Ints) -> Bools:
    """Whether pairs of requests say the same, by the words in common and those of each."""
    fewer, more = np.minimum(one, other), np.maximum(one, other)
    found: Bools = (fewer >= SAME_WORDS) & (more <= 2 * fewer) & (common >= SAME_PART * fewer)
    return found


def framed_words(tokens: Tokens, senders: Ints) -> tuple[Ints, Ints, Ints, Bools]:
    """Words as incidences, and whether each belongs to its sender's own frame.

    Args:
        tokens: as in `content_words`.
        senders: code of each request's sender, from 0.

    Returns:
        Of each incidence the request and the word; the token of each word, rising; and of each
        incidence whether it is of a frame.
    """
    sizes = np.bincount(senders)
    said = Said.of(tokens, senders, len(sizes))
    return said.request, said.word, said.tokens, said.incidences(said.framed(sizes))


def _common_frame(used: Ints, framed: Bools, words: int) -> Bools:
    """Which words are in the frames of many who use them.

    Args:
        used: the word of each use by an account.
        framed: whether it is in the account's frame.
        words: how many there are.
    """
    users = np.bincount(used, minlength=words)
    often = np.bincount(used, framed, words)
    found: Bools = (often >= MIN_FRAMED) & (often > COMMON_FRAME * users)
    return found
