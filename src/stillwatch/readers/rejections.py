"""What could not be read, said so that a person can find it, and the rule when to give up."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

import msgspec

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

RECORD = "(record)"
"""Stands as the field where a record as a whole cannot be read."""

ARCHIVE = "(file)"
"""Stands as the field where the file itself breaks off."""

EXCERPT = 40
"""Longest piece of a field's value, in characters, that a reason may quote."""

EXAMPLES = 2
"""Places that are named for each reason."""

MIN_RECORDS = 100
"""Records before a log may be given up; a shorter log is judged at its end."""

MAX_REJECTED = 0.5
"""Largest share of rejected records with which reading goes on."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One record that was set aside.

    Attributes:
        file: the source's name as the user gave it.
        line: 1-based line, or row where the format has no lines.
        field: the field at fault as the source names it, or `RECORD`, or `ARCHIVE`.
        reason: one plain sentence; never text that a customer wrote.
    """

    file: str
    line: int
    field: str
    reason: str


def excerpt(value: object) -> str:
    """Quote a value that is not text content: printable, on one line, at most `EXCERPT` long."""
    shown = ascii(value)
    return shown if len(shown) <= EXCERPT else f"{shown[:EXCERPT]}…"


class RejectionFile:
    """Appends rejections to a JSON Lines file as they come; use it as a context manager.

    Args:
        path: the file; it is created even where nothing is rejected.
        append: keep what is there, for a run that goes on after a kill.
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._path, self._mode = path, "ab" if append else "wb"
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._file = self._path.open(self._mode)  # type: ignore[assignment]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, rejections: Iterable[Rejection]) -> None:
        """Append one line each. File names with bytes that are not text are kept escaped."""
        if self._file is None:
            raise ValueError("a RejectionFile is written to inside its with block")
        for rejection in rejections:
            entry = asdict(rejection)
            entry["file"] = printable(rejection.file)
            self._file.write(msgspec.json.encode(entry) + b"\n")
        self._file.flush()


def printable(text: str) -> str:
    """Escape what cannot be UTF-8, such as odd bytes that Python carries in a file name."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class RejectionLimit:
    """Stops a reading that has gone wrong: more than half of the records cannot be used.

    Example:
        >>> limit = RejectionLimit()
        >>> limit.add(records=10, rejections=[])
        >>> limit.finish()
    """

    def __init__(self) -> None:
        self.records = 0
        self.rejected = 0
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._examples: defaultdict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, records: int, rejections: Iterable[Rejection]) -> None:
        """Count one batch.

        Args:
            records: accepted and rejected together.
            rejections: the rejected ones.

        Raises:
            InputError: when at least `MIN_RECORDS` were read and more than half were rejected.
        """
        self.count(records, rejections)
        if self.records >= MIN_RECORDS:
            self.finish()

    def count(self, records: int, rejections: Iterable[Rejection]) -> None:
        """Count one batch without judging it; arguments as in `add`."""
        self.records += records
        for rejection in rejections:
            self.rejected += 1
            key = (rejection.field, rejection.reason)
            self._reasons[key] += 1
            if len(self._examples[key]) < EXAMPLES:
                self._examples[key].append(f"{printable(rejection.file)}:{rejection.line}")

    def merge(self, other: RejectionLimit) -> None:
        """Count what another one has counted of what comes next.

        Raises:
            InputError: as `add`.
        """
        self.records += other.records
        self.rejected += other.rejected
        self._reasons += other._reasons
        for key, examples in other._examples.items():
            self._examples[key] = (self._examples[key] + examples)[:EXAMPLES]
        if self.records >= MIN_RECORDS:
            self.finish()

    def finish(self) -> None:
        """Judge what was counted, however little it is.

        Raises:
            InputError: when more than half was rejected.
        """
        if self.rejected > MAX_REJECTED * self.records:
            reasons = "".join(
                f"\n  {count} x {field}: {reason} (at {', '.join(self._examples[field, reason])})"
                for (field, reason), count in self._reasons.most_common(3)
            )
            raise InputError(
                f"{self.rejected} of {self.records} records cannot be used, which is more than "
                f"half, so reading stopped. The most common reasons:{reasons}\n"
                "Check that --format names the log's format and that the fields are there "
                "(docs/formats.md lists them)."
            )
