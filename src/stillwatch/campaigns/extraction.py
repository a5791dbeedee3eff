"""Is this stream harvesting?

A harvest has a corpus to cover: it is broad where people are narrow, never asks twice, asks every
time in a fixed frame, wants the reasoning or the grading, and wants long answers. Each of these an
honest customer shows too; all of them at once, hardly one does. How hardly, is read off whole
customers of the same log: each feature is ranked among them, the ranks are combined by Fisher's
method, and the combination is judged by its own distribution over the same customers, which takes
care of features that go together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.campaigns.coding import commonest, pairs
from stillwatch.campaigns.words import COMMON_WORD, framed_words

if TYPE_CHECKING:
    from stillwatch.campaigns.stream import Stream

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEATURES = ("breadth", "novelty", "frame", "elicitation", "output")

FORGONE = ("frame", "elicitation", "output")
"""Features that a harvest can do without, one at a time."""

MIN_REQUESTS = 12
"""Requests a customer needs to be compared with: fewer show no breadth either way."""

MOST_FRAME = 0.35
"""Share of a customer's sampled words that must be left when recurring words are taken out as its
frame. A template of forty words around an item of twenty leaves a third; a job about one subject
leaves less, and its breadth is cut in proportion."""

MIN_CUSTOMERS = 50
"""Whole customers a reference needs: fewer give no tail to speak of."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What words are worth in the population: rare ones much, common ones little.

    Attributes:
        words: sorted token codes; weights: squared inverse document frequency of each.
        unseen: weight of a word that the population sample does not have.
        agreement: weighted agreement of two requests drawn from the population.
    """

    words: Ints
    weights: Floats
    unseen: float
    agreement: float

    @classmethod
    def of(cls, population: Stream) -> Vocabulary:
        """Count the words of a sample of whole customers."""
        n = max(len(population), 2)
        filled = population.tokens[population.tokens != 0].astype(np.int64)
        words, counts = np.unique(filled, return_counts=True)
        weights = np.log(n / counts) ** 2
        weights[counts > COMMON_WORD * n] = 0.0
        pairs = counts * (counts - 1) / 2
        agreement = float((weights * pairs).sum() / (n * (n - 1) / 2))
        return cls(words, weights, float(np.log(n) ** 2), max(agreement, 1e-12))

    def weigh(self, tokens: Ints) -> Floats:
        """Weight of each token."""
        if not len(self.words):
            return np.full(tokens.shape, self.unseen)
        i = np.minimum(np.searchsorted(self.words, tokens), len(self.words) - 1)
        return np.where(self.words[i] == tokens, self.weights[i], self.unseen)


def harvest_features(stream: Stream, codes: Ints, customers: int, vocabulary: Vocabulary) -> Floats:
    """Features of several customers, or of one pooled stream, float64[customers, 5].

    Args:
        stream: their requests.
        codes: customer of each request, 0..customers.
        customers: how many there are.
        vocabulary: of the population.

    Columns as in `FEATURES`:
        breadth: log of the population's agreement over that of the customer's own items (in
            content words, its frame left out); 0 is as broad as everybody together, people are
            below. An item counts once an account: that it is asked again is what novelty sees.
        novelty: share of distinct bodies.
        frame: share of requests in the commonest first words, last words or skeleton.
        elicitation: mean of the larger of the elicitation and grading scores.
        output: log of the mean answer length; nan where unknown.
    """
    n = np.bincount(codes, minlength=customers).astype(float)
    out = np.full((customers, len(FEATURES)), np.nan)
    items = stream.first_asked()
    out[:, 0] = _breadth(stream.take(items), codes[items], customers, vocabulary)
    askers, _, _ = pairs(codes, stream.body)
    out[:, 1] = np.bincount(askers, minlength=customers) / np.maximum(n, 1)
    framed = [commonest(codes, keys, customers)[1] for keys in stream.frames.T]
    out[:, 2] = np.max(framed, axis=0) / np.maximum(n, 1)
    asked = np.maximum(stream.elicitation, stream.grading)
    out[:, 3] = np.bincount(codes, asked, customers) / np.maximum(n, 1)
    known = np.isfinite(stream.output_tokens)
    answered = np.bincount(codes[known], minlength=customers)
    tokens = np.bincount(codes[known], stream.output_tokens[known], customers)
    some = answered > 0
    out[some, 4] = np.log1p(tokens[some] / answered[some])
    return out


def pooled_features(stream: Stream, vocabulary: Vocabulary) -> Floats:
    """Features of several accounts' stream as one harvest, float64[5].

    Pooled but for the frame, which is the mean of the accounts' own: each may have its own words.
    """
    row: Floats = harvest_features(stream, np.zeros(len(stream), np.int64), 1, vocabulary)[0]
    _, codes, sizes = stream.coded()
    frames = harvest_features(stream, codes, len(sizes), vocabulary)[:, FEATURES.index("frame")]
    known = sizes > 1
    if known.any():
        row[FEATURES.index("frame")] = np.average(frames[known], weights=sizes[known])
    return row


def _breadth(stream: Stream, codes: Ints, customers: int, vocabulary: Vocabulary) -> Floats:
    n = np.bincount(codes, minlength=customers).astype(float)
    # frames are an account's own, also where several accounts are one customer
    request, word, distinct, framed = framed_words(stream.tokens, stream.coded()[1])
    owner = codes[request]
    said = np.maximum(np.bincount(owner, minlength=len(n)), 1)
    items = 1 - np.bincount(owner, framed, len(n)) / said
    cells, counts = np.unique(owner[~framed] * len(distinct) + word[~framed], return_counts=True)
    cell_owner, cell_word = cells // max(len(distinct), 1), cells % max(len(distinct), 1)
    worth = vocabulary.weigh(distinct)[cell_word]
    agreeing = np.bincount(cell_owner, worth * counts * (counts - 1) / 2, len(n))
    pairs = n * (n - 1) / 2
    # one agreement in a typical word, spread over all pairs, keeps the ratio finite
    worth_something = vocabulary.weights[vocabulary.weights > 0]
    slack = np.median(worth_something) if len(worth_something) else 1.0
    rate = (agreeing + slack) / np.maximum(pairs, 1)
    # who says hardly anything but recurring words has one narrow subject, not a frame
    found: Floats = np.log(vocabulary.agreement / rate)
    return found + np.log(np.clip(items / MOST_FRAME, 0.01, 1))


@dataclass(frozen=True)
class Reference:
    """Whole customers that streams are compared with.

    Attributes:
        vocabulary: what words are worth.
        accounts: the customers, sorted.
        features: float64[customers, 5], their own features.
        scores: sorted Fisher scores of the same customers.
        least: sorted least unusual ranks of the same customers.
    """

    vocabulary: Vocabulary
    accounts: Ints
    features: Floats
    scores: Floats
    least: Floats

    @classmethod
    def of(cls, population: Stream) -> Reference:
        """Build from a sample of whole customers; those with too few requests are left out."""
        vocabulary = Vocabulary.of(population)
        accounts, codes, sizes = population.coded()
        features = harvest_features(population, codes, len(sizes), vocabulary)
        enough = sizes >= MIN_REQUESTS
        return cls._scored(vocabulary, accounts[enough], features[enough])

    @classmethod
    def _scored(cls, vocabulary: Vocabulary, accounts: Ints, features: Floats) -> Reference:
        # each customer is ranked among the others, as a stream is among all of them
        ranks = np.ones(features.shape)
        for i, column in enumerate(features.T):
            known = np.isfinite(column)
            ordered = np.sort(column[known])
            as_much = len(ordered) - np.searchsorted(ordered, column[known])
            ranks[known, i] = as_much / max(len(ordered), 1)
        least = [_least_unusual(row) for row in ranks]
        return cls(vocabulary, accounts, features, np.sort(_fisher(ranks)), np.sort(least))

    def without(self, account: int) -> Reference:
        """The same without one customer, whom nobody can compare with itself."""
        others = self.accounts != account
        if others.all():
            return self
        return self._scored(self.vocabulary, self.accounts[others], self.features[others])

    @property
    def sufficient(self) -> bool:
        """Whether there are enough customers to judge by."""
        return len(self.features) >= MIN_CUSTOMERS

    @cached_property
    def _ordered(self) -> list[Floats]:
        """What is known of each feature, sorted."""
        return [np.sort(column[np.isfinite(column)]) for column in self.features.T]

    def ranks(self, rows: Floats) -> Floats:
        """For each feature the share of customers that show at least as much; 1 where unknown.

        Args:
            rows: features, float64[..., 5].
        """
        ranks = np.ones(rows.shape)
        for i, known in enumerate(self._ordered):
            some = np.isfinite(rows[..., i]) & (len(known) > 0)
            as_much = len(known) - np.searchsorted(known, rows[..., i][some])
            ranks[..., i][some] = (1 + as_much) / (1 + len(known))
        return ranks

    def alike(self, rows: Floats) -> Floats:
        """The share of customers that look at least as much like a harvest, float64[rows].

        It is the p-value of each row unless no customer does.

        Args:
            rows: features, float64[rows, 5].
        """
        return self._share(_fisher(self.ranks(rows)))

    def _share(self, scores: Floats) -> Floats:
        n = len(self.scores)
        found: Floats = (1 + n - np.searchsorted(self.scores, scores)) / (1 + n)
        return found

    def p_value(self, row: Floats) -> float:
        """How rarely a whole customer looks at least as much like a harvest.

        Inside the sample it is the rank; beyond it, a gamma distribution fitted to the customers'
        scores extrapolates, but never below a hundredth of the smallest possible rank.
        """
        if not self.sufficient:
            return 1.0
        n, score = len(self.scores), _fisher(self.ranks(row))
        rank = float(self._share(score))
        if rank > 1 / (1 + n):
            return rank
        mean, variance = self.scores.mean(), max(self.scores.var(), 1e-9)
        tail = float(stats.gamma.sf(score, mean**2 / variance, scale=variance / mean))
        return float(max(min(rank, max(tail, 0.01 / (1 + n))), 1e-12))

    def p_at_once(self, row: Floats) -> float:
        """How rarely a whole customer is at least as unusual in everything that makes a harvest.

        For who harvests alone there is no other evidence, so nothing may make up for anything: the
        least unusual of breadth, frame, and reasoning or long answers counts, by its rank among
        the same customers, and not beyond.
        """
        if not self.sufficient:
            return 1.0
        found = np.searchsorted(self.least, _least_unusual(self.ranks(row)), side="right")
        return float((1 + found) / (1 + len(self.least)))


def _fisher(ranks: Floats) -> Floats:
    """Fisher's combination of ranks (float64[..., 5]): -2 times the sum of their logarithms.

    Of the features that an operator can forgo (a frame, reasoning, long answers) the least unusual
    is left out. A corpus cannot be covered without breadth, nor by asking twice, so these two
    always count.
    """
    logs = np.log(ranks)
    spared = logs[..., [FEATURES.index(name) for name in FORGONE]].max(axis=-1)
    found: Floats = -2 * (logs.sum(axis=-1) - spared)
    return found


def _least_unusual(ranks: Floats) -> float:
    """The largest rank of breadth, frame, and the better of reasoning and long answers.

    Novelty has no finer rank than the many customers who never ask twice.
    """
    rank = dict(zip(FEATURES, ranks.tolist(), strict=True))
    return float(max(rank["breadth"], rank["frame"], min(rank["elicitation"], rank["output"])))
