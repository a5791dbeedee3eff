"""How much a word tells about who asked, learned from the provider's own customers.

That two requests both say "please" tells nothing about whether one person sent them; that both name
the same rare enzyme tells much. How much, is measured: words are put into classes by the share of
customers who use them, and for each class the individuality of the population is estimated,

    log R(class) = log P(two requests of one customer agree) - log P(two of different ones agree).

An agreement is worth the log R of its word's class. That is the weight with which a sum of
agreements tells people from a queue best, if each agreement is a Poisson event that is R times as
frequent inside a person's requests (Neyman and Pearson 1933).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.coding import coded
from stillwatch.campaigns.exchangeability import PairCounts, count_pairs, individuality

if TYPE_CHECKING:
    from stillwatch.campaigns.stream import Stream

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLASSES = (0.003, 0.01, 0.03, 0.1, 0.3)
"""Shares of customers that divide the classes of words: about half a decade each."""

MOST_TOLD = 6.0
"""Largest worth, e^6 = 400 times as frequent: rarer words are too few to measure more."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What words tell.

    Attributes:
        words: sorted token codes of the population sample.
        kinds: class of each, 0 for the rarest.
        log_ratios: log R of each class, float64[classes]; rarer ones tell at least as much.
    """

    words: Ints
    kinds: Ints
    log_ratios: Floats

    @classmethod
    def of(cls, population: Stream) -> Telling:
        """Learn from a sample of whole customers."""
        items, _ = population.distinct()
        accounts, codes, sizes = items.coded()
        fold = np.arange(len(accounts)) % 2
        pairs = [_by_class(items, codes, sizes, fold == side) for side in (0, 1)]
        told = np.array(
            [
                np.nan_to_num(individuality(PairCounts.joined(kind)).log_ratio)
                for kind in zip(*pairs, strict=True)
            ]
        )
        rising = np.maximum.accumulate(np.clip(told, 0, MOST_TOLD)[::-1])[::-1]
        words, users = _users(items, codes)
        return cls(words, _classes(users, len(accounts)), rising)

    def worth(self, tokens: Ints) -> Floats:
        """Worth of an agreement in each token; one that the population does not know is rare."""
        return self.log_ratios[_lookup(tokens, self.words, self.kinds)]


def _by_class(
    items: Stream, codes: Ints, sizes: Ints, measured: NDArray[np.bool_]
) -> list[PairCounts]:
    """Agreements of some accounts in each class of words, as the other accounts divide them.

    Were the same accounts to decide which words are rare, a word that one of them likes would be
    rare because it is one account's, and rare words would look personal in any population.
    """
    others = ~measured[codes]
    words, users = _users(items.take(others), codes[others])
    kinds = _classes(users, int((~measured).sum()))
    said = items.words_in(codes)
    ours = measured[said.owner]
    kind = _lookup(said.token, words, kinds)
    of_ours = np.where(measured, sizes, 0)
    return [
        count_pairs(said.owner[rows], said.word[rows], of_ours).of(measured)
        for rows in (ours & (kind == k) for k in range(len(CLASSES) + 1))
    ]


def _users(items: Stream, codes: Ints) -> tuple[Ints, Ints]:
    """Words, sorted, and how many accounts use each."""
    filled = items.tokens != 0
    owner = np.broadcast_to(codes[:, None], items.tokens.shape)[filled]
    words, word, _ = coded(items.tokens[filled])
    cells, _, _ = coded(owner * max(len(words), 1) + word)
    return words, np.bincount(cells % max(len(words), 1), minlength=len(words))


def _classes(users: Ints, customers: int) -> Ints:
    found: Ints = np.searchsorted(CLASSES, users / max(customers, 1))
    return found


def _lookup(tokens: Ints, words: Ints, kinds: Ints) -> Ints:
    """Class of each token; one that is not among the words is of the rarest."""
    if not len(words):
        return np.zeros(tokens.shape, dtype=np.int64)
    i = np.minimum(np.searchsorted(words, tokens), len(words) - 1)
    return np.where(words[i] == tokens, kinds[i], 0)
