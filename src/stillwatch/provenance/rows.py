"""One record of a training set: the text that a model would learn from, and what it says of itself.

Records come in many shapes. The text is the answer where there is one: the assistant's turns of a
chat, else the first of `ANSWERS`, else of `TEXTS`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CHATS = ("messages", "conversations", "conversation", "dialog", "dialogue")
ANSWERS = (
    "output", "response", "completion", "answer", "chosen", "generation", "target", "solution",
)  # fmt: skip
TEXTS = ("text", "content", "document", "body", "instruction", "prompt", "question")
ORIGINS = ("origin", "provenance", "author_type", "creator_type", "source_type")
FLAGS = ("synthetic", "is_synthetic", "machine_generated", "is_generated", "generated")
MAKERS = ("generator", "generated_by", "model", "model_name", "model_id", "teacher", "llm")
SOURCES = ("source", "dataset", "subset")
TERMS = ("license", "licence", "terms")

_DECLARING = frozenset((*ORIGINS, *FLAGS, *MAKERS))
_ASSISTANT = frozenset({"assistant", "gpt", "model", "bot", "chatgpt", "ai"})
_PEOPLE = frozenset(
    {"human", "humans", "person", "people", "original", "crowdsourced", "expert", "author", "none"}
)
_MODELS = frozenset(
    {"model", "machine", "machine-generated", "generated", "synthetic", "llm", "ai", "gpt"}
)


class Origin(StrEnum):
    """Who made a text."""

    ORIGINAL = "original"
    GENERATED = "generated"
    UNKNOWN = "unknown"


class Row(NamedTuple):
    """What a record gives.

    Attributes:
        text: never blank.
        source: as the record names it; empty where it does not.
        declared: what the record says of its own origin; None where it says nothing.
        maker: the model that the record names; empty where it names none.
        terms: licence or terms that the record names; empty where it names none.
    """

    text: str
    source: str
    declared: Origin | None
    maker: str
    terms: str


class Fields(NamedTuple):
    """Fields to look into in place of the known ones; None for the known ones."""

    text: str | None = None
    source: str | None = None

    @property
    def all(self) -> frozenset[str]:
        """Every field that can matter."""
        known = (CHATS, ANSWERS, TEXTS, ORIGINS, FLAGS, MAKERS, SOURCES, TERMS)
        named = [name for name in self if name is not None]
        return frozenset(named).union(*known)


USUAL = Fields()


def row_of(record: Mapping[str, Any], fields: Fields) -> Row | None:
    """Read a record; None where it has no text."""
    text = _text(record, fields.text)
    if not text.strip():
        return None
    declared, maker = _declared(record)
    names = SOURCES if fields.source is None else (fields.source,)
    return Row(text, _first(record, names), declared, maker, _first(record, TERMS))


def _text(record: Mapping[str, Any], field: str | None) -> str:
    if field is not None:
        return "\n".join(_strings(record.get(field)))
    for name in CHATS:
        if isinstance(turns := record.get(name), list) and (said := list(_answers(turns))):
            return "\n".join(said)
    for name in (*ANSWERS, *TEXTS):
        value = record.get(name)
        if value is not None and (text := "\n".join(_strings(value)).strip()):
            return text
    return ""


def _answers(turns: list[Any]) -> Iterator[str]:
    """What the assistant says, in the two usual spellings of a turn."""
    for turn in turns:
        if isinstance(turn, dict):
            role = turn.get("role", turn.get("from"))
            if isinstance(role, str) and role.lower() in _ASSISTANT:
                yield from _strings(turn.get("content", turn.get("value")))


def _strings(value: Any) -> Iterable[str]:
    """The strings in a value: itself, its elements, or the text of its parts."""
    return (value,) if isinstance(value, str) else _nested(value)


def _nested(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _strings(one)
    elif isinstance(value, dict):
        yield from _strings(value.get("text", value.get("content", value.get("value"))))


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _declared(record: Mapping[str, Any]) -> tuple[Origin | None, str]:
    """What a record says of its origin, and the model that it names."""
    if _DECLARING.isdisjoint(record):
        return None, ""
    maker = _first(record, MAKERS)
    for name in ORIGINS:
        if (found := origin_of(_first(record, (name,)))) is not None:
            return found, maker if found is Origin.GENERATED else ""
    for name in FLAGS:
        if isinstance(record.get(name), bool):
            return (Origin.GENERATED, maker) if record[name] else (Origin.ORIGINAL, "")
    if maker:
        people = origin_of(maker) is Origin.ORIGINAL
        return (Origin.ORIGINAL, "") if people else (Origin.GENERATED, maker)
    return None, ""


def origin_of(word: str) -> Origin | None:
    """What a word for an origin means; None where it is not one that everybody understands."""
    word = word.lower().replace("_", "-").replace(" ", "-")
    if word in _PEOPLE or word == "expert-generated":
        return Origin.ORIGINAL
    return Origin.GENERATED if word in _MODELS else None
