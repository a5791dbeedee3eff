"""Anthropic Messages pairs.

Field names: https://docs.anthropic.com/en/api/messages and its streaming events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stillwatch.readers import envelope
from stillwatch.readers.messages import split, text_of
from stillwatch.readers.reader import JsonReader
from stillwatch.readers.rows import make_row
from stillwatch.readers.values import dig, first, integer, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

_INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def completion(response: object) -> str | None:
    """The answer's text, without the model's thinking."""
    if isinstance(response, list):
        pieces = [dig(event, "delta", "text") for event in response]
        return "".join(piece for piece in pieces if isinstance(piece, str)) or None
    blocks = dig(response, "content")
    if isinstance(blocks, list):
        blocks = [block for block in blocks if dig(block, "type") in ("text", None)]
    return text_of(blocks) or None


def usage(response: object) -> tuple[Any, Any]:
    """Input tokens (those read from and written to the cache too) and output tokens."""
    counted = dig(response, "usage")
    if isinstance(response, list):
        counted = {}
        for event in response:
            for found in (dig(event, "message", "usage"), dig(event, "usage")):
                counted.update(found if isinstance(found, dict) else {})
    parts = [integer(dig(counted, key)) for key in _INPUT]
    known = [part for part in parts if part is not None]
    return sum(known) if known else None, dig(counted, "output_tokens")


def _parse(record: bytes) -> Iterator[Any]:
    pair = envelope.unpack(record)
    request, response = pair.request, pair.response
    head = dig(response, 0, "message") if isinstance(response, list) else response
    chat = split(request.get("messages"), request.get("system"))
    tokens = usage(response)
    yield make_row(
        {
            "prompt": "request.messages",
            "model": "request.model",
            "input_tokens": "response.usage",
            "output_tokens": "response.usage",
            **pair.names,
        },
        **{
            **pair.columns,
            "request_id": pair.column("request_id", text(dig(head, "id"))),
            "timestamp": pair.column("timestamp"),
            "model": text(first(request.get("model"), dig(head, "model"))),
            "prompt": chat.prompt,
            "earlier_turns": chat.earlier_turns,
            "context": chat.context,
            "turns": chat.turns,
            "system_prompt": chat.system_prompt,
            "completion": completion(response),
            "end_user_id": pair.column("end_user_id", text(dig(request, "metadata", "user_id"))),
            "input_tokens": tokens[0],
            "output_tokens": tokens[1],
            "temperature": number(request.get("temperature")),
            "max_tokens": integer(request.get("max_tokens")),
        },
    )


def _recognise(keys: frozenset[str]) -> bool:
    telling = {"anthropic_version", "system", "stop_sequences", "top_k", "thinking"}
    answered = {"content", "stop_reason"}
    found = {key.split(".", 1)[1] for key in keys if key.startswith(("request.", "request_body."))}
    found |= {key[len("body.") :] for key in found if key.startswith("body.")}
    said = {key.rsplit(".", 1)[-1] for key in keys if key.startswith("response")}
    return "messages" in found and bool(
        telling & found or (answered <= said and "choices" not in said)
    )


READER = JsonReader(
    name="anthropic",
    title="Anthropic Messages request/response pairs",
    columns=envelope.COLUMNS,
    recognise=_recognise,
    parse=_parse,
)
