"""Taking a mixed candidate apart, on the mining half of the evidence.

A candidate may hold several campaigns that use one wording, or a campaign among strangers with the
same turn of phrase. Strangers are dropped account by account: those whose own requests resemble
each other more than the group's do. What remains is looked at whole, without those who converse,
and without those who keep hours of their own; what looks like one queue is taken out. The rest is
divided in two, until it looks like one queue or is too small to tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.campaigns.candidates import MIN_ACCOUNTS
from stillwatch.campaigns.dividing import by_activity, by_content, resembling
from stillwatch.campaigns.exchangeability import PairCounts, account_ratios, count_pairs
from stillwatch.campaigns.habits import KEPT, compare_content, follow_ups, measure
from stillwatch.campaigns.individuals import Floors, test_content, test_customers, test_people

if TYPE_CHECKING:
    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.stream import Stream

Ints = NDArray[np.int64]

MIN_REQUESTS = 3
"""Mined requests below which an account's own evidence says nothing either way."""

SURE = 1e-4
"""P-value on the mining half from which a part is not divided further."""

_ROUNDS = 6

_GROWTH = 2
"""Rounds in which the core of a queue grows: the first finds nearly all."""

_SAME = 0.5
"""Share of a core that no other queue of the crowd took, up to which it is a part of these."""


def split(stream: Stream, floors: Floors, traits: Traits, level: float) -> list[Ints]:
    """Parts of a candidate that look like one queue each.

    Args:
        stream: the candidate's sampled requests of the mining half.
        floors: of the benign-group null.
        traits: of all accounts.
        level: p-value up to which a part is kept.

    Returns:
        Account keys of each part, sorted; parts do not overlap.
    """
    if floors.content is None:
        return []
    found: list[Ints] = []
    tried: list[Ints] = []
    rest = blending(stream, floors, rhythm=False)
    for part in (rest, _without_talkers(rest, floors), blending(rest, floors, rhythm=True)):
        accounts = np.setdiff1d(part.account, np.concatenate([*found, part.account[:0]]))
        if any(np.array_equal(accounts, one) for one in tried):
            continue
        tried.append(accounts)
        if _shows(part.of_accounts(accounts), floors, traits, SURE):
            found.append(accounts)
    rest = rest.of_accounts(np.setdiff1d(rest.account, np.concatenate([*found, rest.account[:0]])))
    sides = by_activity(rest) if len(rest) else []
    parts = [part for side in sides for part in split(side, floors, traits, level)]
    if not parts and _shows(rest, floors, traits, level):
        parts = [np.unique(rest.account)]
    return found + parts


@dataclass(frozen=True)
class Queue:
    """Accounts of a crowd that look like one queue.

    Attributes:
        core: account keys, sorted, of the part that showed, or of the surest that one in doubt
            grew to.
        grown: of the surest that it grew to, itself where none shows.
    """

    core: Ints
    grown: Ints


def queues(
    stream: Stream, crowd: Stream, floors: Floors, traits: Traits, level: float
) -> list[Queue]:
    """Parts of a crowd without words in common that look like one queue each.

    Who drains one queue asks about the same mix of things; a crowd of people has no such mix. In a
    crowd a queue's accounts look like people, because strangers share less with them than they
    share with each other. So the crowd is divided by content before anybody is dropped, and each
    queue that shows grows by the accounts that were cut off from it.

    Args:
        stream: sampled requests, of the mining half, of the accounts that may be in a queue.
        crowd: of these and of everybody else who has their habit.
        floors: of the benign-group null.
        traits: of all accounts.
        level: p-value up to which a part is kept.
    """
    if floors.content is None or not len(stream):
        return []
    found: list[Queue] = []
    taken = stream.account[:0]
    for _, core in sorted(_cores(stream, floors, traits, level), key=lambda core: core[0]):
        own = np.setdiff1d(core, taken)
        if len(own) > _SAME * len(core):
            rest = stream.of_accounts(np.setdiff1d(stream.account, taken))
            queue = _grown(own, rest, crowd, floors, traits, level)
            found.append(queue)
            taken = np.concatenate([taken, queue.core, queue.grown])
    return found


def _cores(
    stream: Stream, floors: Floors, traits: Traits, level: float
) -> list[tuple[float, Ints]]:
    """P-values and accounts of the parts of a divided crowd that look like one queue each."""
    blend = blending(stream, floors, rhythm=False)
    if (p := _p(blend, floors, traits)) <= SURE:
        return [_alike(blend, floors, traits)]
    sides = by_content(stream, floors.telling)
    cores = [core for side in sides for core in _cores(side, floors, traits, level)]
    if len(cores) > 1:
        # a queue among strangers is cut as well, and shows more when it is whole
        accounts = np.concatenate([core for _, core in cores])
        whole = _alike(blending(stream.of_accounts(accounts), floors, rhythm=False), floors, traits)
        if whole[0] <= min(p for p, _ in cores):
            return [whole]
    return cores or ([_alike(blend, floors, traits)] if p <= level else [])


