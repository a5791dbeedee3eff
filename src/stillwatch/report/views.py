"""What a page says of one group: chosen, bounded and put into words, ready for a template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.report import charts, graph, series
from stillwatch.report.wording import about, count, day
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from stillwatch.schema import Campaign, Fact, Member, Summary

MOST_FACTS = 12
MOST_EXAMPLES = 20
_SHARES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a group the page may show, so that a page about many stays small.

    Attributes:
        members: rows of the members' table.
        nodes: nodes of the graph; 0 for no graph.
    """

    members: int
    nodes: int


@dataclass(frozen=True, slots=True)
class FactView:
    """A fact and, where it can be compared, its two bars."""

    fact: Fact
    bars: tuple[Markup, Markup] | None


@dataclass(frozen=True, slots=True)
class Share:
    """One line of a list of shares, with its bar; the last may stand for all that are smaller."""

    name: str
    share: float
    bar: Markup
    rest: bool = False


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member's row: what the campaign says of it and the account's own p-values."""

    member: Member
    coordination_p: float | None
    extraction_p: float | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, the words below its axis, and what its top means."""

    svg: Markup
    ticks: tuple[str, ...]
    top: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignView:
    """One group, ready to be shown; `number` counts from 1 over all groups of the page."""

    number: int
    campaign: Campaign
    facts: tuple[FactView, ...]
    capabilities: tuple[Share, ...]
    models: tuple[Share, ...]
    requests_by_day: Figure | None
    accounts_by_day: Figure | None
    days_a_column: int
    hours: Figure | None
    volumes: Figure | None
    picture: graph.Picture | None
    members: tuple[MemberView, ...]
    examples: tuple[str, ...]

    @property
    def alone(self) -> bool:
        """Whether it is a campaign of one account."""
        return len(self.campaign.members) == 1

    @property
    def days_active(self) -> int:
        """Days with at least one request."""
        return sum(entry.requests > 0 for entry in self.campaign.timeline)

    @property
    def accused(self) -> bool:
        """Whether its verdict is an accusation."""
        return self.campaign.verdict == Verdict.DISTILLATION


def campaign_view(
    number: int, campaign: Campaign, summary: Summary, accounts: pa.Table, budget: Budget
) -> CampaignView:
    """Choose and draw what the page shows of a group.

    Args:
        number: its place on the page, from 1.
        campaign: the group.
        summary: of the scan, for the population that it is compared with.
        accounts: `schema.ACCOUNT_VERDICTS`.
        budget: how much may be shown.
    """
    days = series.daily(campaign.timeline, summary.timeline)
    size = len(campaign.members)
    return CampaignView(
        number=number,
        campaign=campaign,
        facts=tuple(_fact(fact) for fact in campaign.facts[:MOST_FACTS]),
        capabilities=_shares(campaign.capabilities),
        models=_shares(campaign.models),
        requests_by_day=by_day(days, "requests"),
        accounts_by_day=by_day(days, "accounts") if size > 1 else None,
        days_a_column=days.days_a_column if days else 1,
        hours=by_hour(campaign.hours, summary.hours),
        volumes=_volumes(campaign, accounts),
        picture=graph.draw(campaign, budget.nodes) if budget.nodes else None,
        members=_members(campaign.members[: budget.members], accounts),
        examples=campaign.examples[:MOST_EXAMPLES],
    )


def _fact(fact: Fact) -> FactView:
    if fact.expected is None:
        return FactView(fact, None)
    return FactView(fact, charts.comparison(fact.value, fact.expected))


def _shares(shares: dict[str, float]) -> tuple[Share, ...]:
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    shown = [Share(what, share, charts.bar(share)) for what, share in ranked[:_SHARES_SHOWN]]
    rest = sum(share for _, share in ranked[_SHARES_SHOWN:])
    if rest:
        what = f"{len(ranked) - _SHARES_SHOWN} more"
        shown.append(Share(what, rest, charts.bar(rest), rest=True))
    return tuple(shown)


def by_day(days: series.Daily | None, what: Literal["requests", "accounts"]) -> Figure | None:
    """A group's course over the log's days, with the population's; None without days."""
    if days is None:
        return None
    if what == "requests":
        mine, them, unit = days.requests, days.population_requests, "requests"
        busiest = days.busiest[0]
    else:
        mine, them, unit = days.accounts, days.population_accounts, "active accounts"
        busiest = days.busiest[1]
    return Figure(
        charts.area(
            mine,
            them,
            f"{unit} a day from {day(days.first)} to {day(days.last)}; "
            f"the busiest day has {count(busiest)}",
        ),
        (day(days.first), day(days.last)) if days.first != days.last else (day(days.first),),
        f"{unit} a day, busiest day {count(busiest)}",
    )


def by_hour(mine: Sequence[float], population: Sequence[float]) -> Figure | None:
    """Share of requests by UTC hour against the population's; None without hours."""
    if not any(mine):
        return None
    top = max((*mine, *population))
    peak = max(range(len(mine)), key=mine.__getitem__)
    quiet = min(range(len(mine)), key=mine.__getitem__)
    return Figure(
        charts.columns(
            mine,
            population,
            f"share of requests by hour of the day in UTC; most at {peak:02}:00 with "
            f"{mine[peak]:.1%}, least at {quiet:02}:00 with {mine[quiet]:.1%}",
        ),
        ("00", "06", "12", "18", "24 UTC"),
        f"share of requests an hour, scale up to {top:.1%}".replace("%", "\u202f%"),
    )


def _volumes(campaign: Campaign, accounts: pa.Table) -> Figure | None:
    if len(campaign.members) < 2:
        return None
    mine = np.array([member.requests for member in campaign.members], dtype=np.int64)
    found = series.volumes(mine, accounts.column("requests").to_numpy())
    return volume_figure(found, "this group") if found else None


def volume_figure(found: series.Volumes, who: str) -> Figure:
    """Share of accounts by number of requests, in doubling classes."""
    common = max(range(len(found.group)), key=found.group.__getitem__)
    low = found.bounds[common]
    last = found.bounds[-1]
    return Figure(
        charts.columns(
            found.group,
            found.population,
            f"share of accounts by requests an account; of {who} most, "
            f"{found.group[common]:.0%}, have {count(low)} to {count(2 * low - 1)}",
        ),
        ("1", about(found.bounds[len(found.bounds) // 2]), f"{count(2 * last)} requests")
        if last > 1
        else ("1 request",),
        f"share of accounts, scale up to {max((*found.group, *found.population)):.0%}".replace(
            "%", "\u202f%"
        ),
    )


def _members(members: Sequence[Member], accounts: pa.Table) -> tuple[MemberView, ...]:
    wanted = pa.array([member.account_id for member in members], pa.string())
    rows = accounts.filter(pc.is_in(accounts.column("account_id"), value_set=wanted))
    judged = {
        row["account_id"]: row
        for row in rows.select(["account_id", "coordination_p", "extraction_p"]).to_pylist()
    }
    nothing = {"coordination_p": None, "extraction_p": None}
    return tuple(
        MemberView(member, found["coordination_p"], found["extraction_p"])
        for member, found in ((m, judged.get(m.account_id, nothing)) for m in members)
    )
