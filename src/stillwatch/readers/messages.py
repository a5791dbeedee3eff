"""A chat, in any of the shapes APIs use, split by who wrote what.

Shapes understood: OpenAI chat messages and Responses items, Anthropic blocks, Bedrock Converse
blocks, Gemini parts and OpenTelemetry GenAI parts. They differ in names only, so one walk over
plain dicts and lists reads them all, and nothing that a client sends can make it fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from stillwatch.schema import TURN_SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DEPTH = 16
"""How deep content may lie inside content; what lies deeper is not read."""

_SYSTEM = {"system", "developer"}
_USER = {"user", "human"}
_TOOL_RESULTS = {"tool_result", "toolResult", "function_call_output", "tool_call_response"}
_TOOL_CALLS = {"tool_use", "toolUse", "function_call", "tool_call", "server_tool_use"}
_MEDIA = {
    "image": "[image]",
    "image_url": "[image]",
    "input_image": "[image]",
    "audio": "[audio]",
    "input_audio": "[audio]",
    "video": "[video]",
    "document": "[document]",
    "file": "[document]",
    "input_file": "[document]",
    "blob": "[attachment]",
    "uri": "[attachment]",
}
_TEXT_KEYS = ("text", "content", "thinking", "output", "result", "response", "input", "arguments")


@dataclass(slots=True)
class Conversation:
    """A chat as the columns of `schema.REQUESTS` hold it; see there for each one's meaning."""

    prompt: str | None = None
    earlier_turns: str | None = None
    context: str | None = None
    turns: int = 1
    system_prompt: str | None = None


@dataclass(slots=True)
class _Voices:
    system: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def split(messages: object, system: object = None) -> Conversation:
    """Split a chat by who wrote it.

    The last user turn with text is the prompt, also where a tool's result or the start of an
    answer comes after it. A chat without any user turn (everything in the system message, or a
    prefilled answer) has its last text as the prompt, so that no request can do without one.

    Args:
        messages: a list of messages, or one text.
        system: a system prompt that stands outside the messages; it goes before those inside.

    Returns:
        The conversation; `prompt` is None where there is no text at all.
    """
    voices = _Voices()
    if outside := text_of(system):
        voices.system.append(outside)
    for message in _items(messages):
        _hear(message, voices)
    if not voices.users:
        spare = voices.system or voices.others
        if spare:
            voices.users.append(spare.pop())
    clean = [_no_separator(turn) for turn in voices.users]
    return Conversation(
        prompt=voices.users[-1] if voices.users else None,
        earlier_turns=TURN_SEPARATOR.join(clean[:-1]) or None,
        context=TURN_SEPARATOR.join(map(_no_separator, voices.others)) or None,
        turns=max(1, len(clean)),
        system_prompt="\n".join(voices.system) or None,
    )


def text_of(content: object, depth: int = 0) -> str:
    """The text of a message's content; parts that are no text leave a placeholder.

    Args:
        content: a string, a part, a list of parts, or a message.
        depth: how deep the walk already is.
    """
    if isinstance(content, str):
        return content
    if depth > MAX_DEPTH:
        return ""
    if isinstance(content, list):
        return "\n".join(filter(None, (text_of(part, depth + 1) for part in content)))
    if isinstance(content, dict):
        return _part_text(content, depth)
    return ""


def _part_text(part: dict[str, object], depth: int) -> str:
    kind = _kind(part)
    if placeholder := _placeholder(part, kind):
        return placeholder
    for wrapper in (*_TOOL_RESULTS, *_TOOL_CALLS):
        if isinstance(part.get(wrapper), dict):
            return text_of(part[wrapper], depth + 1)
    is_call = kind in _TOOL_CALLS or "toolUseId" in part
    for key in _TEXT_KEYS:
        value = part.get(key)
        if isinstance(value, dict) and is_call:
            return msgspec.json.encode(value).decode()
        if value and (text := text_of(value, depth + 1)):
            return text
    if isinstance(parts := part.get("parts"), list):
        return text_of(parts, depth + 1)
    return msgspec.json.encode(part["json"]).decode() if "json" in part else ""


def _kind(part: dict[str, object]) -> str | None:
    kind = part.get("type")
    return kind if isinstance(kind, str) else None


def _placeholder(part: dict[str, object], kind: str | None) -> str | None:
    modality = part.get("modality")
    for name in (modality, kind):
        if isinstance(name, str) and name in _MEDIA:
            return _MEDIA[name]
    if kind is None and not isinstance(part.get("text"), str):
        return next((_MEDIA[key] for key in part if key in _MEDIA and key != "uri"), None)
    return None


def _items(messages: object) -> Sequence[object]:
    if isinstance(messages, dict):
        return [messages]
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}] if messages else []
    return messages if isinstance(messages, list) else []


def _hear(message: object, voices: _Voices) -> None:
    if isinstance(message, str):
        message = {"role": "user", "content": message}
    if not isinstance(message, dict):
        return
    role = message.get("role")
    role = role.lower() if isinstance(role, str) else None
    content = message.get("content")
    if content is None:
        content = message.get("parts")
    if role in _SYSTEM:
        _add(voices.system, text_of(content))
    elif role in _USER or (role is None and message.get("type") in (None, "message")):
        _hear_user(content if content is not None else message, voices)
    else:
        _add(voices.others, text_of(content if content is not None else message))
        _add(voices.others, text_of(_calls(message)))


def _hear_user(content: object, voices: _Voices) -> None:
    # Anthropic and Converse send a tool's result under the user's role: nobody typed it.
    parts = content if isinstance(content, list) else [content]
    typed = [part for part in parts if not _is_tool_result(part)]
    _add(voices.others, text_of([part for part in parts if _is_tool_result(part)]))
    _add(voices.users, text_of(typed))


def _is_tool_result(part: object) -> bool:
    return isinstance(part, dict) and (
        _kind(part) in _TOOL_RESULTS or any(key in part for key in _TOOL_RESULTS)
    )


def _calls(message: dict[str, object]) -> list[object]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return []
    return [call.get("function", call) for call in calls if isinstance(call, dict)]


def _add(voice: list[str], text: str) -> None:
    if text:
        voice.append(text)


def _no_separator(text: str) -> str:
    return text.replace(TURN_SEPARATOR, " ")
