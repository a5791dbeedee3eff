from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.coding import coded, pairs

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
