"""MMD window: is a window of queries drawn from what everybody asks?

Kernel two-sample test (Gretton et al., JMLR 2012) on windows of 1,500 queries, as arXiv 2606.05725
uses it against extraction; the window is an account's last queries. Sentence embeddings are
replaced by hashed character 4-grams, and the Gaussian kernel by random Fourier features (Rahimi and
Recht, NeurIPS 2007), so that the cost is linear. The reference is a sample of the log itself, and
the threshold a quantile over windows drawn from that pool, as in the paper: a narrow honest
customer deviates from such a pool too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.lab.baselines.columns import Floats, Ints, charges, coded, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW = 1500
MIN_WINDOW = 100
"""Queries an account needs: the paper's power is .05 with 100."""

REFERENCE = 6000
"""Queries of the pool."""

FALSE_POSITIVES = 0.003
"""Share of windows of the pool above the threshold: the paper's false positive rate."""

NULL_WINDOWS = 20_000
HASHED = 256
FOURIER = 256
GRAM = 4
LONGEST = 1000
"""Characters of a prompt that are read."""

_CHUNK = 4096
_GOLDEN = 2_654_435_761  # Knuth's multiplicative hash
_SHIFT = 32 - HASHED.bit_length() + 1
_SEED = 20_260_605


def accuse(requests: pa.Table, accounts: pa.Table | None) -> pa.Table:  # noqa: ARG001
    """Accuse accounts whose window deviates from the pool; the score is MMD² over its threshold."""
    account = coded(requests.column("account_id"))
    rows = _windows(account.codes, seconds(requests), len(account))
    score = np.zeros(len(account))
    if not len(rows):
        return charges(account.values, score, score > 1)
    rng = np.random.default_rng(_SEED)
    prompts = requests.column("prompt").combine_chunks()
    pool = np.sort(rng.choice(len(prompts), min(REFERENCE, len(prompts)), replace=False))
    kernel = Kernel.of(hashed(prompts.take(pa.array(pool))), rng)
    reference = np.concatenate(list(kernel.features(prompts, pool)))
    centre, unit = reference.mean(axis=0), unit_threshold(reference)
    for code, window in _by_account(account.codes, rows):
        mean = np.concatenate(list(kernel.features(prompts, window))).mean(axis=0)
        deviation = float(((mean - centre) ** 2).sum())
        score[code] = deviation / (unit * (1 / len(window) + 1 / len(reference)))
    return charges(account.values, score, score > 1)


class Kernel:
    """Random Fourier features of a Gaussian kernel with the median heuristic's width."""

    def __init__(self, directions: Floats, phases: Floats) -> None:
        self._directions, self._phases = directions, phases

    @classmethod
    def of(cls, sample: Floats, rng: np.random.Generator) -> Kernel:
        """Choose the width from a sample of hashed texts."""
        a, b = rng.integers(0, len(sample), (2, 2000))
        width = float(np.median(np.linalg.norm(sample[a] - sample[b], axis=1))) or 1.0
        directions = rng.normal(0, 1 / width, (HASHED, FOURIER))
        return cls(directions, rng.uniform(0, 2 * np.pi, FOURIER))

    def features(self, prompts: pa.Array, rows: Ints) -> Iterator[Floats]:
        """Features of some prompts, in pieces that bound the memory."""
        for start in range(0, len(rows), _CHUNK):
            texts = hashed(prompts.take(pa.array(rows[start : start + _CHUNK])))
            yield np.sqrt(2 / FOURIER) * np.cos(texts @ self._directions + self._phases)


def hashed(texts: pa.Array) -> Floats:
    """Counts of hashed character n-grams, square-rooted and scaled to length one: (n, HASHED)."""
    short = pc.utf8_rpad(pc.utf8_slice_codeunits(pc.utf8_lower(texts), 0, LONGEST), GRAM)
    binary = short.cast(pa.large_binary())
    offsets = np.frombuffer(binary.buffers()[1], dtype=np.int64)
    offsets = offsets[binary.offset : binary.offset + len(binary) + 1]
    data = np.frombuffer(binary.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    code = np.zeros(len(data) - GRAM + 1, dtype=np.uint32)
    for place in range(GRAM):
        code |= data[place : len(code) + place].astype(np.uint32) << np.uint32(8 * place)
    row = np.repeat(np.arange(len(texts)), np.diff(offsets))[: len(code)]
    inside = np.arange(len(code)) + GRAM <= (offsets[1:] - offsets[0])[row]
    bucket = (code * np.uint32(_GOLDEN)) >> np.uint32(_SHIFT)
    cells = row[inside] * HASHED + bucket[inside]
    counts = np.sqrt(np.bincount(cells, minlength=len(texts) * HASHED).reshape(-1, HASHED))
    return np.asarray(counts / np.linalg.norm(counts, axis=1, keepdims=True))


def unit_threshold(reference: Floats) -> float:
    """Threshold of the squared distance of one query, drawn from the pool, to the pool's centre.

    The distance of a mean of independent draws is a weighted sum of chi-squares and scales with one
    over their number, so it is simulated once for all sizes of window.
    """
    spread = np.maximum(np.linalg.eigvalsh(np.cov(reference.T)), 0)
    draws = np.random.default_rng(_SEED).chisquare(1, (NULL_WINDOWS, len(spread))) @ spread
    return float(np.quantile(draws, 1 - FALSE_POSITIVES))


def _windows(account: Ints, when: Ints, size: int) -> Ints:
    """Rows of each account's last queries, by account and time, of accounts with enough of them."""
    order = np.lexsort((when, account))
    counts = np.bincount(account, minlength=size)
    ends = np.cumsum(counts)[account[order]]
    back = ends - np.arange(len(order))
    keep = (back <= WINDOW) & (counts[account[order]] >= MIN_WINDOW)
    return np.asarray(order[keep])


def _by_account(account: Ints, rows: Ints) -> Iterator[tuple[int, Ints]]:
    codes = account[rows]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    for start, stop in zip(starts, np.r_[starts[1:], len(rows)], strict=True):
        yield int(codes[start]), rows[start:stop]
