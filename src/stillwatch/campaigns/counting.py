"""Compiled loops over the requests of a range, sorted by account.

Everything about an account lies together, so a few short sorts answer what an engine needs a hash
table of all requests for.
"""

from __future__ import annotations

import numpy as np

from stillwatch.sketch.jit import kernel

_MANY = 8
"""Times as many candidates of a family as of an account, from which on they are searched."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@kernel
def repeated_keys(starts, key, counted, least):  # type: ignore[no-untyped-def]
    """Keys that an account has at least so often, once for each such account.

    Args:
        starts: int64[accounts + 1], where each account's requests begin.
        key: int64[requests].
        counted: bool[requests], which requests count.
        least: how often.
    """
    found = np.empty(int(counted.sum()) // least, np.int64)
    size = 0
    for account in range(starts.size - 1):
        rows = np.flatnonzero(counted[starts[account] : starts[account + 1]])
        if rows.size < least:
            continue
        own = np.sort(key[starts[account] + rows])
        run = 1
        for i in range(1, own.size + 1):
            if i < own.size and own[i] == own[i - 1]:
                run += 1
                continue
            if run >= least:
                found[size] = own[i - 1]
                size += 1
            run = 1
    return found[:size]


@kernel
def mark_repeated(starts, key, known, least, marked):  # type: ignore[no-untyped-def]
    """Mark the requests whose key comes at least so often in their account.

    Args:
        starts: as in `repeated_keys`.
        key: as in `repeated_keys`.
        known: bool[requests], which requests have a key.
        least: how often.
        marked: bool[requests], written to.
    """
    for account in range(starts.size - 1):
        rows = starts[account] + np.flatnonzero(known[starts[account] : starts[account + 1]])
        if rows.size < least:
            continue
        own = key[rows]
        order = np.argsort(own)
        begin = 0
        for i in range(1, own.size + 1):
            if i < own.size and own[order[i]] == own[order[begin]]:
                continue
            if i - begin >= least:
                for j in range(begin, i):
                    marked[rows[order[j]]] = True
            begin = i


@kernel
def by_owner(owner, owners):  # type: ignore[no-untyped-def]
    """The order of requests by owner, of each as they come: a counting sort.

    Args:
        owner: int64[requests], from 0.
        owners: how many there are.

    Returns:
        int64[owners + 1], where each owner's requests begin, and int64[requests], their places.
    """
    starts = np.zeros(owners + 1, np.int64)
    for i in range(owner.size):
        starts[owner[i] + 1] += 1
    for i in range(owners):
        starts[i + 1] += starts[i]
    at = starts[:-1].copy()
    order = np.empty(owner.size, np.int64)
    for i in range(owner.size):
        order[at[owner[i]]] = i
        at[owner[i]] += 1
    return starts, order


@kernel
def order_by(owner, owners, first, second):  # type: ignore[no-untyped-def]
    """The order of requests by owner, then by two columns.

    Short sorts inside each owner, in place of one sort of everything.

    Args:
        owner: as in `by_owner`.
        owners: as in `by_owner`.
        first: int64[requests].
        second: int64[requests], which decides where `first` is equal.

    Returns:
        As `by_owner`.
    """
    starts, order = by_owner(owner, owners)
    for i in range(owners):
        rows = order[starts[i] : starts[i + 1]].copy()
        rows = rows[np.argsort(first[rows])]
        begin = 0
        for j in range(1, rows.size + 1):
            if j < rows.size and first[rows[j]] == first[rows[begin]]:
                continue
            if j - begin > 1:
                same = rows[begin:j].copy()
                rows[begin:j] = same[np.argsort(second[same])]
            begin = j
        order[starts[i] : starts[i + 1]] = rows
    return starts, order


@kernel
def place_keys(key, table, code):  # type: ignore[no-untyped-def]
    """Fill a hash table of distinct keys, by open addressing.

    Args:
        key: int64[keys].
        table: int64[power of two], written to: the keys.
        code: int64[power of two] of -1, written to: the place of each in `key`.
    """
    mask = np.uint64(table.size - 1)
    for i in range(key.size):
        slot = ((np.uint64(key[i]) * _GOLDEN) >> np.uint64(32)) & mask
        while code[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot], code[slot] = key[i], i


@kernel
def find_keys(key, known, table, code, place, found):  # type: ignore[no-untyped-def]
    """The family of each request's key in a hash table; what is in none is left as it is.

    Args:
        key: as in `mark_repeated`.
        known: as in `mark_repeated`.
        table: of `place_keys`.
        code: of `place_keys`.
        place: int64, the family that each place in the table means.
        found: int32[requests], written to.
    """
    mask = np.uint64(table.size - 1)
    for i in range(key.size):
        if not known[i]:
            continue
        slot = ((np.uint64(key[i]) * _GOLDEN) >> np.uint64(32)) & mask
        while code[slot] >= 0:
            if table[slot] == key[i]:
                found[i] = place[code[slot]]
                break
            slot = (slot + np.uint64(1)) & mask


@kernel
def families_of(found):  # type: ignore[no-untyped-def]
    """The families of each request, one after the other.

    Args:
        found: int32[kinds, requests], of `find_keys`; -1 for none.

    Returns:
        int32[requests + 1], where each request's families begin, and int32, the families.
    """
    begins = np.zeros(found.shape[1] + 1, np.int32)
    for kind in range(found.shape[0]):
        for request in range(found.shape[1]):
            begins[request + 1] += found[kind, request] >= 0
    for request in range(found.shape[1]):
        begins[request + 1] += begins[request]
    at = begins[:-1].copy()
    families = np.empty(begins[-1], np.int32)
    for kind in range(found.shape[0]):
        for request in range(found.shape[1]):
            if found[kind, request] >= 0:
                families[at[request]] = found[kind, request]
                at[request] += 1
    return begins, families


@kernel
def count_families(starts, begins, families, mining):  # type: ignore[no-untyped-def]
    """How often each account has each family.

    Args:
        starts: as in `repeated_keys`.
        begins: of `families_of`.
        families: of `families_of`.
        mining: bool[requests].

    Returns:
        int64[pairs] each: family, account (its place), requests, mined requests.
    """
    found, accounts = np.empty(families.size, np.int64), np.empty(families.size, np.int64)
    requests, mined = np.empty(families.size, np.int64), np.empty(families.size, np.int64)
    size = 0
    for account in range(starts.size - 1):
        first, last = begins[starts[account]], begins[starts[account + 1]]
        # a family and whether it was mined, as one number
        own = 2 * families[first:last].astype(np.int64)
        for request in range(starts[account], starts[account + 1]):
            if mining[request]:
                own[begins[request] - first : begins[request + 1] - first] += 1
        own.sort()
        for i in range(own.size):
            if i == 0 or own[i] >> 1 != found[size - 1]:
                found[size], accounts[size] = own[i] >> 1, account
                requests[size] = mined[size] = 0
                size += 1
            requests[size - 1] += 1
            mined[size - 1] += own[i] & 1
    return found[:size], accounts[:size], requests[:size], mined[:size]


@kernel
def _fed_by(fed, begin, end, joined, first, last, place, found):  # type: ignore[no-untyped-def]
    """Which of an account's candidates a family feeds: what is few is looked up in what is many.

    Args:
        fed: as in `stream_rows`.
        begin: where the family's candidates begin in it.
        end: where they end.
        joined: as in `stream_rows`.
        first: where the account's candidates begin in it.
        last: where they end.
        place: int64[candidates], the place in `joined` of each that the account has; of others a
            smaller one.
        found: int64, written to: places.

    Returns:
        How many.
    """
    size = 0
    # no views are made here: threads would count their users one after another
    if end - begin > _MANY * (last - first):
        for at in range(first, last):
            low, high = begin, end
            while low < high:
                middle = (low + high) // 2
                if fed[middle] < joined[at]:
                    low = middle + 1
                else:
                    high = middle
            if low < end and fed[low] == joined[at]:
                found[size] = at
                size += 1
        return size
    for i in range(begin, end):
        candidate = fed[i]
        if candidate < place.size and place[candidate] >= first:
            found[size] = place[candidate]
            size += 1
    return size


@kernel
def stream_rows(starts, begins, families, listed, fed, cored, joined, most, mining):  # type: ignore[no-untyped-def]
    """Which requests are in which candidates' streams.

    Args:
        starts: as in `repeated_keys`.
        begins: of `families_of`.
        families: of `families_of`.
        listed: int64[families + 1], where each family's candidates begin.
        fed: int64, the candidates of families, rising for each.
        cored: int64[accounts + 1], where each account's candidates begin.
        joined: int64, the candidates of accounts, rising for each.
        most: int64[places in joined], requests of an account and half to name.
        mining: bool[requests].

    Returns:
        int64[places in joined, 2]: requests by half, mined first; and the first of them in the
        order of the requests: int64[named] each of candidate and request (its place).
    """
    counts = np.zeros((joined.size, 2), np.int64)
    room = 1024
    of, row = np.empty(room, np.int64), np.empty(room, np.int64)
    seen, hits = np.full(joined.size, -1, np.int64), np.empty(joined.size, np.int64)
    place = np.full(int(joined.max()) + 1 if joined.size else 0, -1, np.int64)
    size = 0
    for account in range(starts.size - 1):
        first, last = cored[account], cored[account + 1]
        if first == last:
            continue
        place[joined[first:last]] = np.arange(first, last)
        for request in range(starts[account], starts[account + 1]):
            half = 0 if mining[request] else 1
            for own in range(begins[request], begins[request + 1]):
                begin, end = listed[families[own]], listed[families[own] + 1]
                if begin == end:
                    continue
                for i in range(_fed_by(fed, begin, end, joined, first, last, place, hits)):
                    at = hits[i]
                    if seen[at] == request:
                        continue
                    seen[at] = request
                    counts[at, half] += 1
                    if counts[at, half] > most[at]:
                        continue
                    if size == room:
                        of, row = np.append(of, of), np.append(row, row)
                        room *= 2
                    of[size], row[size] = joined[at], request
                    size += 1
    return counts, of[:size], row[:size]


@kernel
def other_rows(starts, begins, families, listed, fed, cored, joined, most, mining):  # type: ignore[no-untyped-def]
    """Which requests of candidates' accounts are in none of the candidate's streams.

    Args:
        starts: as in `repeated_keys`.
        begins: of `families_of`.
        families: of `families_of`.
        listed: as in `stream_rows`.
        fed: as in `stream_rows`.
        cored: as in `stream_rows`.
        joined: as in `stream_rows`.
        most: as in `stream_rows`.
        mining: bool[requests].

    Returns:
        The first of them, as in `stream_rows`.
    """
    room = 1024
    of, row = np.empty(room, np.int64), np.empty(room, np.int64)
    seen, hits = np.full(joined.size, -1, np.int64), np.empty(joined.size, np.int64)
    place = np.full(int(joined.max()) + 1 if joined.size else 0, -1, np.int64)
    counts = np.zeros((joined.size, 2), np.int64)
    size = 0
    for account in range(starts.size - 1):
        first, last = cored[account], cored[account + 1]
        if first == last:
            continue
        place[joined[first:last]] = np.arange(first, last)
        for request in range(starts[account], starts[account + 1]):
            for own in range(begins[request], begins[request + 1]):
                begin, end = listed[families[own]], listed[families[own] + 1]
                if begin == end:
                    continue
                for i in range(_fed_by(fed, begin, end, joined, first, last, place, hits)):
                    seen[hits[i]] = request
            half = 0 if mining[request] else 1
            for at in range(first, last):
                if seen[at] == request or counts[at, half] == most[at]:
                    continue
                counts[at, half] += 1
                if size == room:
                    of, row = np.append(of, of), np.append(row, row)
                    room *= 2
                of[size], row[size] = joined[at], request
                size += 1
    return of[:size], row[:size]


@kernel
def first_codes(values):  # type: ignore[no-untyped-def]
    """Number distinct values as they first come.

    Args:
        values: int64.

    Returns:
        The distinct values, each value's number, and how often each comes.
    """
    room = 16
    while room < 2 * values.size:
        room *= 2
    slots = np.full(room, -1, np.int64)
    mask = np.uint64(room - 1)
    distinct, counts = np.empty(values.size, np.int64), np.zeros(values.size, np.int64)
    codes = np.empty(values.size, np.int64)
    size = 0
    for i in range(values.size):
        slot = ((np.uint64(values[i]) * _GOLDEN) >> np.uint64(32)) & mask
        while slots[slot] >= 0 and distinct[slots[slot]] != values[i]:
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] < 0:
            slots[slot] = size
            distinct[size] = values[i]
            size += 1
        codes[i] = slots[slot]
        counts[codes[i]] += 1
    return distinct[:size], codes, counts[:size]


@kernel
def in_order(first, second, third, fourth):  # type: ignore[no-untyped-def]
    """Whether rows rise by four columns, int64 each."""
    for i in range(1, first.size):
        if first[i] != first[i - 1]:
            if first[i] < first[i - 1]:
                return False
        elif second[i] != second[i - 1]:
            if second[i] < second[i - 1]:
                return False
        elif third[i] != third[i - 1]:
            if third[i] < third[i - 1]:
                return False
        elif fourth[i] < fourth[i - 1]:
            return False
    return True


@kernel
def cores(starts, mined, share, least, median):  # type: ignore[no-untyped-def]
    """Which feeders of families are in their cores (`campaigns.candidates`).

    Args:
        starts: int64[families + 1], where each family's feeders begin.
        mined: int64[feeders], their mined requests.
        share: of the median, by requests, of the feeders' mined requests.
        least: int64[families], mined requests.
        median: bool[families], whether the share counts beside the least.

    Returns:
        bool[feeders].
    """
    core = np.zeros(mined.size, np.bool_)
    for family in range(starts.size - 1):
        own = mined[starts[family] : starts[family + 1]]
        enough = float(least[family])
        if median[family]:
            total, running = own.sum(), 0
            for count in np.sort(own)[::-1]:
                running += count
                if 2 * running >= total:
                    enough = max(enough, share * count)
                    break
        for i in range(own.size):
            core[starts[family] + i] = own[i] >= enough
    return core
