"""How often the whole detector accused the innocent where the truth is known, kept and cited.

A calibration is made once (`stillwatch lab calibrate`), of logs without a campaign and of logs with
campaigns, and every scan cites it. How individual the customers of a log are decides by what its
groups are measured, so that is what is watched: where it leaves what the calibration's logs showed,
nobody has measured the error rate on such logs. Tests follow the log's own customers all the same;
so drift is said, and changes no verdict.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import InputError
from stillwatch.judging import code_digest
from stillwatch.schema import Calibrated, HabitRange

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stillwatch.campaigns.individuals import Floors

HABITS = ("content", "rhythm", "conversation")
"""Habits of which a floor is estimated from the log."""

DIGITS = 6
"""Decimal digits of a floor, in the file and in what a scan says."""

PACKAGED = "calibration.json"

_MOST_BYTES = 2**20


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A floor over the logs of one kind.

    Attributes:
        low, high: least and most; a further log of the same kind lies outside with probability
            2 / (logs + 1), whatever the distribution (a prediction interval of order statistics).
        logs: in which the habit was used.
    """

    low: float
    high: float
    logs: int


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """Logs of one kind.

    Attributes:
        name: such as ``real: demo``.
        campaigns: whether there are any in such logs.
        logs: that were scanned.
        wrong: of them with any innocent account accused.
        innocent, accused: accounts outside of campaigns in all of them, and accused of these.
        tested: groups of honest accounts that came to the test.
        least_p: the smallest p-value of common control among them; None without any.
        days: that a log spans, least and most.
        habits: by name, those that were used in any.
    """

    name: str
    campaigns: bool
    logs: int
    wrong: int
    innocent: int
    accused: int
    tested: int
    least_p: float | None
    days: tuple[int, int]
    habits: dict[str, Range]


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The file.

    Attributes:
        name: of this calibration, for people.
        made: day on which it was made.
        version, code: of Stillwatch, and digest of the code that judged; see `judging`.
        fdr: level of the scans.
        kinds: of logs.
    """

    name: str
    made: str
    version: str
    code: str
    fdr: float
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A calibration as it lies in a file.

    Attributes:
        calibration: what the file holds.
        digest: SHA-256 of the file.
    """

    calibration: Calibration
    digest: str


def dump_calibration(calibration: Calibration) -> bytes:
    """The bytes of a calibration's file; equal calibrations give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(calibration, order="deterministic"), indent=1)


def load_calibration(path: Path | None = None) -> Kept:
    """Read a calibration.

    Args:
        path: of a file that `stillwatch lab calibrate` wrote; the one that Stillwatch comes with
            unless given.

    Raises:
        InputError: it cannot be read or is none.
    """
    source = path or resources.files("stillwatch").joinpath(PACKAGED)
    try:
        with source.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise InputError("is too large for a calibration", file=str(source))
        found = msgspec.json.decode(data, type=Calibration)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(source)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"is no calibration of stillwatch lab calibrate: {error}", file=str(source)
        ) from None
    return Kept(found, hashlib.sha256(data).hexdigest())


def habits_of(floors: Floors) -> dict[str, float | None]:
    """The floors that a log's own customers decide, by habit; None where one is not used."""
    return {name: getattr(floors, name) for name in HABITS}


def held_against(kept: Kept, habits: Mapping[str, float | None], fdr: float) -> Calibrated:
    """Hold a log against a calibration.

    Args:
        kept: the calibration.
        habits: `habits_of` the log.
        fdr: level of the scan.
    """
    of = kept.calibration
    return Calibrated(
        name=of.name,
        digest=kept.digest,
        made=of.made,
        same_code=of.code == code_digest(),
        same_level=fdr <= of.fdr,
        logs=sum(kind.logs for kind in of.kinds),
        wrong=sum(kind.wrong for kind in of.kinds),
        innocent=sum(kind.innocent for kind in of.kinds),
        accused=sum(kind.accused for kind in of.kinds),
        habits=tuple(_beside(of, name, here) for name, here in habits.items()),
    )


def _beside(calibration: Calibration, habit: str, here: float | None) -> HabitRange:
    ranges = [kind.habits[habit] for kind in calibration.kinds if habit in kind.habits]
    return HabitRange(
        habit=habit,
        here=None if here is None else round(here, DIGITS),
        low=min((one.low for one in ranges), default=None),
        high=max((one.high for one in ranges), default=None),
    )


def drift(calibrated: Calibrated) -> str:
    """In a line, in what a log's customers are unlike those of the calibration."""
    where = "; ".join(
        f"{one.habit} {one.here:.3f}, "
        + ("used in none" if one.low is None else f"there {one.low:.3f} to {one.high:.3f}")
        for one in calibrated.habits
        if not one.inside
    )
    return f"customers unlike those of calibration {calibrated.name}: {where}"
