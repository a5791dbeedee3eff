"""What OTLP files hold, JSON or protobuf: spans and log records, made into GenAI entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.readers.genai import DETAILS_EVENT, Entry, row
from stillwatch.readers.genai_messages import MESSAGE_EVENTS
from stillwatch.readers.reader import SKIPPED
from stillwatch.readers.rows import RecordError
from stillwatch.readers.values import integer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FAILED = (2, "STATUS_CODE_ERROR")


class Event(msgspec.Struct):
    """A named moment within a span."""

    name: str = ""
    attributes: dict[str, Any] = {}


class Span(msgspec.Struct):
    """One operation."""

    trace_id: str = ""
    span_id: str = ""
    start: int | None = None
    attributes: dict[str, Any] = {}
    events: list[Event] = []
    status: object = None


class LogRecord(msgspec.Struct):
    """One log entry; `name` is its event name."""

    trace_id: str = ""
    span_id: str = ""
    moment: int | None = None
    name: str = ""
    attributes: dict[str, Any] = {}
    body: Any = None


def from_spans(resource: dict[str, Any], spans: Iterable[Span]) -> Iterator[Any]:
    """Give an outcome for each span."""
    for span in spans:
        yield _outcome(
            Entry(
                attributes=span.attributes,
                resource=resource,
                moment=span.start,
                span=_identity(span.trace_id, span.span_id),
                failed=span.status in _FAILED,
                events=[(event.name, event.attributes) for event in span.events],
            )
        )


def from_logs(resource: dict[str, Any], records: Iterable[LogRecord]) -> Iterator[Any]:
    """Give an outcome for each exchange among log records.

    Message events of one span are put together; they are looked for in `records` only, which is
    what one export holds.
    """
    gathered: dict[str, Entry] = {}
    for record in records:
        body = record.body if isinstance(record.body, dict) else {"content": record.body}
        span = _identity(record.trace_id, record.span_id)
        if record.name == DETAILS_EVENT:
            attributes = {**(body if isinstance(record.body, dict) else {}), **record.attributes}
            attributes.setdefault("gen_ai.operation.name", "chat")
            yield _outcome(Entry(attributes, resource, record.moment, span))
        elif record.name in MESSAGE_EVENTS and span:
            entry = gathered.setdefault(span, Entry({}, resource, record.moment, span))
            entry.attributes = {**entry.attributes, **record.attributes}
            entry.attributes.setdefault("gen_ai.operation.name", "chat")
            entry.events.append((record.name, {**record.attributes, **body}))
        else:
            yield SKIPPED
    for entry in gathered.values():
        yield _outcome(entry)


def _outcome(entry: Entry) -> Any:
    try:
        return row(entry)
    except RecordError as error:  # the other spans of this export are still good
        return error


def _identity(trace: str, span: str) -> str:
    return f"{trace}:{span}" if trace and span else ""


def moment(*values: object) -> int | None:
    """The first time that is set, in nanoseconds; OTLP writes 0 for none."""
    return next((whole for value in values if (whole := integer(value))), None)
