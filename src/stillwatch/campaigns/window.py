"""Is this window of queries an extraction? A two-sample test that needs no accounts.

A window that holds part of a training corpus has some piece of wording (a word, a pair of words, a
way to open or to end) in more of its queries than the provider's customers give cause for. So each
piece is counted in the window and in the reference, and the statistic is the mean of the largest
few signed roots of the likelihood ratio: a scan over pieces, which sees one query in twenty where a
mean over queries (a kernel two-sample test) drowns it in the others (`docs/decisions/0043`).

The null is taken from the reference itself: whole customers are drawn as the window, the others are
what it is compared with. The window under test is thinned to the same size, and so is what it is
compared with, so that under the null both are drawn alike and only chance tells them apart.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.sparse import csr_matrix

from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_REFERENCE = 200
"""Queries of the reference: fewer do not show what customers ask."""

MIN_QUERIES = 20
"""Queries of a window: fewer are no window."""

STRONGEST = 3
"""Pieces whose mean is the statistic: one may be a coincidence; the more, the less they stand out.
Of 1, 3, 10, 30 and 100, three saw most of a mixed corpus at one query in twenty."""

NULL_WINDOWS = 200
"""Windows of the reference that the null is taken from."""

LOOKS = 5
"""Thinned windows that are averaged: what is left out by chance should not decide."""

TELLING = 3.0
"""Signed root from which on a piece counts in naming the queries that speak most."""

_DIMENSIONS = 1 << 16
_WORDS = 150
_PIECES = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True, slots=True)
class ExtractionTest:
    """The outcome of `extraction_test`.

    Attributes:
        p_value: how rarely a window of the reference's customers looks at least as much like an
            extraction; by a Gumbel distribution, which maxima have, with the null's moments.
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
        seed: of the null windows and of what is left out.

    Raises:
        UsageError: the window or the reference is too small.
    """
    return WindowTest.of(reference, seed=seed).test(queries)


@dataclass(frozen=True)
class WindowTest:
    """A reference that several windows are tested against.

    Attributes:
        rows: which pieces each query of the reference has, customer by customer.
        customer: number of each row's customer, from 0.
        total: queries of the reference that have each piece.
        seed: of the null windows and of what is left out.
    """

    rows: csr_matrix
    customer: Ints
    total: Floats
    seed: int
    _nulls: dict[int, tuple[float, float]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, reference: Sequence[str] | Sequence[Sequence[str]], *, seed: int = 0) -> WindowTest:
        """Learn from honest customers; arguments and errors as for `extraction_test`."""
        customers = [[one] if isinstance(one, str) else list(one) for one in reference]
        sizes = [len(texts) for texts in customers if texts]
        if sum(sizes) < MIN_REFERENCE or len(sizes) < MIN_QUERIES:
            raise UsageError(
                f"the reference needs {MIN_REFERENCE} queries of {MIN_QUERIES} customers,"
                f" this one has {sum(sizes)} of {len(sizes)}"
            )
        rows = _hashed([text for texts in customers for text in texts])
        return cls(
            rows=rows,
            customer=np.repeat(np.arange(len(sizes)), sizes),
            total=np.asarray(rows.sum(axis=0)).ravel(),
            seed=seed,
        )

    @property
    def size(self) -> int:
        """Queries of the reference."""
        return len(self.customer)

    def test(self, queries: Sequence[str]) -> ExtractionTest:
        """Test one window."""
        if len(queries) < MIN_QUERIES:
            raise UsageError(f"a window needs {MIN_QUERIES} queries, this one has {len(queries)}")
        window = _hashed(queries)
        # the same share of all queries as the window is of both
        width = max(round(self.size * len(queries) / (self.size + len(queries))), 1)
        centre, spread = self._null(width)
        rng = np.random.default_rng([self.seed, width])
        looks = np.zeros((LOOKS, _DIMENSIONS))
        for look in looks:
            kept = _marked(len(queries), rng.permutation(len(queries))[:width])
            others = self.total - self._drawn(width, rng) @ self.rows
            look[:] = _roots(kept @ window, width, others, self.size - width)
        score = float((np.mean([_strength(look) for look in looks]) - centre) / spread)
        excess = window @ np.maximum(looks.mean(axis=0) - TELLING, 0)
        return ExtractionTest(
            p_value=float(stats.gumbel_r.sf(score, *_GUMBEL)),
            score=score,
            queries=len(queries),
            reference=self.size,
            most_alike=tuple(np.argsort(-excess, kind="stable")[:10].tolist()),
        )

    def _null(self, width: int) -> tuple[float, float]:
        """Mean and standard deviation of the statistic over windows of the reference."""
        if width not in self._nulls:
            rng = np.random.default_rng(self.seed)
            found = []
            for _ in range(NULL_WINDOWS):
                counts = self._drawn(width, rng) @ self.rows
                roots = _roots(counts, width, self.total - counts, self.size - width)
                found.append(_strength(roots))
            self._nulls[width] = float(np.mean(found)), max(float(np.std(found, ddof=1)), 1e-12)
        return self._nulls[width]

    def _drawn(self, width: int, rng: np.random.Generator) -> Floats:
        """Marks of so many queries of whole customers, of the last one as many as it takes."""
        place = rng.permutation(int(self.customer[-1]) + 1)[self.customer]
        return _marked(self.size, np.argsort(place, kind="stable")[:width])


_GUMBEL = (-np.euler_gamma * np.sqrt(6) / np.pi, np.sqrt(6) / np.pi)
"""Place and scale of a Gumbel distribution with mean 0 and standard deviation 1."""


def _marked(size: int, chosen: Ints) -> Floats:
    found = np.zeros(size)
    found[chosen] = 1.0
    return found


def _roots(inside: Floats, width: int, outside: Floats, others: int) -> Floats:
    """Signed roots of the likelihood ratio of each piece: positive where the window has more.

    Args:
        inside: queries of the window that have the piece.
        width: queries of the window.
        outside: queries of the others that have it.
        others: how many these are.
    """
    both = inside + outside
    expected = both * (width / (width + others))
    ratio = _times_log(inside, expected) + _times_log(outside, both - expected)
    found: Floats = np.sign(inside - expected) * np.sqrt(np.maximum(2 * ratio, 0))
    return found


def _times_log(counts: Floats, expected: Floats) -> Floats:
    some = counts > 0
    return counts * np.log(np.divide(counts, expected, out=np.ones_like(counts), where=some))


def _strength(roots: Floats) -> float:
    return float(np.partition(roots, -STRONGEST)[-STRONGEST:].mean())


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
