"""The keyed red-green mark: which tokens are green after which.

The list that transformers ships does not serve here: it depends on the random generator of the
device it ran on, its `lefthash` looks at one token whatever the context, and its key is one number
with a published default. Here membership is a keyed function of context and token alone:

    seed  = SipHash-1-3 over the tokens of the context, under the epoch's key
    green = the highest 53 bits of mix(seed + token * PHI) below green * 2^53

`mix` is the finaliser of SplitMix64 (Steele, Lea and Flood 2014). Only integers are used, so that
NumPy here and PyTorch on any device agree bit by bit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.sketch.siphash import sip_join

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.attribution.keys import MarkKey

PHI = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
SHIFTS = (30, 27, 31)
BITS = 53

_PURPOSE = "red-green"


def seeds(contexts: NDArray[np.int64], key: MarkKey) -> NDArray[np.uint64]:
    """Seed of each context.

    Args:
        contexts: token ids, (n, context).
        key: of the epoch.
    """
    out = np.empty(len(contexts), dtype=np.uint64)
    sip_join(np.ascontiguousarray(contexts).astype(np.uint64), key.words(_PURPOSE, 2), out)
    return out


def below(share: float) -> int:
    """The number that 53 random bits are below with probability `share`."""
    return round(math.ldexp(share, BITS))


def green(seed: NDArray[np.uint64], tokens: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Whether tokens are green after contexts with these seeds; the two broadcast."""
    x = seed + tokens.astype(np.uint64) * np.uint64(PHI)
    x = (x ^ (x >> np.uint64(SHIFTS[0]))) * np.uint64(FIRST)
    x = (x ^ (x >> np.uint64(SHIFTS[1]))) * np.uint64(SECOND)
    x ^= x >> np.uint64(SHIFTS[2])
    found: NDArray[np.bool_] = (x >> np.uint64(64 - BITS)) < np.uint64(below(share))
    return found


def hits(contexts: NDArray[np.int64], tokens: NDArray[np.int64], key: MarkKey) -> NDArray[np.int64]:
    """1 for each green token, else 0."""
    found: NDArray[np.int64] = green(seeds(contexts, key), tokens, key.mark.green).astype(np.int64)
    return found
