"""Request/response pairs: the API's own bodies, inside what a gateway writes around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stillwatch.readers.rows import RecordError
from stillwatch.readers.values import decode_json, dig, first, from_json, integer, text

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIASES: Mapping[str, tuple[str, ...]] = {
    "request_id": ("request_id", "requestId", "id", "custom_id"),
    "timestamp": ("timestamp", "created_at", "time", "start_time", "startTime", "@timestamp"),
    "account_id": ("account_id", "account", "customer_id", "tenant_id", "user_id", "organization"),
    "conversation_id": ("conversation_id", "session_id", "thread_id"),
    "api_key_id": ("api_key_id", "api_key_hash", "key_id"),
    "end_user_id": ("end_user_id", "end_user"),
    "client_address": ("client_address", "client_ip", "ip", "ip_address", "remote_addr"),
    "user_agent": ("user_agent", "http_user_agent"),
    "tls_fingerprint": ("tls_fingerprint", "ja4"),
    "access_path": ("access_path",),
    "status": ("status_code", "status"),
}
"""Under which keys a column is looked for, beside the pair or in its ``metadata``."""

_COLUMN_OF = {key: column for column, keys in ALIASES.items() for key in keys}

COLUMNS = frozenset(ALIASES) - {"request_id", "timestamp", "account_id"} | {
    "earlier_turns",
    "context",
    "system_prompt",
    "completion",
    "input_tokens",
    "output_tokens",
    "temperature",
    "max_tokens",
}
"""What a pair can carry, whichever API it was for."""

_REQUEST_KEYS = ("request", "request_body", "requestBody")
_RESPONSE_KEYS = ("response", "response_body", "responseBody")


@dataclass(frozen=True, slots=True)
class Pair:
    """One exchange.

    Attributes:
        request: the body that was sent.
        response: the body that came back, or the list of its streamed chunks; None without one.
        columns: what stands around the two, by column of `schema.REQUESTS`.
        names: under which key each of them was found.
        path: where the request was sent to, such as ``/v1/chat/completions``; may be empty.
    """

    request: dict[str, Any]
    response: Any
    columns: dict[str, Any]
    names: dict[str, str]
    path: str

    def column(self, name: str, *fallbacks: object) -> Any:
        """What the envelope says of a column, else the first fallback that says something."""
        return first(self.columns.get(name), *fallbacks)


def unpack(record: bytes) -> Pair:
    """Take an exchange out of its envelope.

    Raises:
        RecordError: it holds no request.
        msgspec.DecodeError: it is not JSON.
    """
    outer = decode_json(record)
    if not isinstance(outer, dict):
        raise RecordError("request", "is missing: the record is no object")
    request, path = _body(outer, _REQUEST_KEYS)
    if not isinstance(request, dict):
        raise RecordError("request", "is missing: expected the body that was sent, as an object")
    response, _ = _body(outer, _RESPONSE_KEYS)
    columns: dict[str, Any] = {}
    names: dict[str, str] = {}
    for place, prefix in ((outer, ""), (outer.get("metadata"), "metadata.")):
        if isinstance(place, dict):
            _collect(place, prefix, columns, names)
    _tidy(columns, outer)
    url = first(path, dig(outer, "url"), dig(outer, "path"), dig(outer, "endpoint"))
    return Pair(request, response, columns, names, url if isinstance(url, str) else "")


def _collect(
    place: dict[str, Any], prefix: str, columns: dict[str, Any], names: dict[str, str]
) -> None:
    known = {_COLUMN_OF[key] for key in place.keys() & _COLUMN_OF.keys()} - columns.keys()
    for column in known:
        for key in ALIASES[column]:
            if first(place.get(key)) is not None:
                columns[column], names[column] = place[key], prefix + key
                break


def _body(outer: dict[str, Any], keys: tuple[str, ...]) -> tuple[Any, object]:
    whole = from_json(first(*(outer.get(key) for key in keys)))
    inner = from_json(dig(whole, "body"))
    if isinstance(inner, dict | list):
        return inner, first(dig(whole, "url"), dig(whole, "path"))
    return whole, None


def _tidy(columns: dict[str, Any], outer: dict[str, Any]) -> None:
    columns.setdefault("status", dig(outer, "response", "status_code"))
    columns["status"] = integer(columns["status"])
    for column in columns.keys() - {"timestamp", "status"}:
        columns[column] = text(columns[column])
    for place in (outer, outer.get("request")):
        headers = dig(place, "headers")
        if isinstance(headers, dict) and not columns.get("user_agent"):
            lowered = {str(key).lower(): value for key, value in headers.items()}
            columns["user_agent"] = text(lowered.get("user-agent"))
