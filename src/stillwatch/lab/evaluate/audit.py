"""What the scan tested, held against the truth: p-values, and discoveries by level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from stillwatch.campaigns.evalues import boosted_e_bh
from stillwatch.campaigns.judge import decided
from stillwatch.lab.evaluate.outcome import Discoveries, TestedGroup
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stillwatch.campaigns import Detection
    from stillwatch.campaigns.judge import Judged
    from stillwatch.sketch import Sketcher

LEVELS = (0.001, 0.01, 0.05, 0.1)
"""Nominal false discovery rates at which the realised ones are measured."""


def audit(
    detection: Detection, truth: Path, sketcher: Sketcher
) -> tuple[tuple[TestedGroup, ...], tuple[Discoveries, ...]]:
    """Compare every tested group with what it truly is.

    Args:
        detection: of a scan of the simulation.
        truth: the simulation's ``truth.parquet``.
        sketcher: the one that the scan used; it turns account ids into keys.
    """
    table = pq.read_table(truth, columns=["account_id", "kind", "campaign"])
    keys = sketcher.account_keys(table.column("account_id").combine_chunks()).to_numpy()
    rows = zip(table.column("kind").to_pylist(), table.column("campaign").to_pylist(), strict=True)
    known = dict(zip(keys.tolist(), rows, strict=True))
    origins = [_origin(judged, known) for judged in detection.judged]
    tested = tuple(
        TestedGroup(
            accounts=len(judged.mined.candidate.accounts),
            origin=origin,
            coordination_p=float(judged.coordination_p),
            extraction_p=None if judged.extraction_p is None else float(judged.extraction_p),
            e=float(judged.e),
            verdict=str(judged.verdict),
        )
        for judged, origin in zip(detection.judged, origins, strict=True)
    )
    return tested, tuple(_discoveries(detection.judged, origins, level) for level in LEVELS)


def _origin(judged: Judged, known: dict[int, tuple[str, str | None]]) -> str:
    truths: list[Any] = [known[key] for key in judged.mined.candidate.accounts.tolist()]
    guilty = np.mean([campaign is not None for _, campaign in truths])
    if guilty > 0.5:
        return "campaign"
    return "honest" if all(kind == "honest" for kind, _ in truths) else "other"


def _discoveries(judged: Sequence[Judged], origins: Sequence[str], level: float) -> Discoveries:
    accepted = boosted_e_bh([one.e for one in judged], level).tolist() if judged else []
    verdicts = [decided(one, accepted=ok).verdict for one, ok in zip(judged, accepted, strict=True)]
    accused = [verdict is Verdict.DISTILLATION for verdict in verdicts]
    return Discoveries(
        level=level,
        coordinated=sum(accepted),
        coordinated_falsely=sum(
            ok and origin == "honest" for ok, origin in zip(accepted, origins, strict=True)
        ),
        accused=sum(accused),
        accused_falsely=sum(
            guilty and origin != "campaign" for guilty, origin in zip(accused, origins, strict=True)
        ),
    )
