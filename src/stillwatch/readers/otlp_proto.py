"""OpenTelemetry GenAI in OTLP protobuf: one export, or many with their lengths between them.

Three layouts are in use: one bare message (the body of an OTLP/HTTP request), messages behind a
length of four bytes, most significant first (the Collector's file exporter), and messages behind
a length in protobuf's own variable form (what its libraries call delimited).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stillwatch.errors import MissingExtraError
from stillwatch.readers import otlp
from stillwatch.readers.framing import BLOCK_RECORDS, MAX_RECORD
from stillwatch.readers.genai import COLUMNS
from stillwatch.readers.reader import Batch, Gathering
from stillwatch.readers.rejections import RECORD
from stillwatch.readers.rows import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from stillwatch.readers.sources import Stream

_FIRST_FIELD = 0x0A  # field 1, length-delimited: how every export with content begins


class _Buffer:
    """A stream with a few bytes of foresight."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._held = stream, b""

    def peek(self, size: int) -> bytes:
        while len(self._held) < size and (data := self._stream.read()):
            self._held += data
        return self._held[:size]

    def take(self, size: int) -> bytes:
        data = self.peek(size)
        self._held = self._held[len(data) :]
        return data

    def skip(self, size: int) -> int:
        skipped = 0
        while skipped < size and (data := self.take(min(size - skipped, 1 << 20))):
            skipped += len(data)
        return skipped


def varint(data: bytes) -> tuple[int, int] | None:
    """A number in protobuf's variable form: its value and its length; None where it is none."""
    value = 0
    for index, byte in enumerate(data[:5]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, index + 1
    return None


def layout(head: bytes) -> str | None:
    """How messages follow one another: ``bare``, ``fixed`` or ``varint``; None for no OTLP.

    Decided by what the first message must look like: field 1, whose length fits the message.
    """
    if _fits(head[4:], int.from_bytes(head[:4], "big")):
        return "fixed"
    prefix = varint(head)
    if prefix and _fits(head[prefix[1] :], prefix[0]):
        return "varint"
    return "bare" if head[:1] == bytes([_FIRST_FIELD]) and _nested(head) else None


def _fits(message: bytes, size: int) -> bool:
    inner = varint(message[1:6])
    return (
        message[:1] == bytes([_FIRST_FIELD])
        and inner is not None
        and 0 < inner[0] + inner[1] + 1 <= size <= MAX_RECORD
    )


def _nested(head: bytes) -> bool:
    """Whether a group of resource, scope and schema begins here, and not any other text."""
    size = varint(head[1:6])
    if size is None or size[0] == 0:
        return False
    tag = head[1 + size[1] : 2 + size[1]]
    return tag in (b"\x0a", b"\x12")


def _messages(stream: Stream) -> Iterator[bytes | None]:
    buffer = _Buffer(stream)
    kind = layout(buffer.peek(64)) or "bare"
    while head := buffer.peek(5):
        size, prefix = MAX_RECORD + 1, 0
        if kind == "fixed":
            size, prefix = int.from_bytes(head[:4], "big"), 4
        elif kind == "varint":
            size, prefix = varint(head) or (MAX_RECORD + 1, 0)
        buffer.take(prefix)
        if kind == "bare":
            message = buffer.take(size)
            yield None if len(message) > MAX_RECORD and buffer.skip(1 << 62) >= 0 else message
        elif size > MAX_RECORD:
            yield None
            buffer.skip(size)
        else:
            yield buffer.take(size)


def _modules() -> tuple[ModuleType, ModuleType]:
    try:
        from opentelemetry.proto.logs.v1 import logs_pb2  # noqa: PLC0415
        from opentelemetry.proto.trace.v1 import trace_pb2  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("otlp", "reading OTLP protobuf") from None
    return trace_pb2, logs_pb2


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(inner) for inner in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return None if kind is None else getattr(value, kind)


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _span(span: Any) -> otlp.Span:
    return otlp.Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        start=otlp.moment(span.start_time_unix_nano, span.end_time_unix_nano),
        attributes=_attributes(span.attributes),
        events=[otlp.Event(event.name, _attributes(event.attributes)) for event in span.events],
        status=span.status.code,
    )


def _log(log: Any) -> otlp.LogRecord:
    attributes = _attributes(log.attributes)
    return otlp.LogRecord(
        trace_id=log.trace_id.hex(),
        span_id=log.span_id.hex(),
        moment=otlp.moment(log.time_unix_nano, log.observed_time_unix_nano),
        name=log.event_name or str(attributes.get("event.name", "")),
        attributes=attributes,
        body=_plain(log.body),
    )


def _outcomes(message: bytes) -> Iterator[Any]:
    trace, logs = _modules()
    # Exports of spans and of logs share their outer shape. Only spans begin with an identifier,
    # and some logs cannot be read as spans at all.
    spans = _parsed(trace.TracesData, message)
    groups = spans.resource_spans if spans else ()
    if any(span.trace_id for g in groups for scope in g.scope_spans for span in scope.spans):
        for group in groups:
            found = (_span(span) for scope in group.scope_spans for span in scope.spans)
            yield from otlp.from_spans(_attributes(group.resource.attributes), found)
        return
    records = _parsed(logs.LogsData, message)
    if records is None:
        yield RecordError(RECORD, "is not an OTLP export in protobuf")
        return
    for group in records.resource_logs:
        entries = (_log(log) for scope in group.scope_logs for log in scope.log_records)
        yield from otlp.from_logs(_attributes(group.resource.attributes), entries)


def _parsed(kind: Any, message: bytes) -> Any:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        return kind.FromString(message)
    except DecodeError:
        return None


@dataclass(frozen=True, slots=True)
class OtlpProtoReader:
    """OTLP protobuf; positions and lines count exports."""

    name: str = "otlp-proto"
    title: str = "OpenTelemetry GenAI, OTLP protobuf"
    columns: frozenset[str] = COLUMNS

    def sniff(self, head: bytes, name: str) -> bool:  # noqa: ARG002
        """Recognise the format by the lengths at its beginning."""
        return layout(head) is not None

    def read(self, stream: Stream, start: int = 0) -> Iterator[Batch]:
        """Read export by export.

        Raises:
            MissingExtraError: the extra ``otlp`` is not installed.
        """
        _modules()  # say at once, and not at the first record, that the extra is missing
        gathering, begun, position = Gathering(stream.source.name), start, 0
        for message in _messages(stream):
            position += 1
            if position <= start:
                continue
            if len(gathering.rows) >= BLOCK_RECORDS or position - begun > BLOCK_RECORDS:
                yield gathering.batch(stream, begun, position - 1, last=False)
                gathering, begun = Gathering(stream.source.name), position - 1
            if message is None:
                gathering.reject(position, RECORD, f"is longer than {MAX_RECORD >> 20} MiB")
                continue
            gathering.take(position, _outcomes(message))
        yield gathering.batch(stream, begun, max(begun, position), last=True)


READER = OtlpProtoReader()
