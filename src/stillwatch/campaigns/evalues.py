"""Deciding among many candidates at one level: e-values and e-BH.

An e-value is evidence as a bet against the null: its expectation under the null is at most 1.
e-BH (Wang and Ramdas 2022, arXiv 2009.02824) controls the false discovery rate under any
dependence, which candidates that share accounts, days and a population have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

KAPPA = 0.1
"""Exponent of the calibrator below. Small values favour strong evidence, which is all that matters
here: at 30 candidates and level .01 a single discovery needs e = 3,000, that is p = 1.1e-5."""

SMALLEST_P = 1e-12
"""P-values are not believed below this: no null of ours is checked further out."""


def e_value(p: ArrayLike) -> NDArray[np.float64]:
    """E-values of p-values by the calibrator `KAPPA * p ** (KAPPA - 1)` (Vovk and Wang 2021)."""
    clipped = np.clip(np.asarray(p, dtype=float), SMALLEST_P, 1.0)
    found: NDArray[np.float64] = KAPPA * clipped ** (KAPPA - 1)
    return found


def e_bh(e_values: ArrayLike, level: float) -> NDArray[np.bool_]:
    """Which of the K hypotheses e-BH rejects at false discovery rate `level`."""
    e = np.asarray(e_values, dtype=float)
    order = np.argsort(-e, kind="stable")
    k = np.arange(1, len(e) + 1)
    passing = np.flatnonzero(e[order] * k * level >= len(e))
    rejected = np.zeros(len(e), dtype=bool)
    if len(passing):
        rejected[order[: passing[-1] + 1]] = True
    return rejected


def boost(hypotheses: int, level: float) -> float:
    """What e-values of `e_value` may be multiplied by before e-BH decides over so many of them.

    e-BH asks only which of the bounds `hypotheses / (k * level)` an e-value reaches; what lies
    between two bounds, and all below the least, is given away. With it given away, the expectation
    under the null may be brought back to 1, and the rate is still controlled under any dependence
    (Wang and Ramdas 2022, section 4.2).
    """
    bounds = hypotheses / (np.arange(1, hypotheses + 1) * level)
    # the p-values at which e-values reach the bounds
    p = (bounds / KAPPA) ** (1 / (KAPPA - 1))
    expectation = float((bounds * np.diff(p, prepend=0.0)).sum())
    # p-values grow with the factor's 1 / (1 - KAPPA)-th power, and the expectation with them
    return float(expectation ** (KAPPA - 1))


def boosted_e_bh(e_values: ArrayLike, level: float) -> NDArray[np.bool_]:
    """Which of the K hypotheses e-BH rejects, their e-values by `e_value` boosted."""
    e = np.asarray(e_values, dtype=float)
    return e_bh(e * boost(len(e), level), level) if len(e) else e_bh(e, level)


def any_false(p_values: ArrayLike) -> float:
    """P-value of "all of these hypotheses are true": twice the smaller of two combinations.

    Bonferroni's sees one that is certainly false, Fisher's several that are probably false. For
    the latter each p-value has to be valid whatever the ones before it came to. Missing evidence
    enters as p = 1 and so lowers power only.

    Args:
        p_values: of the hypotheses; without any, nothing is false.
    """
    p = np.maximum(np.asarray(p_values, dtype=float), np.finfo(float).tiny)
    if not len(p):
        return 1.0
    smallest = len(p) * p.min()
    together = stats.chi2.sf(-2 * np.log(p).sum(), 2 * len(p))
    return float(min(1.0, 2 * smallest, 2 * together))


def partial_conjunction(p_values: ArrayLike, needed: int) -> float:
    """P-value of "fewer than `needed` of these hypotheses are false" (Benjamini and Heller 2008).

    Bonferroni's form, valid under any dependence: (n - r + 1) times the r-th smallest p-value.
    Missing evidence enters as p = 1 and so lowers power only.
    """
    p = np.sort(np.asarray(p_values, dtype=float))
    if len(p) < needed:
        return 1.0
    return float(min(1.0, (len(p) - needed + 1) * p[needed - 1]))
