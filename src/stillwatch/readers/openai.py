"""OpenAI-style pairs: chat completions, responses and the older completions.

Field names: https://platform.openai.com/docs/api-reference (chat, responses, completions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stillwatch.readers import envelope
from stillwatch.readers.messages import Conversation, split, text_of
from stillwatch.readers.reader import SKIPPED, JsonReader
from stillwatch.readers.rows import make_row
from stillwatch.readers.values import dig, first, flag, integer, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_TEXT = ("/embeddings", "/moderations", "/images", "/audio", "/files", "/rerank")


def conversation(request: dict[str, Any]) -> Conversation:
    """The chat of a request body of any of the three APIs."""
    if "messages" in request:
        return split(request["messages"])
    if "input" in request:
        return split(request["input"], request.get("instructions"))
    return split(text_of(request.get("prompt")))


def completion(response: object) -> str | None:
    """The answer's text: of the first choice, or of a response's output, or of its chunks."""
    if isinstance(response, list):
        whole = next((r for r in response if dig(r, "response", "output")), None)
        if whole:
            return completion(dig(whole, "response"))
        choices = [dig(chunk, "choices", 0) for chunk in response]
        pieces = [first(dig(c, "delta", "content"), dig(c, "text")) for c in choices]
        return "".join(piece for piece in pieces if isinstance(piece, str)) or None
    choice = dig(response, "choices", 0)
    if choice is not None:
        found = first(dig(choice, "message", "content"), dig(choice, "text"))
        return text_of(found) or None
    items = dig(response, "output")
    if isinstance(items, list):
        said = [item for item in items if dig(item, "type") in ("message", None)]
        return "\n".join(filter(None, (text_of(dig(item, "content")) for item in said))) or None
    return None


def usage(response: object) -> tuple[object, object, object]:
    """Input, output and reasoning tokens as the provider counted them."""
    if isinstance(response, list):
        response = next(
            (
                found
                for chunk in reversed(response)
                for found in (chunk, dig(chunk, "response"))
                if dig(found, "usage")
            ),
            None,
        )
    counted = dig(response, "usage")
    return (
        first(dig(counted, "prompt_tokens"), dig(counted, "input_tokens")),
        first(dig(counted, "completion_tokens"), dig(counted, "output_tokens")),
        first(
            dig(counted, "completion_tokens_details", "reasoning_tokens"),
            dig(counted, "output_tokens_details", "reasoning_tokens"),
        ),
    )


def parameters(request: dict[str, Any]) -> dict[str, Any]:
    """What the client set for itself; values that make no sense are None."""
    return {
        "temperature": number(request.get("temperature")),
        "max_tokens": integer(
            first(*(request.get(f"max_{kind}tokens") for kind in ("", "completion_", "output_")))
        ),
        "n": integer(request.get("n")),
        "logprobs": flag(first(request.get("logprobs"), request.get("top_logprobs"))),
    }


def _parse(record: bytes) -> Iterator[Any]:
    pair = envelope.unpack(record)
    request, response = pair.request, pair.response
    head = response[0] if isinstance(response, list) and response else response
    if dig(response, "object") == "list" or pair.path.rstrip("/").endswith(_NOT_TEXT):
        yield SKIPPED
        return
    chat = conversation(request)
    tokens = usage(response)
    thread = first(dig(request, "conversation", "id"), request.get("conversation"))
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
            "timestamp": pair.column("timestamp", dig(head, "created"), dig(head, "created_at")),
            "model": text(first(request.get("model"), dig(head, "model"))),
            "prompt": chat.prompt,
            "earlier_turns": chat.earlier_turns,
            "context": chat.context,
            "turns": chat.turns,
            "system_prompt": chat.system_prompt,
            "completion": completion(response),
            "conversation_id": pair.column("conversation_id", text(thread)),
            "end_user_id": pair.column(
                "end_user_id", text(request.get("safety_identifier")), text(request.get("user"))
            ),
            "input_tokens": tokens[0],
            "output_tokens": tokens[1],
            "reasoning_tokens": tokens[2],
            **parameters(request),
        },
    )


def _recognise(keys: frozenset[str]) -> bool:
    bodies = ("request", "request.body", "request_body", "requestBody")
    return any(
        f"{body}.{key}" in keys for body in bodies for key in ("messages", "input", "prompt")
    )


READER = JsonReader(
    name="openai",
    title="OpenAI-style request/response pairs",
    columns=envelope.COLUMNS | {"reasoning_tokens", "n", "logprobs"},
    recognise=_recognise,
    parse=_parse,
)
