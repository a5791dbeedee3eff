"""An invented scan, rich enough that every part of the report has something to show."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.readers.rejections import Rejection
from stillwatch.schema import (
    ACCOUNT_VERDICTS,
    FINDINGS_FORMAT,
    Calibrated,
    Campaign,
    DayCount,
    Explanation,
    Fact,
    Findings,
    HabitRange,
    Link,
    Member,
    Missing,
    Summary,
    Verdict,
)

FIRST = date(2026, 4, 22)
DAYS = 45
HOSTILE_IDS = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "\u202eevil\u202c",
    "line\nbreak\tand\x00nul",
    "x" * 5_000,
    "{{ 7 * 7 }}{% raw %}",
    "",
    "Z\u0335\u0321\u0334\u0322\u0337a\u0335\u0321\u0334lgo",
    "javascript:alert(1)//--><!--",
)


def day(offset: int) -> str:
    return (FIRST + timedelta(days=offset)).isoformat()


def at(offset: int, hour: int = 9) -> str:
    return f"{day(offset)}T{hour:02}:14:31Z"


def timeline(
    rng: np.random.Generator, first: int, last: int, requests: float, accounts: int
) -> tuple[DayCount, ...]:
    days = []
    for offset in range(first, last):
        weekend = 0.7 if (FIRST + timedelta(days=offset)).weekday() > 4 else 1.0
        number = int(rng.poisson(requests * weekend))
        days.append(DayCount(day=day(offset), requests=number, accounts=min(accounts, number)))
    return tuple(days)


def hours(peak: float, flatness: float) -> tuple[float, ...]:
    clock = np.arange(24)
    shape = np.exp(np.cos((clock - peak) * np.pi / 12) * (1 - flatness) * 2)
    return tuple((shape / shape.sum()).tolist())


def members(rng: np.random.Generator, number: int, mean: float, name: str) -> tuple[Member, ...]:
    volume = np.sort(rng.poisson(mean, number) + 1)[::-1]
    return tuple(
        Member(
            account_id=f"{name}{index:05}",
            requests=int(asked * rng.uniform(1, 1.6)),
            stream_requests=int(asked),
            first_seen=at(int(rng.integers(2, 9))),
            last_seen=at(int(rng.integers(20, 33)), 21),
            reasons=(
                f"{asked} of its requests follow the campaign's frame, 0.3 would by chance.",
                "Paid with the card of 11 other members.",
            )[: 1 + index % 2],
        )
        for index, asked in enumerate(volume)
    )


def links(rng: np.random.Generator, number: int, joins: int) -> tuple[Link, ...]:
    kinds = ("prompt family", "payment", "network", "retry")
    made: set[tuple[int, int, str]] = set()
    while len(made) < joins:
        low, high = sorted(rng.choice(number, 2, replace=False).tolist())
        # three crews that mostly keep to themselves
        if low % 3 == high % 3 or rng.random() < 0.04:
            made.add((low, high, kinds[int(rng.choice(4, p=(0.6, 0.2, 0.15, 0.05)))]))
    return tuple(
        Link(source=a, target=b, kind=kind, weight=float(rng.uniform(6, 22)))
        for a, b, kind in sorted(made)
    )


FACTS = (
    Fact(
        signal="shared_queue",
        text="The accounts draw from one queue: of 39 880 distinct items, 12 were asked twice; "
        "independent users of one template repeat 4 100.",
        value=12,
        expected=4_100,
        p=2e-6,
    ),
    Fact(
        signal="volume_dispersion",
        text="The accounts carry nearly equal loads: the logarithm of their volumes varies by "
        "0.08, honest groups by 0.74.",
        value=0.08,
        expected=0.74,
        p=0.0004,
    ),
    Fact(
        signal="elicitation",
        text="94 % of the requests ask for step-by-step reasoning; 11 % of all requests do.",
        value=0.94,
        expected=0.11,
        p=0.0031,
    ),
    Fact(
        signal="retry_migration",
        text="212 requests that were refused for load came again within 10 s from another member.",
        value=212,
        expected=0.4,
        p=None,
    ),
    Fact(signal="fixed_frame", text="All requests open with the same 41 words.", value=41),
)

EXPLANATIONS = (
    Explanation(
        name="popular_application",
        text="Users of one open-source tool share a system prompt, but each has topics and hours "
        "of their own; these accounts have neither.",
        rejected=True,
        p=0.0004,
    ),
    Explanation(
        name="benchmark",
        text="A public benchmark would be asked in full by every account; here each item is asked "
        "once, by one.",
        rejected=True,
        p=0.00002,
    ),
    Explanation(
        name="declared_organisation",
        text="The account file names no organisations, so this could not be judged.",
        rejected=False,
        p=None,
    ),
)


def campaign(
    seed: int,
    number: int,
    verdict: Verdict = Verdict.DISTILLATION,
    joins: int | None = None,
    mean: float = 180,
    **changes: Any,
) -> Campaign:
    """One invented group of `number` accounts."""
    rng = np.random.default_rng(seed)
    everyone = members(rng, number, mean, f"acct-{seed:x}")
    requests = sum(member.stream_requests for member in everyone)
    joins = min(number * 3, number * (number - 1) // 8) if joins is None else joins
    made = Campaign(
        campaign_id=f"c-{seed:04x}b2e91f",
        verdict=verdict,
        coordination_p=0.0004,
        extraction_p=0.0031,
        e_value=1_240.0,
        requests=requests,
        input_tokens=requests * 1_020,
        output_tokens=requests * 1_960,
        cost_usd=requests * 0.054,
        first_seen=at(4),
        last_seen=at(31, 22),
        capabilities={"code": 0.62, "reasoning": 0.21, "mathematics": 0.12, "other": 0.05},
        models={"opal-4-large": 0.91, "opal-4-mini": 0.09},
        hours=hours(14, 0.93),
        facts=FACTS,
        concealment=(
            "The 40 accounts signed up from 38 networks but share 4 payment cards.",
            "Each wears another client's name while all have the same TLS fingerprint.",
        ),
        explanations=EXPLANATIONS,
        would_change="A declaration that these accounts belong to one customer.",
        without_strongest=Verdict.DISTILLATION,
        members=everyone,
        links=links(rng, number, joins) if joins else (),
        timeline=timeline(rng, 4, 32, requests / 27, number),
    )
    return replace(made, **changes)


def summary(**changes: Any) -> Summary:
    """An invented scan of a provider's log."""
    made = Summary(
        version="0.1.0",
        sources=(("logs/2026-04.jsonl.zst", "canonical"), ("logs/2026-05.jsonl.zst", "canonical")),
        requests=1_204_331,
        accounts=30_214,
        rejected=1_043,
        duplicates=112,
        first_seen=at(0, 0),
        last_seen=at(DAYS - 1, 23),
        fdr=0.01,
        seed=7,
        calibration="builtin-1 (sha256 5d0c…)",
        calibrated=Calibrated(
            name="builtin-1",
            digest="5d0c" * 16,
            made="2026-04-01",
            same_code=True,
            same_level=True,
            logs=240,
            wrong=1,
            innocent=474_240,
            accused=2,
            habits=(
                HabitRange(habit="content", here=0.512, low=0.488, high=0.941),
                HabitRange(habit="rhythm", here=1.733, low=1.232, high=1.459),
                HabitRange(habit="conversation", here=None, low=0.027, high=0.036),
            ),
        ),
        columns=("system_prompt", "client_address", "user_agent", "output_tokens", "status"),
        missing=(
            Missing(
                signal="shared_payment",
                columns=("payment_fingerprint",),
                text="Accounts paid from one card cannot be joined; groups that hide everything "
                "else may be missed.",
            ),
            Missing(
                signal="declared_organisations",
                columns=("organization_id",),
                text="A company's own accounts cannot be told from strangers, so more groups stay "
                "inconclusive.",
            ),
        ),
        verdicts={"clear": 29_713, "inconclusive": 41, "pooled": 48, "distillation": 412},
        hours=hours(15, 0.3),
        timeline=timeline(np.random.default_rng(1), 0, DAYS, 26_000, 9_000),
        requests_per_account={"median": 11.0, "p90": 84.0, "p99": 611.0},
        parameters={"blocks": 48, "candidates": 17, "block_hours": 6.0},
    )
    return replace(made, **changes)


