"""Content words, told from frames by counting, against the same said in plain loops."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.words import (
    COMMON_FRAME,
    COMMON_WORD,
    FRAME_REPEATS,
    FRAME_WORD,
    MIN_FRAMED,
    Uses,
    content_words,
    framed_words,
)

MOST = 4
TOKENS = st.one_of(st.integers(1, 6), st.integers(-(2**31), -1))
REQUESTS = st.lists(
    st.tuples(st.integers(0, 3), st.sets(TOKENS, max_size=MOST)), min_size=1, max_size=40
)


def _matrix(requests: list[tuple[int, set[int]]]) -> tuple[np.ndarray, np.ndarray]:
    tokens = np.zeros((len(requests), MOST), np.int32)
    for row, (_, said) in zip(tokens, requests, strict=True):
        row[: len(said)] = list(said)
    # codes have no gaps
    owners = np.unique([owner for owner, _ in requests], return_inverse=True)[1]
    return tokens, owners.astype(np.int64)


def _uses(requests: list[tuple[int, set[int]]], owners: list[int]) -> Counter[tuple[int, int]]:
    return Counter(
        (owner, token) for owner, (_, said) in zip(owners, requests, strict=True) for token in said
    )


def _framed(uses: Counter[tuple[int, int]], owners: list[int], owner: int, token: int) -> bool:
    times = uses[owner, token]
    return times >= FRAME_REPEATS and times > FRAME_WORD * owners.count(owner)


@given(REQUESTS)
def test_content_words_are_those_of_no_frame(requests: list[tuple[int, set[int]]]) -> None:
    tokens, owners = _matrix(requests)
    who = owners.tolist()
    uses = _uses(requests, who)
    frequency = Counter(token for _, said in requests for token in said)

    def common_frame(token: int) -> bool:
        users = [owner for owner in set(who) if uses[owner, token]]
        framed = sum(_framed(uses, who, owner, token) for owner in users)
        return framed >= MIN_FRAMED and framed > COMMON_FRAME * len(users)

    def content(owner: int, token: int) -> bool:
        common = frequency[token] > COMMON_WORD * len(requests)
        return not (common or common_frame(token) or _framed(uses, who, owner, token))

    found = content_words(tokens, owners, lambda words: np.ones(len(words)))
    expected = [
        (place, owner, token)
        for place, (owner, (_, said)) in enumerate(zip(who, requests, strict=True))
        for token in said
        if content(owner, token)
    ]
    said = zip(found.request.tolist(), found.owner.tolist(), found.token.tolist(), strict=True)
    assert sorted(said) == sorted(expected)
    assert (np.diff(found.request) >= 0).all()
    counted = Counter((owner, token) for _, owner, token in expected)
    words = found.said.tokens[found.uses.word].tolist()
    times = found.uses.times.tolist()
    assert dict(zip(zip(found.uses.owner.tolist(), words, strict=True), times, strict=True)) == (
        dict(counted)
    )
    cells = found.uses.owner * len(found.weight) + found.uses.word
    assert (np.diff(cells) > 0).all()


@given(REQUESTS, st.data())
def test_uses_of_some_requests_are_counted_alone(
    requests: list[tuple[int, set[int]]], data: st.DataObject
) -> None:
    tokens, owners = _matrix(requests)
    size = len(requests)
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    found = content_words(tokens, owners, lambda words: np.ones(len(words)))
    rows = chosen[found.request]
    expected = Counter(zip(found.owner[rows].tolist(), found.word[rows].tolist(), strict=True))
    used = found.used(chosen)
    cells = zip(used.owner.tolist(), used.word.tolist(), strict=True)
    assert dict(zip(cells, used.times.tolist(), strict=True)) == dict(expected)


@given(REQUESTS)
def test_frames_are_the_senders_own(requests: list[tuple[int, set[int]]]) -> None:
    tokens, senders = _matrix(requests)
    who = senders.tolist()
    uses = _uses(requests, who)
    request, word, distinct, framed = framed_words(tokens, senders)
    found = zip(request.tolist(), distinct[word].tolist(), framed.tolist(), strict=True)
    assert sorted(found) == sorted(
        (place, token, _framed(uses, who, owner, token))
        for place, (owner, (_, said)) in enumerate(zip(who, requests, strict=True))
        for token in said
    )


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 5), st.integers(0, 5)), st.integers(1, 9), max_size=20
    ),
    st.sampled_from([1, 2**40]),
)
def test_uses_are_sorted_however_large_the_codes(
    counts: dict[tuple[int, int], int], scale: int
) -> None:
    cells = np.array([(o, w * scale, n) for (o, w), n in counts.items()], np.int64).reshape(-1, 3)
    if scale > 1:
        cells[:, 2] += 2**22  # together too large for one number
    found = Uses.in_order(*cells.T)
    order = sorted(map(tuple, cells.tolist()))
    columns = (part.tolist() for part in (found.owner, found.word, found.times))
    assert list(zip(*columns, strict=True)) == order
