"""The evaluation as sections of text, tables and figures, whatever they are then written as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from stillwatch.lab.evaluate.acceptance import Reached
    from stillwatch.lab.evaluate.statistics import Rate


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text.

    Attributes:
        headings: of the columns.
        numbers: which columns are set to the right.
        rows: the cells.
        shares: of each row, drawn as a bar where there are pictures; empty for none.
    """

    headings: tuple[str, ...]
    numbers: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        headings: Sequence[str],
        rows: Sequence[Sequence[str]],
        left: int = 1,
        shares: Sequence[float] = (),
    ) -> Table:
        """A table whose first `left` columns are words and the others numbers."""
        numbers = tuple(n >= left for n in range(len(headings)))
        return cls(tuple(headings), numbers, tuple(tuple(row) for row in rows), tuple(shares))


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot with what stands around it."""

    caption: str
    svg: Markup
    ticks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One question with its answer."""

    title: str
    text: str
    table: Table | None = None
    figure: Figure | None = None


def percent(share: float) -> str:
    """A share with the digits that matter; all and nothing are told from nearly."""
    if share != share:  # noqa: PLR0124 - NaN: a share of nothing
        return "-"
    digits = 0 if share in (0.0, 1.0) else 1
    return f"{100 * share:.{digits}f} %"


def interval(rate: Rate) -> str:
    """The ends of an interval."""
    return f"{100 * rate.low:.0f} to {100 * rate.high:.0f} %"


def reached_row(reached: Reached) -> tuple[str, str, str, str, str]:
    """A row of the acceptance table."""
    target = reached.target
    share = target.at_least is not None
    wanted = f"at least {target.at_least:.2f}" if share else f"at most {target.at_most:g}"
    value = (
        "-" if reached.value is None else f"{reached.value:.3f}" if share else f"{reached.value:g}"
    )
    met = "not measured" if reached.met is None else "reached" if reached.met else "NOT REACHED"
    return target.text, wanted, value, met, reached.basis
