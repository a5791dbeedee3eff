"""Acts into the arrays that kernels read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from stillwatch.lab.sketched.acts import ACT, Act, Props
from stillwatch.lab.sketched.vocabulary import Terms, terms_of
from stillwatch.sketch.columns import hash_text
from stillwatch.sketch.lexicon import raw_scores
from stillwatch.sketch.structure import skeleton

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SAMPLES = ("item", "item\nA) one\nB) two\nC) three\nD) four")
"""A plain item and a question with options, to see a template's structure by."""

_OWN = frozenset(
    {
        "account", "other", "density", "hours", "n_hours", "given", "topics", "n_topics",
        "templates", "n_templates", "phrases", "n_phrases", "system", "answer", "spread",
        "max_tokens", "reasoning", "moves_at", "moves", "addresses", "n_addresses", "away",
    }
)  # fmt: skip
_SAME = tuple(name for name in ACT.names or () if name not in _OWN)
_ROOT = np.array([0, 0], np.uint64)


@dataclass(frozen=True)
class Packed:
    """Acts for `performing.perform`.

    Attributes:
        acts: records of `ACT`, and `props` and `terms` that they point into.
        addresses: of all acts' clients, which the acts point into.
        rows: how many requests there may be at most, nearly always.
    """

    acts: NDArray[np.void]
    props: Props
    terms: Terms
    addresses: pa.Array
    rows: int


@dataclass
class _Pool:
    """Distinct things, by the order in which they came."""

    places: dict[Any, int] = field(default_factory=dict)

    def place(self, thing: Any) -> int:
        return self.places.setdefault(thing, len(self.places))


@dataclass
class _Moments:
    """Arrays of times, one after another."""

    parts: list[NDArray[np.float64]] = field(default_factory=list)
    size: int = 0

    def add(self, times: NDArray[np.float64] | None) -> tuple[int, int]:
        """Keep some times; return where they begin and how many they are."""
        if times is None or not len(times):
            return 0, 0
        self.parts.append(times)
        self.size += len(times)
        return self.size - len(times), len(times)

    def all(self) -> NDArray[np.float64]:
        return np.concatenate([*self.parts, np.zeros(1)])


class Packer:
    """Packs one block of acts."""

    def __init__(self) -> None:
        self._texts = _Pool()
        self._systems = _Pool()
        self._density: list[NDArray[np.float64]] = []
        self._hours, self._times = _Moments(), _Moments()
        self._topics: list[int] = []
        self._weights: list[float] = []
        self._templates: list[tuple[str, ...]] = []
        self._template_places: dict[tuple[tuple[str, ...], ...], int] = {}
        self._phrases: list[str] = []
        self._phrase_places: dict[tuple[str, ...], int] = {}
        self._addresses: list[str] = []

    def pack(self, acts: Sequence[Act], system_key: NDArray[np.uint64]) -> Packed:
        """The arrays of these acts; `system_key` is the sketch's key of system prompts."""
        records = np.array([self._record(act) for act in acts], dtype=ACT)
        systems = pa.array(list(self._systems.places), pa.string())
        templates = np.full((max(len(self._templates), 1), 4), -1, np.int32)
        for i, parts in enumerate(self._templates):
            templates[i, : len(parts)] = [self._texts.place(p) if p else -1 for p in parts]
        phrases = [self._texts.place(text) for text in self._phrases]
        names = pa.array(["\x1f".join(parts) for parts in self._templates], pa.string())
        density = self._density or [np.zeros(144)]
        props = Props(
            density=np.stack(density),
            hours=self._hours.all(),
            given=self._times.all(),
            topics=np.array(self._topics or [0], np.uint64),
            weights=np.array(self._weights or [1.0]),
            templates=templates,
            skeletons=_skeletons(self._templates),
            template_names=_at_least_one(hash_text(names, _ROOT)),
            phrases=np.array(phrases or [0], np.int32),
            phrase_names=_at_least_one(hash_text(pa.array(self._phrases, pa.string()), _ROOT)),
            systems=_at_least_one(hash_text(systems, system_key)),
            system_scores=raw_scores(pa.concat_arrays([systems, pa.array([""])])),
            system_size=np.array([*map(len, self._systems.places), 0], np.int32),
        )
        terms = terms_of([*self._texts.places, ""])
        rows = sum(act.count * (2 if act.phrases else 1) for act in acts)
        return Packed(records, props, terms, pa.array(self._addresses, pa.string()), rows)

    def _record(self, act: Act) -> tuple[Any, ...]:
        use, client = act.settings, act.client
        values: dict[str, Any] = {name: getattr(act, name) for name in _SAME}
        values |= {"account": act.account, "other": act.other}
        values["density"] = 0
        if act.density is not None:
            values["density"] = len(self._density)
            self._density.append(act.density)
        values["hours"], values["n_hours"] = self._hours.add(act.hours)
        values["given"], _ = self._times.add(act.times)
        values["topics"], values["n_topics"] = len(self._topics), len(act.topics)
        self._topics.extend(act.topics)
        if act.topics:
            self._weights.extend(weight / act.weights[-1] for weight in act.weights)
        values["templates"] = self._range(act.templates, self._templates, self._template_places)
        values["n_templates"] = len(act.templates)
        values["phrases"] = self._range(act.phrases, self._phrases, self._phrase_places)
        values["n_phrases"] = len(act.phrases)
        values["system"] = self._systems.place(use.system) if use.system else -1
        values |= {
            "answer": use.answer, "spread": use.spread, "max_tokens": use.max_tokens or 0,
            "reasoning": use.reasoning, "moves_at": use.moves_at, "moves": use.moves,
            "away": client.away,
        }  # fmt: skip
        known = () if client.access_path == "cloud" else client.addresses
        values["addresses"], values["n_addresses"] = len(self._addresses), len(known)
        self._addresses.extend(known)
        return tuple(values[name] for name in ACT.names or ())

    @staticmethod
    def _range(things: tuple[Any, ...], kept: list[Any], places: dict[Any, int]) -> int:
        """Where these things begin among those kept; equal ones are kept once."""
        if things not in places:
            places[things] = len(kept)
            kept.extend(things)
        return places[things]


def _at_least_one(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return values if len(values) else np.zeros(1, np.uint64)


def _skeletons(templates: Sequence[tuple[str, ...]]) -> NDArray[np.uint64]:
    out = np.zeros((max(len(templates), 1), len(_SAMPLES)), np.uint64)
    for i, parts in enumerate(templates):
        for j, sample in enumerate(_SAMPLES):
            text = (parts[0] + sample + "answer".join(parts[1:])).encode()
            out[i, j] = skeleton(np.frombuffer(text, np.uint8), 0, len(text))
    return out
