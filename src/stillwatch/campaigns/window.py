"""Is this window of queries an extraction? A two-sample test that needs no accounts.

A window that holds part of a training corpus has many queries that are alike, in wording and in
how they open and end, where the provider's customers have few. So of each query is counted how
much of the window is like it, and how much of the reference; the statistic is the mean of the
relative difference. It is a kernel two-sample test (Gretton et al. 2012) in which each query is
judged at the density of its own surroundings: what nobody else asks weighs most.

The null is taken from the reference itself: windows of whole customers, drawn from a half that the
densities do not know.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.sparse import csr_matrix, vstack

from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_REFERENCE = 200
"""Queries of the reference: fewer have no density to speak of."""

MIN_QUERIES = 20
"""Queries of a window: fewer are no window."""

ALIKE = 0.1
"""Cosine from which on two queries are alike at all."""

RARE = 1e-4
"""Density below which surroundings count as equally rare: that of the rarest things that a few
thousand reference queries can show."""

NULL_WINDOWS = 200
"""Windows of the reference that the null is taken from."""

_DIMENSIONS = 1 << 13
_WORDS, _BLOCK = 150, 500
_PIECES = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True, slots=True)
class ExtractionTest:
    """The outcome of `extraction_test`.

    Attributes:
        p_value: how rarely a window of the reference's customers looks at least as much like an
            extraction. From the null's mean and spread, by a t distribution.
        score: standard deviations above the null's mean.
        queries, reference: how many queries were compared with how many.
        most_alike: indexes of the ten queries that speak most for it, the strongest first.
    """

    p_value: float
    score: float
    queries: int
    reference: int
    most_alike: tuple[int, ...]


def extraction_test(
    queries: Sequence[str],
    reference: Sequence[str] | Sequence[Sequence[str]],
    *,
    seed: int = 0,
) -> ExtractionTest:
    """Test whether a window of queries holds part of a training corpus.

    Args:
        queries: the window: of an account, of several, or of nobody in particular.
        reference: queries of honest customers of the same service, one sequence of texts a
            customer; or a flat sequence of texts, each then taken for a customer of its own, which
            makes a narrow customer look more unusual than it is.
        seed: of the split of the reference and of the null windows.

    Raises:
        UsageError: the window or the reference is too small.
    """
    return WindowTest.of(reference, seed=seed).test(queries)


@dataclass(frozen=True)
class WindowTest:
    """A reference that several windows are tested against.

    Attributes:
        space: where queries lie, and one half of the reference in it.
        centre, spread: of the statistic over the null windows; the spread is that of one query.
        size: queries of the reference.
    """

    space: Space
    centre: float
    spread: float
    size: int

    @classmethod
    def of(cls, reference: Sequence[str] | Sequence[Sequence[str]], *, seed: int = 0) -> WindowTest:
        """Learn from honest customers; arguments and errors as for `extraction_test`."""
        customers = [[one] if isinstance(one, str) else list(one) for one in reference]
        customers = [texts for texts in customers if texts]
        size = sum(len(texts) for texts in customers)
        if size < MIN_REFERENCE or len(customers) < MIN_QUERIES:
            raise UsageError(
                f"the reference needs {MIN_REFERENCE} queries of {MIN_QUERIES} customers,"
                f" this one has {size} of {len(customers)}"
            )
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(customers))
        space = Space.of([text for i in order[::2] for text in customers[i]])
        drawn = [space.place(customers[i]) for i in order[1::2]]
        left = sum(rows.shape[0] for rows in drawn)
        width = max(MIN_QUERIES, left // 4)
        null = np.array([space.excess(rows).mean() for rows in _windows(drawn, width, rng)])
        # the spread of a mean falls with the root of the size; a window drawn without replacement
        # from few queries varies less than one of new customers
        spread = null.std(ddof=1) * np.sqrt(width / (1 - width / left))
        return cls(space, float(null.mean()), float(max(spread, 1e-12)), size)

    def test(self, queries: Sequence[str]) -> ExtractionTest:
        """Test one window."""
        if len(queries) < MIN_QUERIES:
            raise UsageError(f"a window needs {MIN_QUERIES} queries, this one has {len(queries)}")
        excess = self.space.excess(self.space.place(queries))
        score = float((excess.mean() - self.centre) / self.spread * np.sqrt(len(queries)))
        return ExtractionTest(
            p_value=float(stats.t.sf(score, NULL_WINDOWS - 1)),
            score=score,
            queries=len(queries),
            reference=self.size,
            most_alike=tuple(np.argsort(-excess, kind="stable")[:10].tolist()),
        )


def _windows(
    customers: list[csr_matrix], width: int, rng: np.random.Generator
) -> Iterator[csr_matrix]:
    sizes = np.array([customer.shape[0] for customer in customers])
    for _ in range(NULL_WINDOWS):
        order = rng.permutation(len(customers))
        enough = int(np.searchsorted(np.cumsum(sizes[order]), width)) + 1
        yield vstack([customers[i] for i in order[:enough]]).tocsr()[:width]


@dataclass(frozen=True)
class Space:
    """Where queries lie: hashed words and pairs of words, weighed by their rarity.

    Attributes:
        weights: of the hashed pieces, float64[pieces].
        known: reference queries, rows of unit length.
    """

    weights: Floats
    known: csr_matrix

    @classmethod
    def of(cls, texts: Sequence[str]) -> Space:
        """Learn the rarity of pieces from the reference's texts."""
        counted = _hashed(texts)
        frequency = np.asarray(counted.sum(axis=0)).ravel()
        weights = np.log((len(texts) + 1) / (frequency + 0.5)).clip(0)
        return cls(weights, _scaled(counted, weights))

    def place(self, texts: Sequence[str]) -> csr_matrix:
        """Rows of unit length, one a text."""
        return _scaled(_hashed(texts), self.weights)

    def excess(self, window: csr_matrix) -> Floats:
        """For each query the relative excess of what is like it in the window, float64[queries]."""
        own = _likeness(window, window) - _self(window)
        inside = own / max(window.shape[0] - 1, 1)
        outside = _likeness(window, self.known) / self.known.shape[0]
        found: Floats = (inside - outside) / (outside + RARE)
        return found


