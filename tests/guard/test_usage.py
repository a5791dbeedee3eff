from __future__ import annotations

import pytest

from stillwatch.guard.adapters.usage import reader_of

CHAT = (
    b'data: {"choices":[{"delta":{"content":"four \\"usage\\""}}],"usage":null}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}\n\n'
    b"data: [DONE]\n\n"
)
MESSAGES = (
    b"event: message_start\n"
    b'data: {"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":15}}\n\n'
)
RESPONSES = (
    b'event: response.completed\r\ndata: {"type":"response.completed","response":'
    b'{"usage":{"input_tokens":11,"output_tokens":4,"total_tokens":15}}}\r\n\r\n'
)


@pytest.mark.parametrize(("stream", "total"), [(CHAT, 9), (MESSAGES, 40), (RESPONSES, 15)])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_usage_is_read_from_a_stream_however_it_is_cut(
    stream: bytes, total: int, size: int
) -> None:
    reader = reader_of(b"text/event-stream; charset=utf-8")
    assert reader is not None
    for begin in range(0, len(stream), size):
        reader.feed(stream[begin : begin + size])
    assert reader.total == total


@pytest.mark.parametrize(
    ("body", "total"),
    [
        (b'{"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}', 3),
        (b'{"usage":{"input_tokens":5,"output_tokens":6}}', 11),
        (b'{"usage":"much"}', None),
        (b"[1]", None),
        (b'{"usage":', None),
        (b"\xff", None),
    ],
)
def test_usage_is_read_from_a_body(body: bytes, total: int | None) -> None:
    reader = reader_of(b"application/json")
    assert reader is not None
    reader.feed(body[:3])
    reader.feed(body[3:])
    assert reader.total == total


def test_a_stream_that_says_nothing_and_other_answers_tell_no_usage() -> None:
    reader = reader_of(b"text/event-stream")
    assert reader is not None
    reader.feed(b'data: {"usage":\n\ndata: {"choices":[]}\n\n')
    assert reader.total is None
    assert reader_of(b"text/plain") is None
