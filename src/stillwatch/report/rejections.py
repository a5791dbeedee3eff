"""What was set aside while reading, gathered by reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import InputError
from stillwatch.readers.rejections import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_REASONS_KEPT = 5_000  # a reason may quote the value at fault, so their number has no bound
_REASONS_SHOWN = 12
_PLACES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: its field, how many lines it befell, and the first places."""

    field: str
    reason: str
    lines: int
    places: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """All rejections: how many lines, the most common reasons, and lines with other reasons."""

    lines: int
    reasons: tuple[Reason, ...]
    other_lines: int


def tally(rejected: Path | Iterable[Rejection]) -> Tally:
    """Count rejections by field and reason in one pass, with bounded memory.

    Args:
        rejected: rejections, or the path of a `rejected.jsonl`; a path with no file counts none.

    Raises:
        InputError: a line of the file is not a rejection.
    """
    counts: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], list[tuple[str, int]]] = {}
    total = 0
    for entry in _read(rejected) if isinstance(rejected, Path) else rejected:
        total += 1
        key = (entry.field, entry.reason)
        if key not in counts and len(counts) >= _REASONS_KEPT:
            continue
        counts[key] += 1
        seen = places.setdefault(key, [])
        if len(seen) < _PLACES_SHOWN:
            seen.append((entry.file, entry.line))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_REASONS_SHOWN]
    reasons = tuple(Reason(*key, lines, tuple(places[key])) for key, lines in ranked)
    return Tally(total, reasons, total - sum(reason.lines for reason in reasons))


def _read(path: Path) -> Iterator[Rejection]:
    decoder = msgspec.json.Decoder(Rejection)
    if not path.exists():
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise InputError(
                    f"is not a rejection as a scan writes them: {error}",
                    file=str(path),
                    line=number,
                ) from error