def _hashed(texts: Sequence[str]) -> csr_matrix:
    indices: list[int] = []
    ends = [0]
    for text in texts:
        words = ["0" if word.isdigit() else word for word in _PIECES.findall(text.lower())]
        words = words[:_WORDS]
        pieces = {f"u{word}" for word in words}
        # scripts without spaces come as one long word; their pairs of signs stand for words
        pieces |= {f"c{w[i : i + 2]}" for w in words if not w.isascii() for i in range(len(w) - 1)}
        pieces |= {f"b{first} {second}" for first, second in pairwise(words)}
        pieces |= {f"h{' '.join(words[:3])}", f"t{' '.join(words[-3:])}"}
        pieces.add(f"l{len(words).bit_length()}")
        indices += sorted({zlib.crc32(piece.encode()) % _DIMENSIONS for piece in pieces})
        ends.append(len(indices))
    return csr_matrix(
        (np.ones(len(indices)), np.array(indices, dtype=np.int64), np.array(ends)),
        shape=(len(texts), _DIMENSIONS),
    )


def _scaled(counted: csr_matrix, weights: Floats) -> csr_matrix:
    weighed = counted.multiply(weights[None, :]).tocsr()
    lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    return csr_matrix(weighed.multiply(1 / np.maximum(lengths, 1e-9)[:, None]))


def _likeness(rows: csr_matrix, others: csr_matrix) -> Floats:
    """Sum over the others of the cosine beyond `ALIKE`, a block of rows at a time."""
    found = []
    for start in range(0, rows.shape[0], _BLOCK):
        cosines = (rows[start : start + _BLOCK] @ others.T).toarray()
        found.append(np.maximum(cosines - ALIKE, 0).sum(axis=1))
    return np.concatenate(found)


def _self(rows: csr_matrix) -> Floats:
    """What each row's likeness to itself adds; rows without words are like nothing."""
    lengths = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
    found: Floats = np.maximum(lengths - ALIKE, 0)
    return found
