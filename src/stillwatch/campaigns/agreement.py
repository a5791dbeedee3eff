"""Words of requests, counted and compared by compiled loops."""

from __future__ import annotations

import numpy as np

from stillwatch.campaigns.counting import by_owner, first_codes
from stillwatch.sketch.jit import kernel

_RAREST, _LOOKED_AT = 3, 100
"""Rare words by which requests that say the same are looked for, and how many of each word's."""


@kernel
def coded_words(tokens):  # type: ignore[no-untyped-def]
    """Number the distinct tokens of requests as they first come.

    Args:
        tokens: int32[requests, most], 0 is padding.

    Returns:
        int64[requests + 1], where each request's incidences begin; of each incidence the token's
        number; the distinct tokens; and how often each comes.
    """
    starts = np.zeros(tokens.shape[0] + 1, np.int64)
    for i in range(tokens.shape[0]):
        filled = 0
        for j in range(tokens.shape[1]):
            filled += tokens[i, j] != 0
        starts[i + 1] = starts[i] + filled
    flat = np.empty(starts[-1], np.int64)
    at = 0
    for i in range(tokens.shape[0]):
        for j in range(tokens.shape[1]):
            if tokens[i, j] != 0:
                flat[at] = tokens[i, j]
                at += 1
    distinct, number, counts = first_codes(flat)
    return starts, number, distinct, counts


@kernel
def counted_uses(starts, order, word, words):  # type: ignore[no-untyped-def]
    """How often each owner uses each word.

    Args:
        starts: int64[owners + 1], where each owner's incidences begin in `order`.
        order: int64, incidences by owner.
        word: int64, the word of each incidence, from 0.
        words: how many words there are.

    Returns:
        Of each use, by owner and in each as the words first come: the owner, the word, how often.
    """
    owners, used = np.empty(word.size, np.int64), np.empty(word.size, np.int64)
    times = np.empty(word.size, np.int64)
    seen, place = np.full(words, -1, np.int64), np.empty(words, np.int64)
    size = 0
    for owner in range(starts.size - 1):
        for i in range(starts[owner], starts[owner + 1]):
            said = word[order[i]]
            if seen[said] != owner:
                seen[said], place[said] = owner, size
                owners[size], used[size], times[size] = owner, said, 0
                size += 1
            times[place[said]] += 1
    return owners[:size], used[:size], times[:size]


@kernel
def marked_uses(starts, order, word, words, use_starts, used, chosen):  # type: ignore[no-untyped-def]
    """Which incidences are of chosen uses.

    Args:
        starts: as in `counted_uses`.
        order: as in `counted_uses`.
        word: as in `counted_uses`.
        words: as in `counted_uses`.
        use_starts: int64[owners + 1], where each owner's uses begin.
        used: the word of each use.
        chosen: bool[uses].
    """
    marked = np.zeros(word.size, np.bool_)
    mark = np.full(words, -1, np.int64)
    for owner in range(starts.size - 1):
        for use in range(use_starts[owner], use_starts[owner + 1]):
            if chosen[use]:
                mark[used[use]] = owner
        for i in range(starts[owner], starts[owner + 1]):
            marked[order[i]] = mark[word[order[i]]] == owner
    return marked


@kernel
def common_words(starts, word, kept, first, shift, distinct):  # type: ignore[no-untyped-def]
    """Compare some requests with those that come `shift` after them.

    Args:
        starts: int64[requests + 1], where each request's words begin.
        word: int64, codes of the words from 0; each at most once a request.
        kept: bool, which of them count.
        first: int64[pairs], the first request of each pair.
        shift: how many places later the second one is.
        distinct: number of codes.

    Returns:
        int64[pairs + 1], where each pair's common words begin, and their codes, rising in a pair.
    """
    pairs = first.size
    bounds = np.zeros(pairs + 1, np.int64)
    room = 0
    for pair in range(pairs):
        room += starts[first[pair] + 1] - starts[first[pair]]
    found = np.empty(room, np.int64)
    seen = np.full(distinct, -1, np.int64)
    end = 0
    for pair in range(pairs):
        one, other = first[pair], first[pair] + shift
        for i in range(starts[one], starts[one + 1]):
            if kept[i]:
                seen[word[i]] = pair
        begin = end
        for i in range(starts[other], starts[other + 1]):
            if kept[i] and seen[word[i]] == pair:
                # in order, so that sums over them do not depend on how requests hold their words
                place = end
                while place > begin and found[place - 1] > word[i]:
                    found[place] = found[place - 1]
                    place -= 1
                found[place] = word[i]
                end += 1
        bounds[pair + 1] = end
    return bounds, found[:end]


