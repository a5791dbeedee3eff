"""OpenTelemetry GenAI in OTLP JSON: files of the Collector, and bodies of OTLP/HTTP requests.

Encoding: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Identifiers are
hexadecimal there, which protobuf's own JSON reader takes for base64; hence structs of our own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.readers import otlp
from stillwatch.readers.genai import COLUMNS
from stillwatch.readers.reader import JsonReader

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Value(msgspec.Struct, rename="camel"):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    bytes_value: str | None = None
    array_value: _Values | None = None
    kvlist_value: _Pairs | None = None


class _Values(msgspec.Struct):
    values: list[_Value] = []


class _Pair(msgspec.Struct):
    key: str = ""
    value: _Value | None = None


class _Pairs(msgspec.Struct):
    values: list[_Pair] = []


class _Resource(msgspec.Struct):
    attributes: list[_Pair] = []


class _Status(msgspec.Struct):
    code: int | str = 0


class _Event(msgspec.Struct):
    name: str = ""
    attributes: list[_Pair] = []


class _Span(msgspec.Struct, rename="camel"):
    trace_id: str = ""
    span_id: str = ""
    start_time_unix_nano: int | str = 0
    end_time_unix_nano: int | str = 0
    attributes: list[_Pair] = []
    events: list[_Event] = []
    status: _Status | None = None


class _Log(msgspec.Struct, rename="camel"):
    trace_id: str = ""
    span_id: str = ""
    time_unix_nano: int | str = 0
    observed_time_unix_nano: int | str = 0
    event_name: str = ""
    attributes: list[_Pair] = []
    body: _Value | None = None


class _ScopeSpans(msgspec.Struct):
    spans: list[_Span] = []


class _ScopeLogs(msgspec.Struct, rename="camel"):
    log_records: list[_Log] = []


class _ResourceSpans(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] = []


class _ResourceLogs(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] = []


class _Export(msgspec.Struct, rename="camel"):
    resource_spans: list[_ResourceSpans] = []
    resource_logs: list[_ResourceLogs] = []


_DECODER = msgspec.json.Decoder(_Export)


def _plain(value: _Value | None) -> Any:
    if value is None:
        return None
    if value.array_value is not None:
        return [_plain(inner) for inner in value.array_value.values]
    if value.kvlist_value is not None:
        return _attributes(value.kvlist_value.values)
    if value.int_value is not None:  # 64-bit numbers are strings in OTLP JSON
        return int(value.int_value) if str(value.int_value).lstrip("-").isdecimal() else None
    scalars = (value.string_value, value.bool_value, value.double_value, value.bytes_value)
    return next((scalar for scalar in scalars if scalar is not None), None)


def _attributes(pairs: list[_Pair]) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _span(span: _Span) -> otlp.Span:
    return otlp.Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        start=otlp.moment(span.start_time_unix_nano, span.end_time_unix_nano),
        attributes=_attributes(span.attributes),
        events=[otlp.Event(event.name, _attributes(event.attributes)) for event in span.events],
        status=span.status.code if span.status else None,
    )


def _log(log: _Log) -> otlp.LogRecord:
    attributes = _attributes(log.attributes)
    return otlp.LogRecord(
        trace_id=log.trace_id,
        span_id=log.span_id,
        moment=otlp.moment(log.time_unix_nano, log.observed_time_unix_nano),
        name=log.event_name or str(attributes.get("event.name", "")),
        attributes=attributes,
        body=_plain(log.body),
    )


def _parse(record: bytes) -> Iterator[Any]:
    export = _DECODER.decode(record)
    for group in export.resource_spans:
        resource = _attributes(group.resource.attributes) if group.resource else {}
        spans = (_span(span) for scope in group.scope_spans for span in scope.spans)
        yield from otlp.from_spans(resource, spans)
    for logs in export.resource_logs:
        resource = _attributes(logs.resource.attributes) if logs.resource else {}
        entries = (_log(log) for scope in logs.scope_logs for log in scope.log_records)
        yield from otlp.from_logs(resource, entries)


def _recognise(keys: frozenset[str]) -> bool:
    return bool({"resourceSpans", "resourceLogs"} & keys)


READER = JsonReader(
    name="otlp",
    title="OpenTelemetry GenAI, OTLP JSON",
    columns=COLUMNS,
    recognise=_recognise,
    parse=_parse,
)
