"""Bytes cut into records, however they arrive."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.readers import framing
from stillwatch.readers.framing import lines, records, shape, values
from stillwatch.readers.sources import Source, Stream

objects = st.lists(
    st.dictionaries(
        st.text(max_size=4), st.text(max_size=6) | st.integers() | st.lists(st.text(max_size=3))
    ),
    min_size=1,
    max_size=5,
)


class Trickle(io.BytesIO):
    """Gives a few bytes at a time, as a slow pipe does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(3)


def stream(content: bytes, file: type[io.BytesIO] = io.BytesIO) -> Stream:
    return Stream(Source("test", len(content)), file(content))


@settings(max_examples=80, deadline=None)
@given(found=objects, indent=st.sampled_from([None, 0, 2]), wrapped=st.booleans())
def test_values_are_found_wherever_they_begin(
    found: list[Any],
    indent: int | None,
    wrapped: bool,
) -> None:
    if wrapped:
        content = json.dumps(found, indent=indent)
    else:
        content = " ".join(json.dumps(value, indent=indent) for value in found)
    for file in (io.BytesIO, Trickle):
        pieces = list(values(stream(content.encode(), file)))
        assert [json.loads(piece or b"") for _, piece in pieces] == found
    firsts = [line for line, _ in pieces]
    assert firsts == sorted(firsts)


@settings(max_examples=80, deadline=None)
@given(content=st.binary(max_size=60).filter(lambda c: c[:1] not in b"\x1f\x28"))
def test_lines_are_what_splitting_gives(content: bytes) -> None:
    wanted = content.removeprefix(framing.BOM).split(b"\n")
    wanted = wanted[:-1] if wanted[-1] == b"" else wanted
    for file in (io.BytesIO, Trickle):
        if file is Trickle and content.startswith(framing.BOM):
            continue
        assert list(lines(stream(content, file))) == list(enumerate(wanted, 1))


@pytest.mark.parametrize(
    ("content", "pieces"),
    [
        (b'{"a":1}\n{"b":2}\n', [(1, b'{"a":1}'), (2, b'{"b":2}')]),
        (b'\xef\xbb\xbf{"a":1}\n', [(1, b'{"a":1}')]),
        (b'{bad\n{"b":2}\n', [(1, b"{bad"), (2, b'{"b":2}')]),
        (b'{\n"a":1\n}\n{\n"b":2}', [(1, b'{\n"a":1\n}'), (4, b'{\n"b":2}')]),
        (b'[\n{"a":"]}"},\n{"b":2}\n]', [(2, b'{"a":"]}"}'), (3, b'{"b":2}')]),
        (b'[{"a":1}\n,{"b":"cut', [(1, b'{"a":1}'), (2, b'{"b":"cut')]),
        (b'{\n"a":1} junk {"b":\n2}', [(1, b'{\n"a":1}'), (2, b"junk"), (2, b'{"b":\n2}')]),
    ],
)
def test_records(content: bytes, pieces: list[tuple[int, bytes]]) -> None:
    assert list(records(stream(content))) == pieces


def test_value_that_is_too_long_is_named_and_the_next_one_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(framing, "MAX_RECORD", 64)
    content = b'[{"a":"' + b"x" * 500 + b'"},\n{"b":1}]'
    for file in (io.BytesIO, Trickle):
        assert list(values(stream(content, file))) == [(1, None), (2, b'{"b":1}')]


def test_shape_reads_keys_of_a_record_that_is_cut_off() -> None:
    content = b'[{"request": {"messages": [{"content": "' + b'y\\"' * 400
    assert {"request", "request.messages", "request.messages.content"} <= shape(content)
