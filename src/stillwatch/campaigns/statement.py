"""What is said of whatever was found: the same for a scan's results and for whoever checks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stillwatch.campaigns import explain
from stillwatch.campaigns.lone import Lone
from stillwatch.campaigns.payer import OnePayer
from stillwatch.campaigns.without import strongest, verdict_without
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from stillwatch.campaigns.individuals import Floors
    from stillwatch.campaigns.membership import Grouped
    from stillwatch.schema import Explanation, Fact


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A verdict with its reasons; fields as in `schema.Campaign`."""

    verdict: Verdict
    coordination_p: float | None = None
    extraction_p: float | None = None
    e_value: float | None = None
    concealment: tuple[str, ...] = ()
    facts: tuple[Fact, ...]
    explanations: tuple[Explanation, ...]
    would_change: str
    without_strongest: Verdict


def state(found: Grouped | Lone | OnePayer, floors: Floors, level: float) -> Statement:
    """What is said of a group, of a lone account or of the accounts of one payer.

    Args:
        found: what was judged.
        floors: of the benign-group null.
        level: of the scan.
    """
    if isinstance(found, OnePayer):
        return Statement(
            verdict=Verdict.POOLED,
            facts=explain.payer_facts(found),
            explanations=explain.PAYER_EXPLANATIONS,
            would_change=explain.PAYER_WOULD_CHANGE,
            without_strongest=Verdict.CLEAR,
        )
    if isinstance(found, Lone):
        return Statement(
            verdict=found.verdict,
            extraction_p=found.extraction_p,
            facts=explain.lone_facts(found),
            explanations=explain.lone_explanations(found),
            would_change=explain.LONE_WOULD_CHANGE,
            without_strongest=explain.LONE_WITHOUT_STRONGEST,
        )
    lead = found.lead
    return Statement(
        verdict=lead.verdict,
        coordination_p=lead.coordination_p,
        extraction_p=lead.extraction_p,
        e_value=lead.e,
        concealment=lead.concealment.evidence,
        facts=explain.facts(lead, floors),
        explanations=explain.explanations(lead, level),
        would_change=explain.would_change(lead, level),
        without_strongest=verdict_without(lead, strongest(lead), level),
    )
