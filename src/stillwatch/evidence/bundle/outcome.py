"""What came of a trial, as plain values that can be written down and compared."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.campaigns.membership import Grouped
from stillwatch.campaigns.payer import OnePayer
from stillwatch.campaigns.statement import state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from stillwatch.campaigns.lone import Lone
    from stillwatch.campaigns.trial import Trial, Verdicts

TOLERANCE = 1e-9
"""Relative difference up to which numbers count as the same: processors round sums differently."""

_INPUTS = frozenset({"mined", "sample", "candidate", "public", "account"})
"""Fields of a judgement that are what it was given, not what came of it."""


def campaign_of(verdicts: Verdicts, members: AbstractSet[int]) -> Grouped | Lone | OnePayer | None:
    """The campaign with exactly these members, if the trial finds one."""
    for group in verdicts.grouped:
        if set(group.accounts.tolist()) == members:
            return group
    others: tuple[Lone | OnePayer, ...] = (*verdicts.alone, *verdicts.paid)
    return next((x for x in others if set(x.candidate.accounts.tolist()) == members), None)


def outcome(trial: Trial, verdicts: Verdicts, found: Grouped | Lone | OnePayer) -> dict[str, Any]:
    """Everything that a trial says of one campaign.

    Args:
        trial: what was judged.
        verdicts: what came of it.
        found: the campaign.
    """
    said: dict[str, Any] = dict(vars(state(found, trial.court.floors, trial.court.level)))
    # a payer is seen and not tested
    alone = () if isinstance(found, OnePayer) else (found,)
    said["tested"] = found.groups if isinstance(found, Grouped) else alone
    said["tested_beside"] = len(verdicts.judged) + len(trial.beside)
    return {name: plain(value) for name, value in said.items()}


def plain(value: Any) -> Any:  # noqa: PLR0911 - a case a kind of value
    """A value as JSON can hold it; numbers that JSON lacks as their names."""
    if isinstance(value, Enum):
        return str(value)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else str(float(value))
    if isinstance(value, np.ndarray):
        return [plain(part) for part in value.tolist()]
    if is_dataclass(value):
        return {
            f.name: plain(getattr(value, f.name)) for f in fields(value) if f.name not in _INPUTS
        }
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    return [plain(part) for part in value]


def differences(stated: Any, found: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two plain values differ: path, what was stated, what was found."""
    if isinstance(stated, dict) and isinstance(found, dict):
        for name in sorted(stated.keys() | found.keys()):
            below = f"{path}.{name}" if path else name
            yield from differences(stated.get(name), found.get(name), below)
    elif isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        for i, (a, b) in enumerate(zip(stated, found, strict=True)):
            yield from differences(a, b, f"{path}[{i}]")
    elif _is_number(stated) and _is_number(found):
        if abs(stated - found) > TOLERANCE * max(abs(stated), abs(found)):
            yield path, stated, found
    elif type(stated) is not type(found) or stated != found:
        yield path, stated, found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
