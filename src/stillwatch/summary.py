"""The scan as a whole: what was read, how it was judged, what could not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch._version import __version__
from stillwatch.calibration import DIGITS, habits_of, held_against
from stillwatch.missing import missing_signals
from stillwatch.schema import Summary
from stillwatch.taking import OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from stillwatch.calibration import Kept
    from stillwatch.campaigns import Detection
    from stillwatch.population import Population
    from stillwatch.schema import Since
    from stillwatch.sealed import Taken

QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def summarise(  # noqa: PLR0913 - what a scan was told, in one call
    population: Population,
    detection: Detection,
    declared: pa.Table | None,
    *,
    sources: Sequence[tuple[str, str]],
    taken: Sequence[Taken],
    duplicates: int,
    fdr: float,
    seed: int,
    calibration: Kept,
    since: Since | None = None,
) -> Summary:
    """Describe a scan.

    Args:
        population: the log as a whole.
        detection: what came of them.
        declared: the account file, or None.
        sources: names of the inputs and of their formats.
        taken: the store's journal.
        duplicates: requests that came again.
        fdr: the level asked for.
        seed: of the split into halves.
        calibration: that the scan cites.
        since: the scan that it goes on from, if it does.
    """
    columns = {name for entry in taken for name in entry.columns}
    volumes = detection.accounts.column("requests").to_numpy()
    verdicts = detection.accounts.column("verdict").to_pylist()
    floors = detection.floors
    calibrated = held_against(calibration, habits_of(floors), fdr)
    return Summary(
        version=__version__,
        sources=tuple(sources),
        requests=population.requests,
        accounts=len(detection.accounts),
        rejected=sum(entry.rejected for entry in taken),
        duplicates=duplicates,
        first_seen=population.first_seen,
        last_seen=population.last_seen,
        fdr=fdr,
        seed=seed,
        calibration=calibrated.cited,
        columns=tuple(name for name in OPTIONAL if name in columns),
        missing=missing_signals(columns, declared, detection),
        verdicts={name: verdicts.count(name) for name in sorted(set(verdicts))},
        hours=population.hours,
        timeline=population.timeline,
        requests_per_account={
            name: float(np.quantile(volumes, q)) for name, q in QUANTILES.items()
        },
        parameters={
            "groups_looked_at": detection.looked_at,
            "groups_tested": len(detection.judged),
            "reference_customers": detection.customers,
            "floor_content": _shown(floors.content),
            "floor_rhythm": _shown(floors.rhythm),
            "floor_conversation": _shown(floors.conversation),
            "floor_volume": floors.volume,
        },
        declared=detection.declared,
        priors=detection.priors,
        calibrated=calibrated,
        since=since,
    )


def _shown(floor: float | None) -> float | str:
    return "not used" if floor is None else round(floor, DIGITS)
