"""Read a whole log at once, for tests that look at all of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillwatch.readers import Rejection, open_log

if TYPE_CHECKING:
    from collections.abc import Sequence

GOLDEN = Path(__file__).parent / "golden"


@dataclass
class Result:
    """A log read to its end."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    skipped: int = 0


def read_all(sources: Sequence[str | Path]) -> Result:
    result = Result()
    for batch in open_log(sources):
        batch.requests.validate(full=True)
        result.rows += batch.requests.to_pylist()
        result.rejections += batch.rejections
        result.skipped += batch.skipped
    return result
