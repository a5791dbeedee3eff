"""The radioactivity test: do a suspect's predictions lean towards a key?

Sander et al. 2024, "Watermarking makes language models radioactive" (arXiv 2402.14904): a model
trained on marked text learns some of the mark. For a model that never saw text of the key, each
counted window's colour is a fresh draw (see `windows`), so the number of hits is binomial and its
p-value exact. Decoy keys, which marked nothing, show on the very same windows whether that holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from stillwatch.attribution import redgreen
from stillwatch.attribution.exact import interval, upper_tail
from stillwatch.attribution.keys import RED_GREEN, MarkKey
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.attribution.windows import Tokens, Windows

Hits = Callable[["Tokens", "Tokens", MarkKey], "NDArray[np.int64]"]

LEAST_DECOYS = 100
"""Below this many, an empirical p-value cannot even reach .01."""

SOUND = 0.001
"""Decoys whose spread is less likely than this under the binomial call the exact p-value off. A
sound test fails so once in a thousand times; repeats that matter are far beyond."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """What a scheme counts.

    Attributes:
        hits: of each window under a key, 0 to `rounds`.
        rounds: draws of a window.
        chance: of a hit without the key.
    """

    hits: Hits
    rounds: int
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How far a suspect leans towards one key.

    Attributes:
        key: name of the key.
        windows: that were counted.
        hits, trials, chance: the count, its most, and the share expected by chance.
        p: P(X >= hits), X binomial with `trials` and `chance`.
        low, high: 95 % interval of the share of hits (Clopper and Pearson).
        decoys: shares of hits under keys that marked nothing.
        decoy_p: (1 + decoys with no fewer hits) / (1 + decoys).
        spread_p: p-value of "the decoys scatter as the binomial says", two-sided.
    """

    key: str
    windows: int
    hits: int
    trials: int
    chance: float
    p: float
    low: float
    high: float
    decoys: tuple[float, ...]
    decoy_p: float
    spread_p: float

    @property
    def share(self) -> float:
        """Share of hits."""
        return self.hits / self.trials if self.trials else self.chance

    @property
    def excess(self) -> float:
        """Effect size: hits beyond chance, as a share of the trials."""
        return self.share - self.chance

    @property
    def sound(self) -> bool:
        """Whether the decoys scatter as the exact p-value supposes."""
        return self.spread_p >= SOUND


def scheme_of(key: MarkKey) -> Scheme:
    """What the key's scheme counts.

    Raises:
        MissingExtraError: it needs the extra `attribution`.
    """
    if key.mark.scheme == RED_GREEN:
        return Scheme(redgreen.hits, 1, redgreen.below(key.mark.green) / 2**redgreen.BITS)
    from stillwatch.attribution.models import synthid  # noqa: PLC0415 - needs PyTorch

    return Scheme(synthid.hits, key.mark.depth, synthid.chance())


def radioactivity(windows: Windows, key: MarkKey, *, decoys: int = LEAST_DECOYS) -> Score:
    """Score a suspect's windows under a key and under decoys.

    Args:
        windows: of `windows.from_reading` or `windows.from_samples`.
        key: that marked the answers.
        decoys: how many keys make the empirical null.

    Raises:
        UsageError: fewer decoys than `LEAST_DECOYS`, or windows of another context length.
        MissingExtraError: the scheme needs the extra `attribution`.
    """
    if decoys < LEAST_DECOYS:
        raise UsageError(f"an empirical null needs {LEAST_DECOYS} decoy keys or more")
    if windows.contexts.shape[1] != key.mark.context:
        raise UsageError("the windows have another context length than the key")
    scheme = scheme_of(key)
    trials = len(windows) * scheme.rounds

    def count(one: MarkKey) -> int:
        return int(scheme.hits(windows.contexts, windows.tokens, one).sum())

    found = count(key)
    null = np.array([count(key.decoy(i)) for i in range(decoys)])
    low, high = interval(found, trials)
    return Score(
        key=key.name,
        windows=len(windows),
        hits=found,
        trials=trials,
        chance=scheme.chance,
        p=upper_tail(found, trials, scheme.chance) if trials else 1.0,
        low=low,
        high=high,
        decoys=tuple(float(n) for n in null / max(trials, 1)),
        decoy_p=float((1 + (null >= found).sum()) / (1 + decoys)),
        spread_p=_spread(null, trials, scheme.chance),
    )


def _spread(null: NDArray[np.int64], trials: int, chance: float) -> float:
    """P-value of the decoys' scatter about the expected count.

    Chi-squared with one degree of freedom each: counts are large, and this accuses nobody.
    """
    if trials == 0:
        return 1.0
    z = (null - trials * chance) / np.sqrt(trials * chance * (1 - chance))
    tail = float(stats.chi2.sf((z**2).sum(), len(z)))
    return min(1.0, 2 * min(tail, 1 - tail))
