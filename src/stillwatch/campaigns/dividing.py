"""Dividing the accounts of a stream in two.

By when they are active, which is what tells two operators with one wording apart; or by what they
ask about, which is what tells a queue from the people who ask for the same kind of answer. Either
way the accounts are rows of frequencies, compared by Hellinger's distance, and cut by 2-means from
the first principal direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import LinearOperator, svds

from stillwatch.campaigns.candidates import MIN_ACCOUNTS

if TYPE_CHECKING:
    from stillwatch.campaigns.stream import Stream
    from stillwatch.campaigns.telling import Telling

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDS = 6

_DIRECTIONS = 8
"""Principal directions of content that distances are taken in: of words there are thousands."""

_COMMON = 3
"""Accounts of which a word must be: what one or two say divides nobody else."""

_COMPARED = 8
"""Most parts of the others that a group is compared with: enough to average over who is in them."""

_SMOOTHING = 200.0
"""Words, as all use them, that a group's use of words is smoothed with: a few requests' worth."""


def by_activity(stream: Stream) -> list[Stream]:
    """The accounts in two by the days and hours of their activity; none if a side is too small."""
    accounts, codes, sizes = stream.coded()
    day = np.unique(stream.slot // 24, return_inverse=True)[1]
    profile = np.hstack(
        [_frequencies(codes, day, sizes), _frequencies(codes, stream.slot % 24, sizes)]
    )
    return _sides(stream, accounts, profile - profile.mean(axis=0))


def by_content(stream: Stream, telling: Telling | None) -> list[Stream]:
    """The accounts in two by their content words, frames left out; none if a side is too small."""
    accounts, said = _said(stream, telling)
    said = said[:, np.asarray((said > 0).sum(axis=0)).ravel() >= _COMMON]
    if min(said.shape) <= _DIRECTIONS:
        return []
    totals = np.maximum(np.asarray(said.sum(axis=1)).ravel(), 1)
    rows = said.multiply(1 / totals[:, None]).sqrt().tocsr()
    return _sides(stream, accounts, _principal(rows))


def resembling(stream: Stream, group: Ints, telling: Telling | None) -> Ints:
    """The accounts that use content words rather as a group does than as others do.

    A likelihood ratio of two multinomial distributions, each smoothed towards that of all; what an
    account says itself is left out of both (naive Bayes, leaving one out). The others are taken as
    many at a time as the group is large, since who knows more words explains more by that alone.

    Args:
        stream: of the group and of others.
        group: account keys.
        telling: what agreements in words are worth.

    Returns:
        Account keys, sorted.
    """
    accounts, said = _said(stream, telling)
    inside = np.isin(accounts, group)
    own = _fits(said, inside)
    parts = max(1, int((~inside).sum()) // max(1, int(inside.sum())))
    turn = (np.cumsum(~inside) - 1) % parts
    score = np.zeros(len(accounts))
    for part in range(min(parts, _COMPARED)):
        score += own - _fits(said, ~inside & (turn == part))
    found: Ints = accounts[score > 0]
    return found


def _fits(said: csr_matrix, side: NDArray[np.bool_]) -> Floats:
    """Log-likelihood of what each account says, as what the other accounts of a side say."""
    cells = said.tocoo()
    usual = np.asarray(said.sum(axis=0)).ravel() / max(said.sum(), 1)
    others = np.asarray(said[side].sum(axis=0)).ravel()[cells.col] - side[cells.row] * cells.data
    size = said[side].sum() - side * np.asarray(said.sum(axis=1)).ravel()
    rate = (others + _SMOOTHING * usual[cells.col]) / (size[cells.row] + _SMOOTHING)
    return np.bincount(cells.row, cells.data * np.log(rate), len(side)).astype(np.float64)


def _said(stream: Stream, telling: Telling | None) -> tuple[Ints, csr_matrix]:
    """How often each account uses each content word, frames left out; an item counts once."""
    items = stream.items()
    accounts, codes, _ = items.coded()
    words = items.words_in(codes, telling)
    uses = words.uses
    cells = (uses.times.astype(np.float64), (uses.owner, uses.word))
    return accounts, csr_matrix(cells, shape=(len(accounts), len(words.weight)))


def _frequencies(codes: Ints, values: Ints, sizes: Ints) -> Floats:
    width = int(values.max()) + 1
    counts = np.bincount(codes * width + values, minlength=len(sizes) * width)
    table: Floats = np.sqrt(counts.reshape(len(sizes), width) / sizes[:, None])
    return table


def _principal(rows: csr_matrix) -> Floats:
    """Coordinates in the first principal directions; rows are centred without filling them up."""
    centre = np.asarray(rows.mean(axis=0)).ravel()
    centred = LinearOperator(
        rows.shape,
        matvec=lambda x: rows @ x.ravel() - centre @ x.ravel(),
        rmatvec=lambda y: rows.T @ y.ravel() - centre * y.sum(),
        dtype=np.float64,
    )
    # a fixed start, so that the same rows always give the same sides
    start = np.random.default_rng(0).normal(size=min(rows.shape))
    left, values, _ = svds(centred, k=_DIRECTIONS, v0=start)
    coordinates: Floats = left * values
    return coordinates


def _sides(stream: Stream, accounts: Ints, profile: Floats) -> list[Stream]:
    side = profile @ _first_direction(profile) > 0
    for _ in range(_ROUNDS):
        if side.all() or not side.any():
            break
        near = [((profile - profile[side == s].mean(axis=0)) ** 2).sum(axis=1) for s in (0, 1)]
        side = near[1] < near[0]
    if min(side.sum(), (~side).sum()) < MIN_ACCOUNTS:
        return []
    return [stream.of_accounts(accounts[side == s]) for s in (False, True)]


def _first_direction(rows: Floats) -> Floats:
    _, vectors = np.linalg.eigh(rows.T @ rows)
    direction: Floats = vectors[:, -1]
    # a fixed sign, so that the same rows always give the same sides
    signed: Floats = direction * np.sign(direction[np.abs(direction).argmax()])
    return signed
