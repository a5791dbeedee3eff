"""Words that pairs of requests have in common, found by a compiled loop."""

from __future__ import annotations

import numpy as np

from stillwatch.sketch.jit import kernel


@kernel
def common_words(starts, word, first, shift, distinct):  # type: ignore[no-untyped-def]
    """Compare some requests with those that come `shift` after them.

    Args:
        starts: int64[requests + 1], where each request's words begin.
        word: int64, codes of the words from 0; each at most once a request.
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
            seen[word[i]] = pair
        begin = end
        for i in range(starts[other], starts[other + 1]):
            if seen[word[i]] == pair:
                # in order, so that sums over them do not depend on how requests hold their words
                place = end
                while place > begin and found[place - 1] > word[i]:
                    found[place] = found[place - 1]
                    place -= 1
                found[place] = word[i]
                end += 1
        bounds[pair + 1] = end
    return bounds, found[:end]