def findings(*campaigns: Campaign, **changes: Any) -> Findings:
    return Findings(format=FINDINGS_FORMAT, summary=summary(**changes), campaigns=campaigns)


def accounts_table(made: Findings, clear: int = 3_000) -> pa.Table:
    """A row for every member, and for honest accounts besides."""
    rng = np.random.default_rng(3)
    rows: list[dict[str, Any]] = [
        {
            "account_id": member.account_id,
            "verdict": group.verdict.value,
            "campaign_id": group.campaign_id,
            "requests": member.requests,
            "coordination_p": 0.0004,
            "extraction_p": 0.01,
            "reasons": list(member.reasons),
        }
        for group in made.campaigns
        for member in group.members
    ]
    volume = np.exp(rng.normal(2.6, 1.3, clear)).astype(int) + 1
    rows += [
        {
            "account_id": f"user-{index:05}",
            "verdict": "inconclusive" if index < 3 else "clear",
            "campaign_id": None,
            "requests": int(asked),
            "coordination_p": None,
            "extraction_p": 0.04 if index < 3 else 0.6,
            "reasons": ["Asks for reasoning in 80 % of its requests."] if index < 3 else [],
        }
        for index, asked in enumerate(volume)
    ]
    return pa.Table.from_pylist(rows, schema=ACCOUNT_VERDICTS).sort_by("account_id")


