"""All that a batch of rows shows, and the verdicts on it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from stillwatch.provenance.markers import marked
from stillwatch.provenance.registry import best, sketch
from stillwatch.provenance.rows import Origin
from stillwatch.provenance.weigh import COPY, SURE, rates, watermark_confidence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from stillwatch.provenance.registry import Register
    from stillwatch.provenance.rows import Row
    from stillwatch.provenance.watermarks import WatermarkTest
    from stillwatch.provenance.weigh import Rate
    from stillwatch.sketch.key import SketchKey

NOTED = 0.1
"""Confidence from which a watermark is noted as evidence, also where it does not convince."""

DECLARED = "declared"
"""The basis of a verdict that rests on what the dataset or the row says; it was not checked."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of one row.

    Attributes:
        verdict: original, generated or unknown.
        basis: what it rests on: ``declared``, ``copy``, a class of markers, or a
            watermark; empty for unknown.
        confidence: probability that a measured verdict is right; None for a declared one, which
            nobody has measured, and for unknown.
        evidence: everything that was found, also what did not convince.
        contradicted: declared as one thing and found to be the other.
    """

    verdict: Origin
    basis: str
    confidence: float | None
    evidence: tuple[str, ...]
    contradicted: bool


class Judge:
    """Judges rows.

    Args:
        registers: of known texts.
        key: that the registers were made with.
        declared: what the dataset says of all its rows; a row's own word comes first.
        heed: whether declarations count.
        watermarks: tests for watermarks, by name.
        known: what kinds of evidence are worth; as measured unless given.
    """

    def __init__(
        self,
        registers: Sequence[Register],
        key: SketchKey,
        declared: Origin | None,
        *,
        heed: bool = True,
        watermarks: Mapping[str, WatermarkTest] = MappingProxyType({}),
        known: Mapping[str, Rate] | None = None,
    ) -> None:
        self._made = [r for r in registers if r.origin is Origin.GENERATED]
        self._written = [r for r in registers if r.origin is Origin.ORIGINAL]
        self._key, self._declared, self._heed = key, declared, heed
        self._watermarks = watermarks
        known = rates() if known is None else known
        self._worth = {kind: rate.confidence for kind, rate in known.items()}

    def judge(self, rows: Sequence[Row]) -> list[Judged]:
        """Judge a batch; the same row gets the same verdict in any batch."""
        if not rows:
            return []
        texts = pa.array([row.text for row in rows], pa.string())
        found = marked(texts)
        none = np.zeros(len(rows)), [""] * len(rows)
        made, written = none, none
        if self._made or self._written:
            sketches = sketch(texts, self._key)
            made = best(self._made, sketches)
            written = best(self._written, sketches)
        found[COPY] = made[0] > 0
        marks = {
            f"watermark {name}": watermark_confidence(test.p_values([row.text for row in rows]))
            for name, test in self._watermarks.items()
        }
        shown = zip(*(flags.tolist() for flags in found.values()), strict=True)
        like = zip(_named(made), _named(written), strict=True)
        judged: list[Judged] = []
        known: dict[Any, Judged] = {}  # most rows of a set show the same, which is nothing
        for i, (row, flags, names) in enumerate(zip(rows, shown, like, strict=True)):
            kinds = {name: float(sure[i]) for name, sure in marks.items() if sure[i] >= NOTED}
            declared = (row.declared or self._declared) if self._heed else None
            what = (flags, names, tuple(kinds.items()), declared)
            if what not in known:
                evidence = dict(zip(found, flags, strict=True))
                known[what] = self._one(evidence, names, kinds, declared)
            judged.append(known[what])
        return judged

    def _one(
        self,
        found: Mapping[str, bool],
        like: tuple[str | None, str | None],
        marks: Mapping[str, float],
        declared: Origin | None,
    ) -> Judged:
        """Judge a row.

        Args:
            found: whether it shows each kind of evidence.
            like: the generated and the original register with a text like it.
            marks: watermarks worth a note, and how sure each is.
            declared: what is said of it.
        """
        kinds = {kind: self._worth.get(kind, 0.0) for kind, shown in found.items() if shown}
        kinds |= marks
        evidence = [kind for kind in kinds if kind != COPY]
        evidence += [f"like {name}" for name in like if name is not None]
        measured = _measured(kinds, self._worth.get(COPY, 0.0), copied=like[1] is not None)
        return _verdict(measured, declared, tuple(evidence))


def _named(similar: tuple[NDArray[np.float64], list[str]]) -> list[str | None]:
    """The register of each row that is like a text of one."""
    return [name if level else None for level, name in zip(*similar, strict=True)]


def _measured(
    kinds: Mapping[str, float], copy: float, *, copied: bool
) -> tuple[Origin, str, float] | None:
    """The verdict of what was measured, what it rests on, and how sure it is.

    Kinds are not independent, so the strongest counts and they are not multiplied.

    Args:
        kinds: evidence for a model, and the probability of one that each gives.
        copy: the same for a near-duplicate of any register.
        copied: whether the row is like a registered original.
    """
    if copied:
        # who copied whom, where a model's answer is like it too?
        return None if COPY in kinds else (Origin.ORIGINAL, COPY, copy)
    sure, strongest = max(((sure, kind) for kind, sure in kinds.items()), default=(0.0, ""))
    return (Origin.GENERATED, strongest, sure) if sure >= SURE else None


def _verdict(
    measured: tuple[Origin, str, float] | None,
    declared: Origin | None,
    evidence: tuple[str, ...],
) -> Judged:
    """Measured evidence comes before a declaration, and a declaration before nothing."""
    if measured is not None:
        origin, basis, sure = measured
        contradicted = declared is not None and declared is not origin
        return Judged(origin, basis, sure, evidence, contradicted)
    if declared is not None:
        return Judged(declared, DECLARED, None, evidence, contradicted=False)
    return Judged(Origin.UNKNOWN, "", None, evidence, contradicted=False)