@kernel
def _having(starts, word, words):  # type: ignore[no-untyped-def]
    """Where each word's requests begin, these by word and rising, and how many each word has."""
    bounds, order = by_owner(word, words)
    having = np.repeat(np.arange(starts.size - 1), np.diff(starts))[order]
    return bounds, having, np.diff(bounds)


@kernel
def _rarest(words, frequency, most):  # type: ignore[no-untyped-def]
    """The words that fewest requests have, at most so many."""
    return words[np.argsort(frequency[words], kind="mergesort")[:most]]


@kernel
def _same(mine, other, seen, mark, least, part):  # type: ignore[no-untyped-def]
    """Whether two requests have nearly all words in common; those of `mine` are marked as seen."""
    fewer, more = min(mine.size, other.size), max(mine.size, other.size)
    if fewer < least or more > 2 * fewer:
        return False
    common = 0
    for word in other:
        common += seen[word] == mark
    return common >= part * fewer


@kernel
def said_again(starts, word, owner, words, least, part):  # type: ignore[no-untyped-def]
    """Which requests say what an earlier one of the same owner says.

    What is the same, and with how many a request is compared, is as in `said_by`.

    Args:
        starts: as in `common_words`.
        word: as in `common_words`, all of which count.
        owner: int64[requests], from 0.
        words: how many there are.
        least: words that both must have.
        part: share of the shorter one's words that must be in common.

    Returns:
        bool[requests].
    """
    bounds, having, frequency = _having(starts, word, words)
    found = np.zeros(owner.size, np.bool_)
    seen = np.full(words, -1, np.int64)
    for i in range(owner.size):
        mine = word[starts[i] : starts[i + 1]]
        if mine.size < least:
            continue
        seen[mine] = i
        for rare in _rarest(mine, frequency, _RAREST):
            stride = 1 + (frequency[rare] - 1) // _LOOKED_AT
            for other in having[bounds[rare] : bounds[rare + 1] : stride]:
                if found[i] or other >= i:
                    break
                said = word[starts[other] : starts[other + 1]]
                found[i] = owner[other] == owner[i] and _same(mine, said, seen, i, least, part)
    return found


@kernel
def said_by(starts, word, owner, words, least, part):  # type: ignore[no-untyped-def]
    """Which owners other than its own say what each request says.

    Two requests say the same if one's words are nearly all among the other's, which has at most
    twice as many. A request is compared with those that have one of its `_RAREST` words in common;
    where these are more than `_LOOKED_AT`, with some of them at equal distances.

    Args:
        starts: as in `common_words`.
        word: as in `common_words`, all of which count.
        owner: int64[requests], from 0, of 63 at most.
        words: how many there are.
        least: words that both must have.
        part: share of the shorter one's words that must be in common.

    Returns:
        int64[requests], the sum of `1 << owner` over them.
    """
    bounds, having, frequency = _having(starts, word, words)
    found = np.zeros(owner.size, np.int64)
    seen = np.full(words, -1, np.int64)
    for i in range(owner.size):
        mine = word[starts[i] : starts[i + 1]]
        if mine.size < least:
            continue
        seen[mine] = i
        for rare in _rarest(mine, frequency, _RAREST):
            stride = 1 + (frequency[rare] - 1) // _LOOKED_AT
            for other in having[bounds[rare] : bounds[rare + 1] : stride]:
                by, said = 1 << owner[other], word[starts[other] : starts[other + 1]]
                if not found[i] & by and _same(mine, said, seen, i, least, part):
                    found[i] |= by
        found[i] &= ~(1 << owner[i])
    return found
