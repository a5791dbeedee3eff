from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.campaigns.streams import make_stream

from stillwatch.campaigns.agreement import said_again, said_by
from stillwatch.campaigns.exercise import COPIED, MANY, SHARED, copied

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.stream import Stream

LEAST, PART = 2, 0.75
QUESTIONS, WORDS, WRAPPER = 300, 12, 6
VOCABULARY = 20_000


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.lists(st.integers(0, 7), unique=True, max_size=6)),
        max_size=25,
    )
)
def test_who_says_the_same_is_found_as_by_comparing_all(
    requests: list[tuple[int, list[int]]],
) -> None:
    starts = np.cumsum([0, *(len(words) for _, words in requests)])
    word = np.array([w for _, words in requests for w in words], dtype=np.int64)
    owner = np.array([owner for owner, _ in requests], dtype=np.int64)
    found = said_by(starts, word, owner, 8, LEAST, PART)
    again = said_again(starts, word, owner, 8, LEAST, PART)
    said = [set(words) for _, words in requests]
    count = [sum(w in other for other in said) for w in range(8)]
    for i, mine in enumerate(said):
        # in the order in which they are said, so that ties fall alike
        rarest = sorted(requests[i][1], key=lambda w: count[w])[:3]
        expected, before = 0, False
        for j, other in enumerate(said):
            fewer, more = sorted((len(mine), len(other)))
            same = fewer >= LEAST and more <= 2 * fewer and len(mine & other) >= PART * fewer
            if not (same and other & set(rarest)):
                continue
            if owner[i] != owner[j]:
                expected |= 1 << int(owner[j])
            before |= bool(owner[i] == owner[j] and j < i)
        assert found[i] == expected
        assert again[i] == before


def _asked(rng: np.random.Generator, account: int, questions: NDArray[np.int64]) -> Stream:
    """An account that asks questions of a corpus, each in the account's own words around it."""
    # a question has the same words whoever asks it
    words = np.stack([np.random.default_rng(q).choice(VOCABULARY, WORDS) for q in questions])
    around = VOCABULARY + rng.integers(0, VOCABULARY, WRAPPER)
    tokens = np.concatenate([1 + words, np.tile(1 + around, (len(words), 1))], axis=1)
    body = rng.integers(1, 2**62, len(questions))
    return make_stream(np.full(len(questions), account), tokens=tokens, body_key=body)


def _labs(seed: int, labs: int) -> Stream:
    """Labs as the lab draws them: one of three benchmarks, the whole or a random part of it."""
    rng = np.random.default_rng(seed)
    found = None
    for lab in range(labs):
        part = 1.0 if rng.random() < 0.4 else rng.uniform(0.3, 0.8)
        asked = rng.choice(QUESTIONS, int(part * QUESTIONS), replace=False)
        own = _asked(rng, lab, asked + QUESTIONS * rng.integers(3))
        found = own if found is None else found.followed_by(own)
    assert found is not None
    return found


def _queue(seed: int, accounts: int, each: int, again: float) -> Stream:
    """Accounts that drain one queue, of which some items are served again to somebody."""
    rng = np.random.default_rng(seed)
    deal = np.arange(accounts * each)
    often = rng.random(len(deal)) < again
    deal[often] = rng.choice(len(deal), often.sum())
    found = None
    for account in range(accounts):
        own = _asked(rng, account, np.unique(deal[account::accounts]))
        found = own if found is None else found.followed_by(own)
    assert found is not None
    return found


def test_labs_with_wrappers_of_their_own_may_be_one_exercise() -> None:
    looks = [copied(_labs(seed, 8), None) for seed in range(10)]
    # of eight labs .94 meet another that runs the same benchmark, with .75 in common on average
    assert np.mean([look.share.value for look in looks]) > 0.6
    assert all(look.share.p_at_least(COPIED) > 0.01 for look in looks)
    assert np.mean([len(look.accounts) for look in looks]) > 6


def test_a_queue_is_divided_and_not_copied_even_if_much_of_it_comes_again() -> None:
    for seed in range(5):
        look = copied(_queue(seed, 12, 60, 0.3), None)
        assert look.share.p_at_least(COPIED) < 1e-3
        assert not len(look.accounts)


def test_two_queues_that_feed_on_one_corpus_copy_nobody() -> None:
    # every item of the one is somewhere in the other, but no account has another's
    one, other = _queue(1, 12, 60, 0.0), _queue(2, 12, 60, 0.0)
    rng = np.random.default_rng(3)
    moved = make_stream(
        12 + rng.permutation(other.account),
        tokens=other.tokens,
        body_key=rng.integers(1, 2**62, len(other)),
    )
    look = copied(one.followed_by(moved), None)
    assert 0.1 < look.share.value < SHARED
    assert not len(look.accounts)


def test_a_few_items_in_common_are_no_exercise() -> None:
    rng = np.random.default_rng(0)
    few = np.arange(MANY - 1)
    look = copied(_asked(rng, 0, few).followed_by(_asked(rng, 1, few)), None)
    assert look.share.value == 1
    assert not len(look.accounts)


def test_nobody_copies_in_an_empty_stream() -> None:
    look = copied(make_stream([]), None)
    assert look.share.accounts == 0
    assert not len(look.accounts)
