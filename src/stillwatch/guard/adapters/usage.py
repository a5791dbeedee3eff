"""The tokens that an answer says it took: in one JSON body, or in a stream of events."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

LARGEST = 64 << 20
"""Bytes of a body, or of one event, that are looked into."""

_INPUT = ("input_tokens", "prompt_tokens")
_OUTPUT = ("output_tokens", "completion_tokens")


class Usage(Protocol):
    """Reads an answer as it passes."""

    def feed(self, body: bytes) -> None:
        """Take the next bytes in."""

    @property
    def total(self) -> float | None:
        """Tokens of input and output; None where the answer does not say."""


def reader_of(content_type: bytes) -> Usage | None:
    """What reads an answer of a content type; None where none of them tells usage."""
    if content_type.startswith(b"application/json"):
        return _Body()
    if content_type.startswith(b"text/event-stream"):
        return _Events()
    return None


class _Counts:
    """What was told so far: of a stream, the later figure counts."""

    def __init__(self) -> None:
        self._input: int | None = None
        self._output: int | None = None
        self._both: int | None = None

    def tell(self, answer: object) -> None:
        """Look for usage where OpenAI's and Anthropic's answers and events have it."""
        if not isinstance(answer, dict):
            return
        # an event of OpenAI's Responses holds the response, Anthropic's first one the message
        for place in (answer, answer.get("response"), answer.get("message")):
            usage = place.get("usage") if isinstance(place, dict) else None
            if isinstance(usage, dict):
                self._input = _first(usage, _INPUT, self._input)
                self._output = _first(usage, _OUTPUT, self._output)
                self._both = _first(usage, ("total_tokens",), self._both)

    @property
    def total(self) -> float | None:
        """See `Usage`."""
        if self._both is not None or (self._input is None and self._output is None):
            return self._both
        return (self._input or 0) + (self._output or 0)


class _Body(_Counts):
    def __init__(self) -> None:
        super().__init__()
        self._bytes = bytearray()

    def feed(self, body: bytes) -> None:
        """See `Usage`."""
        if len(self._bytes) < LARGEST:
            self._bytes += body

    @property
    def total(self) -> float | None:
        """See `Usage`."""
        self.tell(_decoded(bytes(self._bytes)))
        return super().total


class _Events(_Counts):
    def __init__(self) -> None:
        super().__init__()
        self._line = b""

    def feed(self, body: bytes) -> None:
        """See `Usage`."""
        *lines, self._line = (self._line + body).split(b"\n")
        if len(self._line) > LARGEST:
            self._line = b""
        for line in lines:
            if line.startswith(b"data:") and b'"usage"' in line:
                self.tell(_decoded(line[5:]))


def _decoded(data: bytes) -> object:
    try:
        found: Any = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found


def _first(usage: dict[str, Any], names: tuple[str, ...], before: int | None) -> int | None:
    return next((n for name in names if isinstance(n := usage.get(name), int)), before)
