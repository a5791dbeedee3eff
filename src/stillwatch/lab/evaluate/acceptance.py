"""The acceptance table: what must be reached, and whether it is."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

import msgspec

from stillwatch.lab.evaluate.ablations import FULL
from stillwatch.lab.evaluate.outcome import OURS
from stillwatch.lab.evaluate.plan import NULL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stillwatch.lab.evaluate.outcome import GroupRow, Outcome

Measure = Literal["recall", "lost", "accused", "never", "null", "windows"]


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the table: exactly one of `at_least` and `at_most` is set."""

    text: str
    measure: Measure
    of: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    rows: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """A target with what was reached.

    Attributes:
        target: the row.
        value: what was measured; None where nothing was.
        basis: what it was measured on, for people.
        met: None where nothing was measured.
    """

    target: Target
    value: float | None
    basis: str
    met: bool | None


def targets() -> tuple[Target, ...]:
    """The rows of `acceptance.toml`."""
    text = (resources.files("stillwatch.lab.evaluate") / "acceptance.toml").read_bytes()
    return msgspec.toml.decode(text, type=_File).rows


def acceptance(outcomes: Sequence[Outcome]) -> list[Reached]:
    """Hold the outcomes against every target: our method, all evidence, no sweeps."""
    full = [one for one in outcomes if one.ablation == FULL and not one.knob]
    return [_reached(target, full) for target in targets()]


def _reached(target: Target, outcomes: Sequence[Outcome]) -> Reached:
    measured = _MEASURES[target.measure](target, outcomes)
    if measured is None:
        return Reached(target, None, "-", None)
    value, basis = measured
    low = target.at_least is None or value >= target.at_least
    high = target.at_most is None or value <= target.at_most
    return Reached(target, value, basis, low and high)


def _rows(target: Target, outcomes: Sequence[Outcome]) -> Iterator[GroupRow]:
    for outcome in outcomes:
        for row in outcome.groups:
            if row.method == OURS and (row.group in target.of or row.kind in target.of):
                yield row


_Measured = tuple[float, str] | None


def _recall(target: Target, outcomes: Sequence[Outcome]) -> _Measured:
    rows = list(_rows(target, outcomes))
    total = sum(row.accounts for row in rows)
    if not total:
        return None
    return sum(row.accused for row in rows) / total, f"{total:,} accounts, {len(rows)} runs"


def _count(
    of: Callable[[GroupRow], int],
) -> Callable[[Target, Sequence[Outcome]], _Measured]:
    def measure(target: Target, outcomes: Sequence[Outcome]) -> _Measured:
        found = [list(_rows(target, [one])) for one in outcomes if one.scenario != NULL]
        runs = [rows for rows in found if rows]
        if not runs:
            return None
        accounts = sum(row.accounts for rows in runs for row in rows)
        hits = sum(of(row) for rows in runs for row in rows)
        return float(hits), f"{accounts:,} accounts, {len(runs)} runs"

    return measure


def _null(_: Target, outcomes: Sequence[Outcome]) -> _Measured:
    runs = [one for one in outcomes if one.scenario == NULL]
    if not runs:
        return None
    return float(sum(accuses(one) for one in runs)), f"{len(runs)} runs"


def accuses(outcome: Outcome) -> bool:
    """Whether our method accused anybody."""
    return bool(outcome.found) or any(row.accused for row in outcome.groups if row.method == OURS)


def _windows(target: Target, outcomes: Sequence[Outcome]) -> _Measured:
    rows = [row for one in outcomes for row in one.windows if f"{row.share:g}" in target.of]
    total = sum(row.windows for row in rows)
    if not total:
        return None
    return sum(row.called for row in rows) / total, f"{total:,} windows, {len(rows)} seeds"


_MEASURES: dict[str, Callable[[Target, Sequence[Outcome]], _Measured]] = {
    "recall": _recall,
    "lost": _count(lambda row: row.lost or 0),
    "accused": _count(lambda row: row.accused),
    "never": _count(lambda row: row.accused),
    "null": _null,
    "windows": _windows,
}
