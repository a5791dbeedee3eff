"""Families with nearly the same core, put together by a compiled loop."""

from __future__ import annotations

import numpy as np

from stillwatch.sketch.jit import kernel

MOST_SEEDS = 512
"""Groups that an account's families are compared with: one that feeds more of them than that is in
everything, and would cost the square of what it does."""

SURE_ACCOUNTS = 128
"""Accounts that tell whether two cores may be nearly the same: of a core of twice as many or more
only so many are looked up, every second one, every fourth, and so on."""

MARGIN = 0.15
"""By how much the similarity of so many accounts may fall short of that of all: four standard
errors at three quarters. What is nearer is compared exactly."""


@kernel
def _level(size):  # type: ignore[no-untyped-def]
    """How often a core is halved to be looked up."""
    level = 0
    while size >> (level + 1) >= SURE_ACCOUNTS:
        level += 1
    return level


@kernel
def _spots(accounts, level, places):  # type: ignore[no-untyped-def]
    """Where the accounts that are looked up at a level are filed."""
    chosen = accounts[accounts & ((1 << level) - 1) == 0]
    return places[level] + (chosen >> level)


@kernel
def _meet(spots, head, after, group, shared, touched):  # type: ignore[no-untyped-def]
    """Count in `shared` how many spots have each group, and note in `touched` which groups."""
    met = 0
    for spot in spots:
        link = head[spot]
        while link >= 0:
            g = group[link]
            if shared[g] == 0:
                touched[met] = g
                met += 1
            shared[g] += 1
            link = after[link]
    return met


@kernel
def _similarity(one, other, people):  # type: ignore[no-untyped-def]
    """Jaccard similarity; `people` has zeros and is left with zeros."""
    people[one] = 1
    both = people[other].sum()
    people[one] = 0
    return both / (one.size + other.size - both)


@kernel
def _longer(links, least):  # type: ignore[no-untyped-def]
    room = links.size
    if room >= least:
        return links
    while room < least:
        room *= 2
    longer = np.empty(room, np.int64)
    longer[: links.size] = links
    return longer


@kernel
def group_by_core(accounts, starts, least, most):  # type: ignore[no-untyped-def]
    """Let each family join the earlier group whose first family's core is nearly its own.

    Cores of which that may be true differ by less than a factor of two, so each first family is
    filed for its own level of halving and for those beside it.

    Args:
        accounts: int64, codes of the families' accounts from 0, one family after another; which
            codes are even says nothing about the accounts.
        starts: int64[families + 1], where each family begins.
        least: Jaccard similarity from which on cores are one, more than one half.
        most: groups; families that come after their first ones join one of these or none.

    Returns:
        int64[families]: each family's group, numbered by their first families; -1 for none.
    """
    families = starts.size - 1
    home = np.empty(families, np.int64)
    people = np.zeros(int(accounts.max()) + 1, np.int64)
    places = np.zeros(_level(accounts.size) + 3, np.int64)  # where the accounts of levels begin
    for level in range(places.size - 1):
        places[level + 1] = places[level] + (people.size >> level) + 1
    head, length = np.full(places[-1], -1, np.int64), np.zeros(places[-1], np.int64)
    after, group = np.empty(1 << 16, np.int64), np.empty(1 << 16, np.int64)
    first = np.empty(families, np.int64)  # of each group
    filed = np.zeros((families, 3), np.int64)  # accounts of it a level below its own, there, above
    shared, touched = np.zeros(families, np.int64), np.empty(families, np.int64)
    links = groups = 0
    for family in range(families):
        core = accounts[starts[family] : starts[family + 1]]
        level = _level(core.size)
        spots = _spots(core, level, places)
        best, best_similarity = -1, least
        for g in touched[: _meet(spots, head, after, group, shared, touched)]:
            other = accounts[starts[first[g]] : starts[first[g] + 1]]
            size = filed[g, level - _level(other.size) + 1]
            near = shared[g] / (spots.size + size - shared[g])
            shared[g] = 0
            if near < least - MARGIN:
                continue
            similarity = _similarity(core, other, people)
            if similarity > best_similarity or (similarity == best_similarity and g > best):
                best, best_similarity = g, similarity
        home[family] = best
        if best >= 0 or groups == most:
            continue
        home[family], first[groups] = groups, family
        for own in range(max(level - 1, 0), level + 2):
            spots = _spots(core, own, places)
            filed[groups, own - level + 1] = spots.size
            if links + spots.size > after.size:
                after, group = (
                    _longer(after, links + spots.size),
                    _longer(group, links + spots.size),
                )
            for spot in spots[length[spots] < MOST_SEEDS]:
                after[links], group[links] = head[spot], groups
                head[spot] = links
                length[spot] += 1
                links += 1
        groups += 1
    return home
