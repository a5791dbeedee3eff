from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.provenance.rows import ANSWERS, FLAGS, MAKERS, ORIGINS, Fields, Origin, row_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KNOWN = st.sampled_from(sorted(Fields().all))


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"instruction": "do", "output": "done"}, "done"),
        ({"prompt": "a", "completion": "b"}, "b"),
        ({"instruction": "do", "output": " "}, "do"),
        ({"text": "alone"}, "alone"),
        (
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
            "a",
        ),
        ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}, "a"),
        ({"messages": [{"role": "assistant", "content": [{"type": "text", "text": "a"}]}]}, "a"),
        ({"answer": ["one", "two"]}, "one\ntwo"),
    ],
)
def test_the_text_is_the_answer_where_there_is_one(record: dict[str, Any], text: str) -> None:
    row = row_of(record, Fields())
    assert row is not None
    assert row.text == text


@pytest.mark.parametrize(
    ("declaring", "origin", "maker"),
    [
        ({}, None, ""),
        ({"origin": "human"}, Origin.ORIGINAL, ""),
        ({"origin": "Machine generated"}, Origin.GENERATED, ""),
        ({"origin": "found"}, None, ""),
        ({"synthetic": True, "model": "m"}, Origin.GENERATED, "m"),
        ({"synthetic": False}, Origin.ORIGINAL, ""),
        ({"synthetic": "yes"}, None, ""),
        ({"generator": "teacher-2"}, Origin.GENERATED, "teacher-2"),
        ({"generator": "human"}, Origin.ORIGINAL, ""),
        ({"origin": "human", "model": "m"}, Origin.ORIGINAL, ""),
    ],
)
def test_a_record_declares_in_plain_words_only(
    declaring: dict[str, Any], origin: Origin | None, maker: str
) -> None:
    row = row_of({"text": "t", **declaring}, Fields())
    assert row is not None
    assert (row.declared, row.maker) == (origin, maker)


def test_named_fields_come_in_place_of_the_usual_ones() -> None:
    record = {"output": "a", "body_html": "b", "source": "s", "site": "t"}
    row = row_of(record, Fields("body_html", "site"))
    assert row is not None
    assert (row.text, row.source) == ("b", "t")
    assert row_of({"output": "a"}, Fields("body_html")) is None


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(KNOWN | st.text(), JSON, max_size=6))
def test_any_record_gives_a_row_with_text_or_none(record: dict[str, Any]) -> None:
    row = row_of(record, Fields())
    if row is not None:
        assert row.text.strip()
        assert all(isinstance(value, str) for value in (row.source, row.maker, row.terms))
    elif any(isinstance(record.get(name), str) and record[name].strip() for name in ANSWERS):
        raise AssertionError("an answer was overlooked")
    declaring = {*ORIGINS, *FLAGS, *MAKERS}
    if row is not None and declaring.isdisjoint(record):
        assert row.declared is None
