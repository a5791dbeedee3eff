"""Invented outcomes of cells, so that tables can be tested without a scan."""

from __future__ import annotations

from typing import Any

from stillwatch.lab.evaluate.audit import LEVELS
from stillwatch.lab.evaluate.outcome import (
    OURS,
    Discoveries,
    FoundCampaign,
    GroupRow,
    Outcome,
    TestedGroup,
    TrueCampaign,
)


def outcome(
    seed: int = 0,
    *,
    hit: int = 10,
    wronged: int = 0,
    p: tuple[float, ...] = (0.4,),
    **fields: Any,
) -> Outcome:
    """One cell: a pivot campaign of ten accounts and fifty individuals, under two methods."""
    scenario = fields.get("scenario", "demo")
    group = fields.pop("group", "pivot")
    null = scenario == "honest"
    rows, campaigns = [], []
    for method, found, innocent in ((OURS, hit, wronged), ("rate limit", 1, 3)):
        rows.append(
            GroupRow(
                method=method,
                group="individuals",
                kind="honest",
                accounts=50,
                accused=innocent,
                clear=50 - innocent,
                inconclusive=0,
                pooled=0,
                expected=50 - innocent,
            )
        )
        if not null:
            rows.append(
                GroupRow(
                    method=method,
                    group=group,
                    kind="campaign",
                    accounts=10,
                    accused=found,
                    clear=10 - found,
                    inconclusive=0,
                    pooled=0,
                    expected=found,
                    lost=0,
                )
            )
            campaigns.append(
                TrueCampaign(
                    method=method,
                    campaign=group,
                    group=group,
                    accounts=10,
                    accused=found,
                    pieces=int(found > 1),
                    largest=found / 10,
                )
            )
    accused = (not null and hit > 0) or wronged > 0
    discoveries = Discoveries(
        level=0,
        coordinated=2,
        coordinated_falsely=int(wronged > 0),
        accused=int(accused),
        accused_falsely=int(wronged > 0),
    )
    values: dict[str, Any] = {
        "name": f"{scenario}-{seed}",
        "digest": "d",
        "scenario": scenario,
        "seed": seed,
        "ablation": "none",
        "knob": "",
        "value": "",
        "requests": 1000,
        "accounts": 50 if null else 60,
        "seconds": {"simulate": 1.0, "scan": 2.0, "rate limit": 0.1},
        "peak_mb": 321.0,
        "groups": tuple(rows),
        "campaigns": tuple(campaigns),
        "found": (FoundCampaign(accounts=10, innocent=wronged, purity=0.9),) if accused else (),
        "tested": tuple(
            TestedGroup(
                accounts=9,
                origin="honest",
                coordination_p=value,
                extraction_p=None,
                e=1.0,
                verdict="clear",
            )
            for value in p
        ),
        "discoveries": tuple(
            Discoveries(
                level=level,
                **{n: getattr(discoveries, n) for n in discoveries.__struct_fields__[1:]},
            )
            for level in LEVELS
        ),
    }
    return Outcome(**(values | fields))
