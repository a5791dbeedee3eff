"""What a dataset says of itself: in its card's front matter, dataset infos, Croissant metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import InputError, MissingExtraError
from stillwatch.provenance.rows import Origin, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

README, INFOS, CROISSANT = "README.md", ("dataset_infos.json", "dataset_info.json"), (
    "croissant.json", "metadata.json", "mlcroissant.json",
)  # fmt: skip
CARD_FILES = frozenset({README, *INFOS, *CROISSANT})

_FENCE = "---"
_SYNTHETIC = ("synthetic", "machine-generated")
_MADE, _WRITTEN = "trainedalgorithmicmedia", ("digitalcreation", "humanedits")
"""Beginnings of the names that IPTC and schema.org have for a `digitalSourceType`."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a dataset says of itself; empty where it says nothing.

    Attributes:
        name: of the dataset.
        terms: its licence.
        url: where it is from.
        creators: who made it, by name.
        declared: the origin that it claims for all of its rows; None for none, or for several.
        evidence: the words that this rests on, each with the file that has them.
    """

    name: str = ""
    terms: str = ""
    url: str = ""
    creators: tuple[str, ...] = ()
    declared: Origin | None = None
    evidence: tuple[str, ...] = ()


def read_card(path: Path) -> Card:
    """Read the cards that lie in a dataset's folder; the first that has a value gives it.

    Raises:
        InputError: a card cannot be read.
        MissingExtraError: there is a card, and what reads its front matter is not installed.
    """
    if not path.is_dir():
        return Card()
    return _joined(list(_cards(path)))


def _cards(folder: Path) -> Iterator[Card]:
    for name in CROISSANT:
        if (file := folder / name).is_file():
            yield _of_croissant(_json(file), name)
    if (file := folder / README).is_file():
        yield _of_front_matter(_front_matter(file))
    for name in INFOS:
        if (file := folder / name).is_file():
            yield _of_infos(_json(file))


def _joined(cards: list[Card]) -> Card:
    """One card of several; claims that contradict each other are no claim."""
    claims = {card.declared for card in cards} - {None}
    return Card(
        name=next((card.name for card in cards if card.name), ""),
        terms=next((card.terms for card in cards if card.terms), ""),
        url=next((card.url for card in cards if card.url), ""),
        creators=next((card.creators for card in cards if card.creators), ()),
        declared=claims.pop() if len(claims) == 1 else None,
        evidence=tuple(text for card in cards for text in card.evidence),
    )


def _json(file: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(file.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError("this card is not JSON", file=str(file)) from None
    if not isinstance(found, dict):
        raise InputError("this card is not a JSON object", file=str(file))
    return found


def _front_matter(file: Path) -> dict[str, Any]:
    """The YAML between the first two fences; empty where there is none."""
    text = file.read_text(encoding="utf-8", errors="replace")
    parts = text.split(f"\n{_FENCE}", 1)
    if not text.startswith(f"{_FENCE}\n") or len(parts) == 1:
        return {}
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("provenance", "reading a dataset card") from None
    try:
        found = yaml.safe_load(parts[0].removeprefix(_FENCE))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            "the card's front matter is not YAML",
            file=str(file),
            line=mark.line + 1 if mark else None,
        ) from None
    return found if isinstance(found, dict) else {}


def _of_front_matter(found: dict[str, Any]) -> Card:
    creators = _words(found.get("language_creators"))
    tags = _words(found.get("tags"))
    claims = {origin_of(word) for word in creators} or {None}
    evidence = [f"{README}: language_creators {', '.join(creators)}"] if creators else []
    declared = claims.pop() if len(claims) == 1 else None
    if declared is None and not creators and set(tags) & set(_SYNTHETIC):
        declared = Origin.GENERATED
        evidence.append(f"{README}: tagged as synthetic")
    return Card(
        name=_word(found.get("pretty_name")),
        terms=", ".join(_words(found.get("license"))),
        declared=declared,
        evidence=tuple(evidence),
    )


def _of_infos(found: dict[str, Any]) -> Card:
    """Of dataset infos: one entry a configuration, or one entry that is the whole file."""
    entries = [found, *(value for value in found.values() if isinstance(value, dict))]
    return Card(
        terms=next((t for e in entries if (t := _word(e.get("license")))), ""),
        url=next((t for e in entries if (t := _word(e.get("homepage")))), ""),
    )


def _of_croissant(found: dict[str, Any], file: str) -> Card:
    kind = _word(found.get("digitalSourceType")).rpartition("/")[2].lower()
    collected = _words(found.get("rai:dataCollectionType"))
    made = kind.startswith(_MADE) or any("synthetic" in word for word in collected)
    people = kind.startswith(_WRITTEN) or "manual human curator" in collected
    evidence = [f"{file}: digitalSourceType {kind}"] if kind else []
    evidence += [f"{file}: data collected as {', '.join(collected)}"] if collected else []
    return Card(
        name=_word(found.get("name")),
        terms=", ".join(_words(found.get("license"), lower=False)),
        url=_word(found.get("url")),
        creators=tuple(_words(found.get("creator"), lower=False)),
        declared=None if made == people else Origin.GENERATED if made else Origin.ORIGINAL,
        evidence=tuple(evidence),
    )


def _word(value: Any) -> str:
    """A string, or the name or id of a JSON-LD thing."""
    if isinstance(value, dict):
        value = value.get("name", value.get("@id", value.get("url")))
    return value.strip() if isinstance(value, str) else ""


def _words(value: Any, *, lower: bool = True) -> list[str]:
    found = [_word(one) for one in (value if isinstance(value, list) else [value])]
    return [word.lower() if lower else word for word in found if word]