def _grown(
    core: Ints, stream: Stream, crowd: Stream, floors: Floors, traits: Traits, level: float
) -> Queue:
    """The queue around a core.

    In each round the accounts that ask about what the core asks about, rather than about what the
    crowd does, take its place; of these, those that keep to topics of their own do not count.
    """
    looks = [(_p(stream.of_accounts(core), floors, traits), core)]
    joined = core
    for _ in range(_GROWTH):
        joined = np.intersect1d(resembling(crowd, joined, floors.telling), stream.account)
        looks.append(
            _alike(blending(stream.of_accounts(joined), floors, rhythm=False), floors, traits)
        )
    # the smallest of several p-values is small by chance, too
    surest = core if looks[0][0] <= SURE else min(looks, key=lambda look: look[0])[1]
    wider = [look for look in looks[1:] if look[0] <= level]
    return Queue(surest, min(wider, key=lambda look: look[0])[1] if wider else surest)


def _alike(stream: Stream, floors: Floors, traits: Traits) -> tuple[float, Ints]:
    """P-value and accounts of a stream, or of those without hours of their own if it is smaller."""
    parts = (stream, blending(stream, floors, rhythm=True))
    looks = [_p(part, floors, traits) for part in parts]
    best = int(np.argmin(looks))
    return looks[best], np.unique(parts[best].account)


def _shows(stream: Stream, floors: Floors, traits: Traits, level: float) -> bool:
    """Whether `_p` is at most a level: nearly always content alone says that it is not."""
    if len(np.unique(stream.account)) < MIN_ACCOUNTS or test_content(stream, floors) > level:
        return False
    return _p(stream, floors, traits) <= level


def _p(stream: Stream, floors: Floors, traits: Traits) -> float:
    accounts = np.unique(stream.account)
    if len(accounts) < MIN_ACCOUNTS:
        return 1.0
    p = test_people(measure(stream, telling=floors.telling), floors).p_by_one
    if p == 1.0:
        return p
    return max(p, test_customers(stream, accounts, traits, floors))


def _without_talkers(stream: Stream, floors: Floors) -> Stream:
    """The accounts that follow up or repeat less than the most taciturn honest group."""
    accounts, codes, sizes = stream.coded()
    talks = np.bincount(codes, follow_ups(stream, codes), len(accounts)) / np.maximum(sizes, 1)
    return stream.of_accounts(accounts[talks <= (floors.conversation or 0.0)])


def blending(stream: Stream, floors: Floors, *, rhythm: bool, rounds: int = _ROUNDS) -> Stream:
    """The accounts whose requests agree among themselves little more than with the others'.

    An account is dropped when its agreeing pairs exceed by two standard deviations what the
    floor's individuality would give; then the others are compared again.
    """
    for _ in range(rounds):
        accounts, codes, sizes = stream.coded()
        if len(accounts) < MIN_ACCOUNTS:
            break
        blends = sizes >= MIN_REQUESTS
        content = compare_content(stream, floors.telling)
        blends &= _within(content.pairs, floors.content_of(content.floor()))
        if rhythm and floors.rhythm is not None:
            hours = np.unique(stream.slot, return_inverse=True)[1]
            blends &= _within(count_pairs(codes, hours, sizes), floors.rhythm)
        if blends.all():
            break
        stream = stream.of_accounts(accounts[blends])
    return stream


def impersonal(stream: Stream, floors: Floors, level: float) -> Ints:
    """Accounts of which it is ruled out, each by itself, that they keep to topics of their own.

    The null is that the account's requests agree with one another as much as those of a typical
    customer do: a Poisson test of its agreeing pairs against the others' rate. A group is compared
    with the least individual of honest groups, an account with the customers that it would be one
    of. Blending in is the absence of evidence for a person; this is evidence for a share of a
    queue. Both are asked for: a customer may be less of a person than the average without being a
    share of anything.
    """
    content = compare_content(stream, floors.telling)
    accounts = content.accounts
    if len(accounts) < MIN_ACCOUNTS or floors.content is None:
        return accounts[:0]
    typical = content.floor(1.0)
    if not np.isfinite(typical):
        typical = floors.content / KEPT
    agreeing, expected = account_ratios(content.pairs)
    p = stats.poisson.cdf(np.ceil(agreeing), expected * np.exp(typical))
    blends = _within(content.pairs, floors.content_of(content.floor()))
    found: Ints = accounts[(p <= level) & blends]
    return found


def _within(pairs: PairCounts, log_floor: float | None) -> NDArray[np.bool_]:
    agreeing, expected = account_ratios(pairs)
    bound = expected * np.exp(log_floor or 0.0)
    result: NDArray[np.bool_] = agreeing <= bound + 2 * np.sqrt(bound) + 1
    return result
