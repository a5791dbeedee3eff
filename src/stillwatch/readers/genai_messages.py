"""Where OpenTelemetry, OpenLLMetry and OpenInference keep the messages of a span."""

from __future__ import annotations

import re
from typing import Any

from stillwatch.readers.messages import Conversation, split, text_of
from stillwatch.readers.values import dig, first, from_json

Attributes = dict[str, Any]
Events = list[tuple[str, Attributes]]

_INDEX = re.compile(r"([0-9]{1,6})\.")
_PROMPTS = ("gen_ai.prompt.", "llm.prompts.", "llm.input_messages.")
_COMPLETIONS = ("gen_ai.completion.", "llm.completions.", "llm.output_messages.")
_MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
MESSAGE_EVENTS = frozenset(_MESSAGE_EVENTS) | {"gen_ai.choice"}
"""Events that carry one message each, of the releases up to 1.36."""


def conversation(attributes: Attributes, events: Events) -> Conversation:
    """The chat that was sent: the newest way to record it that is there wins."""
    system = from_json(attributes.get("gen_ai.system_instructions"))
    messages = from_json(attributes.get("gen_ai.input.messages"))
    if not messages:
        messages = first(*(_numbered(attributes, prefix) for prefix in _PROMPTS))
    if not messages:
        messages = [
            {"role": role, "content": _content(body), **_only_role(body)}
            for name, body in events
            if (role := _MESSAGE_EVENTS.get(name))
        ]
    if not messages:
        recorded = next((a for name, a in events if name == "gen_ai.content.prompt"), {})
        messages = first(
            *(
                from_json(place.get(key))
                for place in (attributes, recorded)
                for key in ("gen_ai.prompt", "traceloop.entity.input", "input.value")
            )
        )
    if isinstance(messages, dict):  # the whole body that was sent, or a framework's wrapping of it
        system = first(system, messages.get("system"))
        inner = first(*(dig(messages, k) for k in ("messages", "input", "inputs", "prompt")))
        messages = first(dig(inner, "messages"), inner, messages)
    return split(messages, system)


def completion(attributes: Attributes, events: Events) -> str | None:
    """The answer's text, where it was recorded."""
    found = first(
        from_json(attributes.get("gen_ai.output.messages")),
        *(_numbered(attributes, prefix) for prefix in _COMPLETIONS),
        *(_content(body) for name, body in events if name == "gen_ai.choice"),
        *(a.get("gen_ai.completion") for name, a in events if name == "gen_ai.content.completion"),
        from_json(attributes.get("gen_ai.completion")),
        attributes.get("output.value"),
    )
    return text_of(found[0] if isinstance(found, list) else found) or None


def _content(body: Attributes) -> object:
    return from_json(first(body.get("content"), dig(from_json(body.get("message")), "content")))


def _only_role(body: Attributes) -> Attributes:
    role = body.get("role")
    return {"role": role} if isinstance(role, str) and role else {}


def _numbered(attributes: Attributes, prefix: str) -> list[Attributes]:
    """Messages spread over attributes such as ``llm.input_messages.0.message.role``."""
    found: dict[int, Attributes] = {}
    parts: dict[tuple[int, str], str] = {}
    for key, value in attributes.items():
        place = _INDEX.match(key, len(prefix)) if key.startswith(prefix) else None
        if place is None:
            continue
        number, rest = int(place[1]), key[place.end() :]
        message = found.setdefault(number, {})
        rest = rest.removeprefix("message.")
        if rest in ("role", "content", "user"):
            message["content" if rest == "user" else rest] = from_json(value)
        elif rest.startswith("contents.") and isinstance(value, str):
            shown = value if rest.endswith(".text") else "[image]" if ".image" in rest else ""
            parts[number, rest] = shown
        elif rest.startswith("tool_calls.") and rest.endswith("arguments"):
            message.setdefault("tool_calls", []).append({"arguments": value})
    for (number, _), shown in sorted(parts.items()):
        message = found[number]
        if shown and not isinstance(message.get("content"), str):
            message.setdefault("content", []).append({"type": "text", "text": shown})
    return [found[number] for number in sorted(found)]