def hostile() -> Campaign:
    """A group whose every text tries to break out of the page."""
    made = campaign(66, len(HOSTILE_IDS), joins=11)
    nasty = HOSTILE_IDS[1]
    return replace(
        made,
        campaign_id=HOSTILE_IDS[0],
        members=tuple(
            replace(member, account_id=bad, reasons=(bad,))
            for member, bad in zip(made.members, HOSTILE_IDS, strict=True)
        ),
        facts=tuple(replace(fact, signal=nasty, text=HOSTILE_IDS[2]) for fact in made.facts),
        explanations=(Explanation(name=nasty, text=nasty, rejected=False),),
        concealment=HOSTILE_IDS,
        models=dict.fromkeys(HOSTILE_IDS, 0.1),
        links=tuple(replace(link, kind=HOSTILE_IDS[2]) for link in made.links),
        would_change=nasty,
        examples=HOSTILE_IDS,
    )


REJECTED = tuple(
    Rejection("logs/2026-04.jsonl.zst", line, "timestamp", "is not an RFC 3339 timestamp")
    for line in range(10, 910)
) + tuple(
    Rejection("logs/2026-05.jsonl.zst", line, "(record)", "is not JSON") for line in range(7, 150)
)


def rich_findings() -> Findings:
    """Campaigns of every verdict, among them a lone extractor."""
    return findings(
        campaign(1, 372, mean=110),
        campaign(2, 39, joins=90, without_strongest=Verdict.INCONCLUSIVE, e_value=212.0),
        campaign(
            3, 1, joins=0, mean=18_000, concealment=(), coordination_p=None, e_value=140.0,
            capabilities={"grading": 0.97, "other": 0.03},
            examples=("Rate the answer from 1 to 10.\n\nAnswer: four",),
        ),
        campaign(4, 31, Verdict.POOLED, concealment=(), e_value=22.0, extraction_p=0.4),
        campaign(5, 17, Verdict.POOLED, concealment=(), e_value=14.0, extraction_p=0.2),
        campaign(6, 9, Verdict.INCONCLUSIVE, e_value=3.4, coordination_p=0.06),
    )  # fmt: skip
