"""How the requests of a window are read: on one machine, or where their engine spreads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.campaigns.ranged import Ranged
from stillwatch.campaigns.spread import Spread
from stillwatch.engine import spreads

if TYPE_CHECKING:
    from pathlib import Path

    import ibis.expr.types as ir
    import numpy as np
    from numpy.typing import NDArray

    from stillwatch.campaigns.evidence import Evidence
    from stillwatch.progress import Step


def read(
    requests: ir.Table, accounts: NDArray[np.int64], step: Step, keep: Path | None = None
) -> Evidence:
    """Read a window, so that detection can ask about it.

    Args:
        requests: sketches with `slot` and `mining`.
        accounts: all account keys, sorted.
        step: advanced once.
        keep: folder to leave the index of a window on one machine in, for later scans.
    """
    if spreads(requests):
        evidence = Spread.of(requests)
        step.advance()
        return evidence
    return Ranged.of(requests, accounts, requests.count().to_pyarrow().as_py(), step, keep=keep)
