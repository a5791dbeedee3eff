from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.coding import among, coded, commonest, pairs, sorted_rows
from stillwatch.campaigns.counting import by_owner, order_by

KEYS = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))


@given(st.lists(KEYS, max_size=60))
def test_codes_are_those_of_sorting(values: list[int]) -> None:
    given_values = np.array(values, dtype=np.int64)
    expected = np.unique(given_values, return_inverse=True, return_counts=True)
    for found, wanted in zip(coded(given_values), expected, strict=True):
        assert np.array_equal(found, wanted)


@given(st.lists(st.tuples(st.integers(0, 4), KEYS), max_size=60))
def test_pairs_are_counted_in_order(rows: list[tuple[int, int]]) -> None:
    one, other = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
    found = list(zip(*(column.tolist() for column in pairs(one, other)), strict=True))
    assert found == [(*row, rows.count(row)) for row in sorted(set(rows))]


@given(st.lists(st.tuples(st.integers(0, 4), KEYS), max_size=60))
def test_an_owners_commonest_key_is_found_by_counting(rows: list[tuple[int, int]]) -> None:
    owners, keys = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
    key, times = commonest(owners, keys, 5)
    for owner in range(5):
        own = [k for o, k in rows if o == owner and k != -1]
        assert times[owner] == max(map(own.count, own), default=0)
        assert own.count(int(key[owner])) == times[owner] if own else key[owner] == -1


@given(st.lists(KEYS, max_size=40), st.lists(KEYS, max_size=20))
def test_membership_is_that_of_sets(values: list[int], chosen: list[int]) -> None:
    found = among(np.array(values, dtype=np.int64), np.array(chosen, dtype=np.int64))
    assert found.tolist() == [value in chosen for value in values]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), KEYS), max_size=40), st.booleans())
def test_rows_are_sorted_as_tuples_are(rows: list[tuple[int, int, int]], ordered: bool) -> None:
    if ordered:
        rows = sorted(rows)
    columns = [np.array([row[i] for row in rows], dtype=np.int64) for i in range(3)]
    assert [rows[i] for i in sorted_rows(*columns)] == sorted(rows)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-2, 2), KEYS), max_size=60))
def test_requests_are_ordered_by_owner_and_keys(rows: list[tuple[int, int, int]]) -> None:
    owner, first, second = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(3))
    starts, order = order_by(owner, 5, first, second)
    assert [rows[i] for i in order] == sorted(rows)
    assert starts.tolist() == [sum(row[0] < o for row in rows) for o in range(6)]
    _, stable = by_owner(owner, 5)
    assert stable.tolist() == np.argsort(owner, kind="stable").tolist()
