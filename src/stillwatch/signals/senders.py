"""Who else sends the same items?

A public benchmark, a class's exercise and a viral prompt are sent by accounts that have nothing to
do with each other; a queue serves each of its items once. So an account of which many items are
also sent by others is doing what others do.

An innocent customer triggers this by taking part in something public, and it protects them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stillwatch.engine import held

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray


def sent_by_several(
    requests: ir.Table, bodies: NDArray[np.int64], without: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Those of some bodies that are sent by several accounts, sorted.

    Args:
        requests: sketches.
        bodies: body keys to look for.
        without: accounts that do not count as senders, such as those of the group in question.
    """
    if not len(bodies):
        return bodies
    backend = requests.get_backend()
    wanted = pa.table({"body_key": np.unique(bodies)})
    excluded = pa.table({"account": np.unique(without)})
    with held(backend, wanted) as some, held(backend, excluded) as out:
        rows = requests.select("body_key", "account").semi_join(some, "body_key")
        if len(without):
            rows = rows.anti_join(out, "account")
        counts = rows.group_by("body_key").agg(senders=rows.account.nunique())
        found = counts.filter(counts.senders >= (1 if len(without) else 2)).to_pyarrow()
    return np.sort(found.column("body_key").to_numpy())
