"""Taking a mixed candidate apart, on the mining half of the evidence.

A candidate may hold two campaigns that use one wording, or a campaign among strangers with the same
turn of phrase. Strangers are dropped account by account: those whose own requests resemble each
other more, in content or in time, than the group's do. What remains is divided by when its accounts
are active, for one queue has one rhythm, until a part looks like one queue or is too small to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import MIN_ACCOUNTS
from stillwatch.campaigns.exchangeability import PairCounts, account_ratios, count_pairs
from stillwatch.campaigns.habits import measure
from stillwatch.campaigns.individuals import Floors, test_people

if TYPE_CHECKING:
    from stillwatch.campaigns.stream import Stream

Ints = NDArray[np.int64]

MIN_REQUESTS = 3
"""Mined requests below which an account's own evidence says nothing either way."""

SURE = 1e-4
"""P-value on the mining half from which a part is not divided further."""

_ROUNDS = 6


def split(stream: Stream, floors: Floors, level: float) -> list[Ints]:
    """Parts of a candidate that look like one queue each.

    Args:
        stream: the candidate's sampled requests of the mining half.
        floors: of the benign-group null.
        level: p-value up to which a part is kept.

    Returns:
        Account keys of each part, sorted; parts do not overlap.
    """
    if floors.content is None:
        return []
    return _divide(stream, floors, level, rhythm=False)


def _divide(stream: Stream, floors: Floors, level: float, *, rhythm: bool) -> list[Ints]:
    stream = blending(stream, floors, rhythm=rhythm)
    accounts = np.unique(stream.account)
    if len(accounts) < MIN_ACCOUNTS:
        return []
    p = test_people(measure(stream), floors).p
    if p <= SURE:
        return [accounts]
    if not rhythm:
        return _divide(stream, floors, level, rhythm=True) or _halve(stream, floors, level)
    return _halve(stream, floors, level) or ([accounts] if p <= level else [])


def _halve(stream: Stream, floors: Floors, level: float) -> list[Ints]:
    side = _by_activity(stream)
    parts = [stream.take(side == value) for value in (False, True)]
    if min(len(np.unique(part.account)) for part in parts) < MIN_ACCOUNTS:
        return []
    return [found for part in parts for found in _divide(part, floors, level, rhythm=True)]


def blending(stream: Stream, floors: Floors, *, rhythm: bool, rounds: int = _ROUNDS) -> Stream:
    """The accounts whose requests agree among themselves little more than with the others'.

    An account is dropped when its agreeing pairs exceed by two standard deviations what the
    floor's individuality would give; then the others are compared again.
    """
    for _ in range(rounds):
        accounts, codes, sizes = stream.coded()
        if len(accounts) < MIN_ACCOUNTS:
            break
        owner, word, weight = stream.words_in(codes)
        blends = sizes >= MIN_REQUESTS
        blends &= _within(count_pairs(owner, word, sizes, weight), floors.content)
        if rhythm and floors.rhythm is not None:
            hours = np.unique(stream.slot, return_inverse=True)[1]
            blends &= _within(count_pairs(codes, hours, sizes), floors.rhythm)
        if blends.all():
            break
        stream = stream.of_accounts(accounts[blends])
    return stream


def _within(pairs: PairCounts, log_floor: float | None) -> NDArray[np.bool_]:
    agreeing, expected = account_ratios(pairs)
    bound = expected * np.exp(log_floor or 0.0)
    result: NDArray[np.bool_] = agreeing <= bound + 2 * np.sqrt(bound) + 1
    return result


def _by_activity(stream: Stream) -> NDArray[np.bool_]:
    """Divide the accounts in two by the days and hours of their activity; one side a request.

    The sign of the second singular vector of the account profiles (square roots of frequencies,
    so that distances are Hellinger's), then a few rounds of 2-means.
    """
    _, codes, sizes = stream.coded()
    day = np.unique(stream.slot // 24, return_inverse=True)[1]
    profile = np.hstack(
        [_frequencies(codes, day, sizes), _frequencies(codes, stream.slot % 24, sizes)]
    )
    centred = profile - profile.mean(axis=0)
    side = centred @ _first_direction(centred) > 0
    for _ in range(_ROUNDS):
        if side.all() or not side.any():
            break
        near = [((profile - profile[side == s].mean(axis=0)) ** 2).sum(axis=1) for s in (0, 1)]
        side = near[1] < near[0]
    result: NDArray[np.bool_] = side[codes]
    return result


def _frequencies(codes: Ints, values: Ints, sizes: Ints) -> NDArray[np.float64]:
    width = int(values.max()) + 1
    counts = np.bincount(codes * width + values, minlength=len(sizes) * width)
    table: NDArray[np.float64] = np.sqrt(counts.reshape(len(sizes), width) / sizes[:, None])
    return table


def _first_direction(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    _, vectors = np.linalg.eigh(rows.T @ rows)
    direction: NDArray[np.float64] = vectors[:, -1]
    # a fixed sign, so that the same rows always give the same sides
    signed: NDArray[np.float64] = direction * np.sign(direction[np.abs(direction).argmax()])
    return signed
