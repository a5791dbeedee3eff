"""Values into codes, as `numpy.unique` does it, by hashing in place of sorting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.counting import first_codes, in_order

Ints = NDArray[np.int64]


def coded(values: Ints) -> tuple[Ints, Ints, Ints]:
    """Distinct values, sorted; each value's index into them; and how often each comes."""
    distinct, codes, counts = first_codes(np.ascontiguousarray(values, dtype=np.int64))
    order = np.argsort(distinct)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return distinct[order], place[codes], counts[order]


def pairs(one: Ints, other: Ints) -> tuple[Ints, Ints, Ints]:
    """Distinct pairs of a code (from 0) and any value, by code: code, value, how often it comes."""
    values, code, _ = coded(other)
    width = max(len(values), 1)
    cells, counts = np.unique(one * width + code, return_counts=True)
    return cells // width, values[cells % width], counts


def commonest(codes: Ints, keys: Ints, owners: int) -> tuple[Ints, Ints]:
    """The key that each owner has most often, and how often.

    Args:
        codes: owner of each key, from 0.
        keys: -1 where there is none.
        owners: how many there are.

    Returns:
        int64[owners] each; -1 and 0 of an owner that has none.
    """
    known = keys != -1
    return most_often(*pairs(codes[known], keys[known]), owners)


def most_often(owner: Ints, key: Ints, times: Ints, owners: int) -> tuple[Ints, Ints]:
    """`commonest` of keys that are counted already; of equals the last one."""
    order = np.lexsort((times, owner))
    most, count = np.full(owners, -1), np.zeros(owners, dtype=np.int64)
    most[owner[order]], count[owner[order]] = key[order], times[order]
    return most, count


def sorted_rows(first: Ints, second: Ints, third: Ints) -> Ints:
    """The order of rows by three columns: `numpy.lexsort`, and free where they are in order."""
    if in_order(first, second, third, third):
        return np.arange(len(first))
    return np.lexsort((third, second, first))


def sorted_by_owner(owner: Ints, first: Ints, second: Ints, third: Ints) -> Ints:
    """The order of rows by owner and three columns; cheap where each owner's are in order."""
    order = np.argsort(owner, kind="stable")
    if in_order(*(column[order] for column in (owner, first, second, third))):
        return order
    return np.lexsort((third, second, first, owner))


def among(values: Ints, chosen: Ints) -> NDArray[np.bool_]:
    """Which values are among the chosen ones: `numpy.isin`, without sorting the values."""
    chosen = np.sort(chosen)
    if not len(chosen):
        return np.zeros(len(values), dtype=np.bool_)
    place = np.minimum(np.searchsorted(chosen, values), len(chosen) - 1)
    found: NDArray[np.bool_] = chosen[place] == values
    return found


def starts_of(owner: Ints, owners: int) -> Ints:
    """Where each owner's entries begin, and the end, in entries sorted by owner."""
    found: Ints = np.searchsorted(owner, np.arange(owners + 1)).astype(np.int64)
    return found
