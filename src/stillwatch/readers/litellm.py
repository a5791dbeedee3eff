"""LiteLLM: StandardLoggingPayload, and exports of its table LiteLLM_SpendLogs.

Fields: https://docs.litellm.ai/docs/proxy/logging_spec, and `LiteLLM_SpendLogs` in the project's
`schema.prisma`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stillwatch.readers import openai, tables
from stillwatch.readers.messages import split
from stillwatch.readers.reader import SKIPPED, JsonReader, looks_like_json
from stillwatch.readers.rows import RecordError, make_row
from stillwatch.readers.values import decode_json, dig, first, from_json, integer, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.readers.reader import Batch
    from stillwatch.readers.sources import Stream

COLUMNS = frozenset(
    [
        "earlier_turns",
        "context",
        "system_prompt",
        "completion",
        "conversation_id",
        "api_key_id",
        "end_user_id",
        "client_address",
        "user_agent",
        "input_tokens",
        "output_tokens",
        "reasoning_tokens",
        "temperature",
        "max_tokens",
        "n",
        "logprobs",
        "status",
    ]
)

_NAMES = {
    "request_id": "id",
    "timestamp": "startTime",
    "account_id": "metadata.user_api_key_user_id",
    "prompt": "messages",
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
}
_SPEND_NAMES = {**_NAMES, "request_id": "request_id", "account_id": "user"}

# LiteLLM writes this user for every key that was made without one: it names nobody.
_NOBODY = {"default_user_id", "litellm-proxy-master-key"}
# Kinds of call that carry no chat. All other kinds are read, those that are not known yet too.
_NOT_TEXT = (
    "embedding",
    "image",
    "moderation",
    "transcription",
    "speech",
    "rerank",
    "file",
    "batch",
    "search",
    "vector_store",
    "video",
)


def row(entry: dict[str, Any]) -> Any:
    """Make one entry of either kind into a row.

    Raises:
        RecordError: a value has the wrong type.
    """
    spend = "request_id" in entry
    call = entry.get("call_type")
    if isinstance(call, str) and any(kind in call for kind in _NOT_TEXT):
        return SKIPPED
    meta = from_json(entry.get("metadata"))
    request = from_json(entry.get("proxy_server_request"))
    body = first(dig(request, "body"), request)
    messages = first(from_json(entry.get("messages")), dig(body, "messages"), dig(body, "input"))
    chat = split(messages, first(dig(body, "system"), dig(body, "instructions")))
    if chat.prompt is None:
        raise RecordError(
            "messages", "is missing: LiteLLM keeps prompts only where it is told to store them"
        )
    key = text(
        first(entry.get("api_key"), dig(meta, "user_api_key_hash"), dig(meta, "user_api_key"))
    )
    user = text(first(entry.get("user"), dig(meta, "user_api_key_user_id")))
    response = from_json(entry.get("response"))
    parameters = first(from_json(entry.get("model_parameters")), body)
    return make_row(
        _SPEND_NAMES if spend else _NAMES,
        request_id=text(first(entry.get("request_id"), entry.get("id"))),
        timestamp=entry.get("startTime"),
        account_id=key if user is None or user in _NOBODY else user,
        model=text(first(entry.get("model_group"), entry.get("model"))),
        prompt=chat.prompt,
        earlier_turns=chat.earlier_turns,
        context=chat.context,
        turns=chat.turns,
        system_prompt=chat.system_prompt,
        completion=openai.completion(response) or (text(response) if response else None),
        conversation_id=text(first(entry.get("session_id"), entry.get("trace_id"))),
        api_key_id=key,
        end_user_id=text(first(entry.get("end_user"), dig(meta, "user_api_key_end_user_id"))),
        client_address=_address(entry, meta),
        user_agent=text(first(dig(meta, "user_agent"), dig(request, "headers", "user-agent"))),
        input_tokens=entry.get("prompt_tokens"),
        output_tokens=entry.get("completion_tokens"),
        reasoning_tokens=openai.usage(response)[2],
        status=_status(entry, meta),
        **openai.parameters(parameters if isinstance(parameters, dict) else {}),
    )


def _address(entry: dict[str, Any], meta: object) -> str | None:
    given = text(first(entry.get("requester_ip_address"), dig(meta, "requester_ip_address")))
    return given.split(",", 1)[0].strip() if given else None  # proxies append themselves


def _status(entry: dict[str, Any], meta: object) -> int | None:
    outcome = first(entry.get("status"), dig(meta, "status"))
    if outcome == "success":
        return 200
    if outcome != "failure":
        return integer(outcome)
    error = first(dig(entry, "error_information"), dig(meta, "error_information"))
    return integer(dig(error, "error_code")) or 500


def _parse(record: bytes) -> Iterator[Any]:
    entry = decode_json(record)
    if not isinstance(entry, dict):
        raise RecordError("(record)", "expected an object")
    inner = entry.get("standard_logging_object")
    yield row(inner if isinstance(inner, dict) else entry)


def _parse_cells(cells: tables.Cells) -> Iterator[Any]:
    entry: dict[str, Any] = dict(cells)
    for name in ("prompt_tokens", "completion_tokens"):
        if name in entry:
            whole = integer(entry[name])
            entry[name] = entry[name] if whole is None else whole
    yield row(entry)


def _recognise(keys: frozenset[str]) -> bool:
    return {"startTime", "call_type"} <= keys or "standard_logging_object" in keys


_JSON = JsonReader("litellm", "LiteLLM", COLUMNS, _recognise, _parse)


@dataclass(frozen=True, slots=True)
class LiteLLMReader:
    """Both kinds of entry as JSON, and spend logs as CSV."""

    name: str = "litellm"
    title: str = "LiteLLM StandardLoggingPayload and SpendLogs"
    columns: frozenset[str] = COLUMNS

    def sniff(self, head: bytes, name: str) -> bool:
        """Recognise the format by its keys, or by the names in a CSV's header."""
        if looks_like_json(head):
            return _JSON.sniff(head, name)
        return {"request_id", "startTime", "call_type"} <= tables.header(head)

    def read(self, stream: Stream, start: int = 0) -> Iterator[Batch]:
        """Read entry by entry."""
        if looks_like_json(stream.head()):
            return _JSON.read(stream, start)
        return tables.read(stream, start, _parse_cells)


READER = LiteLLMReader()
