"""The gate for continuous integration: what a training set must not exceed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stillwatch.errors import UsageError
from stillwatch.provenance.rows import Origin
from stillwatch.report.wording import count, percent

if TYPE_CHECKING:
    from stillwatch.provenance.tracing import Trace


@dataclass(frozen=True, slots=True)
class Gate:
    """Largest shares of the rows that pass, 0 to 1; None lets any pass.

    Attributes:
        unknown, generated: by verdict.
        contradicted: declared as one thing and found to be the other.
        rejected: of all records, those that could not be read.
    """

    unknown: float | None = None
    generated: float | None = None
    contradicted: float | None = None
    rejected: float | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise UsageError(f"--max-{name} is a share between 0 and 1, not {share}")

    def failures(self, trace: Trace) -> tuple[str, ...]:
        """What does not pass, a sentence each."""
        rows = trace.total.rows
        found = (
            (self.unknown, trace.total.verdicts[Origin.UNKNOWN], rows, "have an unknown origin"),
            (self.generated, trace.total.verdicts[Origin.GENERATED], rows, "are a model's"),
            (
                self.contradicted,
                trace.total.contradicted,
                rows,
                "are not what they are declared as",
            ),
            (self.rejected, trace.rejected, rows + trace.rejected, "could not be read"),
        )
        return tuple(
            f"{count(number)} of {count(size)} rows ({percent(number / size)}) {what}; "
            f"at most {percent(most)} may."
            for most, number, size, what in found
            if most is not None and number > most * size
        )
