from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sketch.columns import (
    Distinct,
    as_lists,
    hash_identifier,
    hash_text,
    is_missing,
    text_buffers,
)

from .making import TEXTS

KEY = np.array([1, 2], dtype=np.uint64)
VALUES = st.lists(st.one_of(st.none(), TEXTS), max_size=12)
KINDS = st.sampled_from([pa.string(), pa.large_string()])


@given(VALUES, st.integers(0, 4), st.integers(0, 8), KINDS)
def test_a_slice_is_read_as_if_it_were_whole(
    values: list[str | None], start: int, length: int, kind: pa.DataType
) -> None:
    column = pa.array(values, kind).slice(start, length)
    data, offsets = text_buffers(column)
    found = [bytes(data[a:b]).decode() for a, b in itertools.pairwise(offsets)]
    assert found == [value or "" for value in values[start : start + length]]
    whole = hash_text(pa.array(values[start : start + length], pa.string()), KEY)
    assert (hash_text(column, KEY) == whole).all()


@given(VALUES)
def test_nulls_and_empty_identifiers_identify_nobody(values: list[str | None]) -> None:
    column = pa.array(values, pa.string())
    missing = [not value for value in values]
    assert is_missing(column).tolist() == missing
    assert hash_identifier(column, KEY).is_null().to_pylist() == missing


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_columns_of_nulls_and_of_nothing(kind: pa.DataType) -> None:
    assert hash_identifier(pa.nulls(3, kind), KEY).null_count == 3
    assert len(hash_identifier(pa.array([], kind), KEY)) == 0


@given(VALUES)
def test_work_on_distinct_values_is_work_on_all(values: list[str | None]) -> None:
    column = pa.array(values, pa.string())
    shared = Distinct.of(column).column(lambda texts: hash_identifier(texts, KEY))
    assert shared.to_pylist() == hash_identifier(column, KEY).to_pylist()
    filled = pa.array([value or "" for value in values], pa.string())
    assert (Distinct.of(filled).matrix(lambda t: hash_text(t, KEY)) == hash_text(filled, KEY)).all()


def test_lists_are_null_where_missing() -> None:
    lists = as_lists(np.array([[1, 2], [3, 4]]), np.array([False, True]))
    assert lists.to_pylist() == [[1, 2], None]
    assert len(as_lists(np.zeros((0, 2), np.int64), np.zeros(0, bool))) == 0
