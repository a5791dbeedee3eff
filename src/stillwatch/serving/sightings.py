"""A posted log as live detection takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.guard import Ask, Traces
from stillwatch.guard.tracing import traces_of
from stillwatch.readers import open_log

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.sketch import Sketcher


def sightings(path: Path, sketcher: Sketcher) -> list[tuple[Ask, Traces, int]]:
    """Who asked, what it looked like, and the status of the answer, in the order of the log.

    Args:
        path: a closed segment.
        sketcher: of the deployment's key.

    Raises:
        InputError: it cannot be read.
    """
    found: list[tuple[Ask, Traces, int]] = []
    for batch in open_log([path]):
        names = ("account_id", "api_key_id", "status")
        columns = (batch.requests.column(name).to_pylist() for name in names)
        seen = traces_of(sketcher.sketch(batch.requests).sketches)
        micros = batch.requests.column("timestamp").cast("int64").to_pylist()
        for at, traces, account, key, status in zip(micros, seen, *columns, strict=True):
            ask = Ask(account_id=account, at=at / 1e6, api_key_id=key)
            found.append((ask, traces, status or 0))
    return found
