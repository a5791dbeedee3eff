from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.candidates import (
    CORE_SHARE,
    HABIT,
    MIN_ACCOUNTS,
    SAME_CORE,
    Candidate,
    Family,
    core_families,
    merge_families,
)
from stillwatch.campaigns.communities import communities
from stillwatch.signals.families import WORDLESS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping, Sequence

Feeds = dict[tuple[int, int], dict[int, int]]

feeds = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 4)),
    st.dictionaries(st.integers(0, 9), st.integers(0, 60), min_size=1),
    max_size=8,
)


def feeders(given: Mapping[tuple[int, int], Mapping[int, int]]) -> pa.Table:
    rows = [(k, v, a, n) for (k, v), fed in given.items() for a, n in fed.items()]
    return _table(rows)


def _table(rows: Sequence[tuple[int, int, int, int]]) -> pa.Table:
    kind, key, account, mined = zip(*rows, strict=True) if rows else ([], [], [], [])
    return pa.table(
        {
            "kind": pa.array(kind, pa.int8()),
            "key": pa.array(key, pa.int64()),
            "account": pa.array(account, pa.int64()),
            "requests": pa.array(mined, pa.int64()),
            "mining_requests": pa.array(mined, pa.int64()),
        }
    )


def family(key: int, accounts: Iterable[int], requests: int = 100) -> Family:
    return Family(0, key, np.array(sorted(accounts), dtype=np.int64), requests, requests)


def cores(families: Iterable[Family]) -> dict[tuple[int, int], list[int]]:
    return {(f.kind, f.key): f.accounts.tolist() for f in families}


def groups(candidates: Iterable[Candidate]) -> set[frozenset[tuple[int, int]]]:
    return {frozenset((f.kind, f.key) for f in c.families) for c in candidates}


def test_tourists_stay_out_of_the_core() -> None:
    regulars = dict.fromkeys(range(10), 50)
    tourists = dict.fromkeys(range(100, 200), 2)
    (found,) = core_families(feeders({(0, 1): regulars | tourists}))
    assert found.accounts.tolist() == list(range(10))
    assert (found.requests, found.core_requests) == (700, 500)


def test_uneven_accounts_of_one_queue_stay_in() -> None:
    fed = {0: 100, 1: 60, 2: 40, 3: 25, 4: 12}
    (found,) = core_families(feeders({(0, 1): fed}))
    # half of the 237 requests come from accounts with 60 and more
    assert found.accounts.tolist() == [a for a, n in fed.items() if n >= CORE_SHARE * 60]


