"""Families with nearly the same core, put together by a compiled loop."""

from __future__ import annotations

import numpy as np

from stillwatch.sketch.jit import kernel

MOST_SEEDS = 512
"""Groups that an account's families are compared with: one that feeds more of them than that is in
everything, and would cost the square of what it does."""


@kernel
def group_by_core(accounts, starts, least):  # type: ignore[no-untyped-def]
    """Let each family join the earlier group whose first family's core is nearly its own.

    Args:
        accounts: int64, codes of the families' accounts from 0, one family after another.
        starts: int64[families + 1], where each family begins.
        least: Jaccard similarity from which on cores are one.

    Returns:
        int64[families]: each family's group, numbered by their first families.
    """
    families = starts.size - 1
    home = np.empty(families, np.int64)
    size = np.zeros(families, np.int64)  # of each group's first family
    people = int(accounts.max()) + 1
    head, length = np.full(people, -1, np.int64), np.zeros(people, np.int64)
    after, group = np.empty(accounts.size, np.int64), np.empty(accounts.size, np.int64)
    shared, touched = np.zeros(families, np.int64), np.empty(families, np.int64)
    links = groups = 0
    for family in range(families):
        low, high = starts[family], starts[family + 1]
        met = 0
        for i in range(low, high):
            link = head[accounts[i]]
            while link >= 0:
                g = group[link]
                if shared[g] == 0:
                    touched[met] = g
                    met += 1
                shared[g] += 1
                link = after[link]
        best, best_similarity = -1, least
        for i in range(met):
            g = touched[i]
            similarity = shared[g] / (high - low + size[g] - shared[g])
            shared[g] = 0
            if similarity > best_similarity or (similarity == best_similarity and g > best):
                best, best_similarity = g, similarity
        home[family] = best
        if best >= 0:
            continue
        home[family] = groups
        size[groups] = high - low
        for i in range(low, high):
            account = accounts[i]
            if length[account] < MOST_SEEDS:
                after[links], group[links] = head[account], groups
                head[account] = links
                length[account] += 1
                links += 1
        groups += 1
    return home
