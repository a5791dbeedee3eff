"""Canaries: strings that exist nowhere else, and whether a suspect knows those that were served.

A canary is a sentence with a made-up reference whose value nobody can guess. A lot decides which
few are put into answers; the rest stay unused and are the null: under "the suspect never saw our
answers" the served ones are a random subset, whatever the suspect is. Exposure is Carlini et al.'s
(2019, arXiv 1802.08232).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from stillwatch.attribution.exact import rank_sum
from stillwatch.attribution.records import read_records
from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.canonical import canonical, digest
from stillwatch.secret import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from stillwatch.attribution.keys import MarkKey

SERVED, UNUSED = 16, 1000
"""Canaries by default: the smallest p-value, 16 best of 1,016, is 1e-35."""

_SYLLABLES = ("ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo")
_NAME_SYLLABLES, _DIGITS = 5, 12


@dataclass(frozen=True, slots=True)
class Canary:
    """One canary.

    Attributes:
        name: its number, which says nothing about whether it was served.
        prefix: what a suspect is given.
        value: what it should not know.
        served: whether it is put into answers.
    """

    name: str
    prefix: str
    value: str
    served: bool

    @property
    def text(self) -> str:
        """The sentence that answers carry."""
        return f"{self.prefix}{self.value}."


def make_canaries(key: MarkKey, served: int = SERVED, unused: int = UNUSED) -> list[Canary]:
    """The canaries of a key, the same each time; the key also draws the lot.

    Raises:
        UsageError: there are none of a kind, or too many.
    """
    if not 1 <= served <= 32 or not 19 <= unused <= 2000:
        raise UsageError("1 to 32 canaries are served, and 19 to 2,000 stay unused")
    count = served + unused
    words = key.words("canaries", 3)
    rng = np.random.default_rng([int(word) for word in words])
    chosen = set(rng.permutation(count)[:served].tolist())
    return [
        Canary(
            name=f"canary-{i:04}",
            prefix=f"The registry reference of {_name(rng)} {_name(rng)} is ",
            value="".join(str(d) for d in rng.integers(10, size=_DIGITS)),
            served=i in chosen,
        )
        for i in range(count)
    ]


def _name(rng: np.random.Generator) -> str:
    parts = rng.integers(len(_SYLLABLES), size=_NAME_SYLLABLES)
    return "".join(_SYLLABLES[i] for i in parts).capitalize()


def lot_digest(canaries: Sequence[Canary]) -> str:
    """SHA-256 over the canaries and the lot: what the ledger keeps of them."""
    return digest(canonical([[c.prefix, c.value, c.served] for c in canaries]))


@dataclass(frozen=True, slots=True)
class CanaryScore:
    """Whether the served canaries are better known than the unused.

    Attributes:
        served, unused: how many were scored.
        p: exact one-sided rank-sum p-value over all lots that could have been drawn.
        exposure: of the served ones, median of log2(N + 1) - log2(rank among the unused), in bits;
            1 where nothing is known.
        best: largest exposure.
    """

    served: int
    unused: int
    p: float
    exposure: float
    best: float

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @property
    def text(self) -> str:
        """For people."""
        return (
            f"{self.served} served canaries among {self.unused:,} unused: p = {self.p:.2g}, median "
            f"exposure {self.exposure:.1f} bits (1.0 expected by chance), largest {self.best:.1f}. "
            "A small p says that the suspect knows what only our answers said; a leak of the "
            "answers, indirect distillation or a relay would explain it too."
        )


def canary_test(canaries: Sequence[Canary], scores: Mapping[str, float]) -> CanaryScore:
    """Test a suspect's scores.

    Args:
        canaries: as they were made.
        scores: by name, higher where the suspect knows the value better: its log-likelihood after
            the prefix, or how many leading characters of it the suspect writes.

    Raises:
        UsageError: a canary has no score, or one that is no number. All must be scored: a choice
            among them would be no lot.
    """
    missing = [c.name for c in canaries if not math.isfinite(scores.get(c.name, math.nan))]
    if missing:
        raise UsageError(f"{len(missing)} canaries have no score, such as {missing[0]}")
    served = np.array([scores[c.name] for c in canaries if c.served])
    unused = np.array([scores[c.name] for c in canaries if not c.served])
    above = (unused[None, :] >= served[:, None]).sum(axis=1)
    exposure = np.log2(len(unused) + 1) - np.log2(above + 1)
    return CanaryScore(
        served=len(served),
        unused=len(unused),
        p=rank_sum(served, unused),
        exposure=float(np.median(exposure)),
        best=float(exposure.max()),
    )


def write_canaries(path: Path, canaries: Sequence[Canary]) -> None:
    """Write canaries as JSON Lines, for their user's eyes only: who knows the lot can game it."""
    lines = b"".join(msgspec.json.encode(asdict(canary)) + b"\n" for canary in canaries)
    write_private(path, lines)


def read_canaries(path: Path) -> list[Canary]:
    """Read what `write_canaries` wrote.

    Raises:
        InputError: a line is no canary.
    """
    return read_records(path, Canary)


class _Scored(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    score: float


def read_scores(path: Path) -> dict[str, float]:
    """Read a suspect's scores, lines with `name` and `score`.

    Raises:
        InputError: a line is none, or a name comes twice.
    """
    scores: dict[str, float] = {}
    for number, line in enumerate(read_records(path, _Scored), 1):
        if line.name in scores:
            raise InputError(f"{line.name!r} has two scores", file=str(path), line=number)
        scores[line.name] = line.score
    return scores