@given(feeds)
def test_the_core_follows_its_definition(given: Feeds) -> None:
    expected = {}
    for (kind, key), fed in given.items():
        mined = sorted((n for n in fed.values() if n), reverse=True)
        if not mined:
            continue
        of_each_request = [n for n in mined for _ in range(n)]
        typical = of_each_request[(len(of_each_request) - 1) // 2]
        least = HABIT if kind in WORDLESS else max(2, CORE_SHARE * typical)
        core = sorted(a for a, n in fed.items() if n >= least)
        if len(core) >= MIN_ACCOUNTS:
            expected[kind, key] = core
    assert cores(core_families(feeders(given))) == expected


@given(feeds, st.randoms(use_true_random=False))
def test_rows_may_come_in_any_order(given: Feeds, shuffle: random.Random) -> None:
    rows = [(k, v, a, n) for (k, v), fed in given.items() for a, n in fed.items()]
    shuffled = list(rows)
    shuffle.shuffle(shuffled)
    first, second = core_families(_table(rows)), core_families(_table(shuffled))
    assert [(f.kind, f.key, f.accounts.tolist()) for f in first] == [
        (f.kind, f.key, f.accounts.tolist()) for f in second
    ]


def test_nothing_fed_is_no_family() -> None:
    assert core_families(_table([])) == []
    assert core_families(feeders({(0, 1): dict.fromkeys(range(9), 0)})) == []


def test_three_accounts_are_no_group() -> None:
    assert core_families(feeders({(0, 1): dict.fromkeys(range(MIN_ACCOUNTS - 1), 50)})) == []


def test_families_of_one_core_are_one_candidate() -> None:
    system, head = family(1, range(10)), family(2, range(10))
    (candidate,) = map(Candidate.of, merge_families([system, head]))
    assert candidate.accounts.tolist() == list(range(10))
    assert groups([candidate]) == {frozenset({(0, 1), (0, 2)})}


@pytest.mark.parametrize(("shared", "merged"), [(7, True), (6, False)])
def test_nearly_equal_cores_merge_and_no_others(shared: int, merged: bool) -> None:
    # 8 accounts each: similarity 7 / 9 is above the threshold, 6 / 10 below
    one, other = family(1, range(8)), family(2, range(8 - shared, 16 - shared))
    assert (shared / (16 - shared) >= SAME_CORE) == merged
    assert (len(merge_families([one, other])) == 1) == merged


def test_the_first_groups_are_the_same_however_many_are_asked_for() -> None:
    families = [family(i, range(8 * (i % 5), 8 * (i % 5) + 8)) for i in range(20)]
    everything = merge_families(families)
    assert len(everything) == 5
    for most in (1, 3, 5, 9):
        assert merge_families(families, most=most) == everything[:most]


def test_an_account_of_a_few_weak_families_is_no_member() -> None:
    strong, weak = family(1, range(8), 1000), family(2, range(9), 10)
    (candidate,) = map(Candidate.of, merge_families([strong, weak]))
    assert candidate.accounts.tolist() == list(range(8))


disjoint_cores = st.lists(
    st.tuples(st.integers(0, 4), st.integers(1, 200)), min_size=1, max_size=12
)


@given(disjoint_cores, st.randoms(use_true_random=False), st.permutations(range(50)))
def test_equal_cores_are_grouped_whatever_the_order_and_the_names(
    parts: list[tuple[int, int]], shuffle: random.Random, names: list[int]
) -> None:
    def grouped(rename: Sequence[int], order: Sequence[int]) -> set[frozenset[int]]:
        families = [
            family(i, (rename[10 * parts[i][0] + a] for a in range(6)), parts[i][1]) for i in order
        ]
        return {frozenset(f.key for f in group) for group in merge_families(families)}

    order = list(range(len(parts)))
    expected = {
        frozenset(i for i in order if parts[i][0] == block) for block in {b for b, _ in parts}
    }
    assert grouped(range(50), order) == expected
    shuffle.shuffle(order)
    assert grouped(names, order) == expected


def test_overlapping_templates_of_a_pool_are_one_community() -> None:
    # each account has three of twelve templates, as an operator deals them out
    rng = np.random.default_rng(0)
    dealt = [set(rng.choice(12, 3, replace=False).tolist()) for _ in range(30)]
    parts = [
        Candidate(accounts, (family(t, accounts.tolist()),))
        for t in range(12)
        if len(accounts := np.array([a for a in range(30) if t in dealt[a]])) >= MIN_ACCOUNTS
    ]
    (community,) = communities(parts, population=3000)
    assert len(community.accounts) >= 25
    assert len(community.families) >= len(parts) - 3


def test_unrelated_candidates_are_no_community() -> None:
    apart = [
        Candidate(np.arange(10 * i, 10 * i + 10), (family(i, range(10 * i, 10 * i + 10)),))
        for i in range(5)
    ]
    assert communities(apart, population=3000) == []
    # of ten accounts and five, one is in common by chance more than once in a hundred times
    bridge = Candidate(np.array([0, 100, 101, 102, 103]), (family(9, [0, 100, 101, 102, 103]),))
    assert communities([*apart, bridge], population=3000) == []
    # two are not
    bridge = Candidate(np.array([0, 1, 101, 102, 103]), (family(9, [0, 1, 101, 102, 103]),))
    assert len(communities([*apart, bridge], population=3000)) == 0  # too few are in both


def test_an_account_in_one_part_only_is_not_in_the_community() -> None:
    one, other = range(10), range(2, 12)
    parts = [Candidate(np.array(a), (family(i, a),)) for i, a in enumerate((one, other))]
    (community,) = communities(parts, population=3000)
    assert community.accounts.tolist() == list(range(2, 10))
