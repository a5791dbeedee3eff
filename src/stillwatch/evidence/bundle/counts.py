"""Do the numbers of a verdict agree with each other?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.schema import (  # noqa: TC001 (read at run time)
    DayCount,
    Explanation,
    Fact,
    Link,
    Verdict,
)

if TYPE_CHECKING:
    from stillwatch.evidence.bundle.checks import Verification

_ROUNDING = 0.01


class StatedMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member as a bundle states it: `schema.Member` with a commitment for the id."""

    account: str
    requests: int
    stream_requests: int
    first_seen: str
    last_seen: str
    reasons: list[str]


class StatedCover(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A declared entry as a bundle states it: `schema.Covered` without the reason."""

    kind: str
    expires: str
    accounts: int


class StatedCampaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A campaign as a bundle states it: `schema.Campaign` without ids and examples."""

    campaign_id: str
    verdict: Verdict
    coordination_p: float | None
    extraction_p: float | None
    e_value: float | None
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    first_seen: str
    last_seen: str
    capabilities: dict[str, float]
    models: dict[str, float]
    hours: list[float]
    facts: list[Fact]
    concealment: list[str]
    explanations: list[Explanation]
    would_change: str
    without_strongest: Verdict
    members: list[StatedMember]
    links: list[Link]
    timeline: list[DayCount]
    declared: list[StatedCover] = []


def read_verdict(document: Any) -> StatedCampaign:
    """A bundle's verdict.

    Raises:
        msgspec.ValidationError: it is malformed.
    """
    return msgspec.convert(document, StatedCampaign)


def check_counts(done: Verification, document: Any) -> None:
    """Check that sums are sums and shares add up, and note what came of it."""
    try:
        stated = read_verdict(document)
    except msgspec.ValidationError as error:
        done.failed("counts", f"the verdict is malformed: {error}")
        return
    wrong = [
        text
        for fits, text in (
            (
                sum(m.stream_requests for m in stated.members) == stated.requests,
                "the members' requests do not add up to the campaign's",
            ),
            (
                sum(day.requests for day in stated.timeline) == stated.requests,
                "the days' requests do not add up to the campaign's",
            ),
            (
                all(m.stream_requests <= m.requests for m in stated.members),
                "a member has more requests in the stream than at all",
            ),
            (
                all(
                    not shares or abs(sum(shares) - 1) < _ROUNDING
                    for shares in (
                        list(stated.models.values()),
                        list(stated.capabilities.values()),
                        stated.hours,
                    )
                ),
                "shares do not add up to one",
            ),
            (
                len({m.account for m in stated.members}) == len(stated.members),
                "an account is a member twice",
            ),
        )
        if not fits
    ]
    if wrong:
        done.failed("counts", "; ".join(wrong))
    else:
        done.passed(
            "counts",
            f"{len(stated.members):,} members, {stated.requests:,} requests and "
            f"{len(stated.timeline)} days agree with each other",
        )
