"""The answer first: what a scan found, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stillwatch.report.wording import about, count, e_strength, habit, money, percent, plural, span
from stillwatch.schema import CAPABILITIES, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.report.views import CampaignView
    from stillwatch.schema import Calibrated, Campaign, Findings, Summary

MEANING = {
    Verdict.DISTILLATION: "One operator, hidden behind the accounts, harvesting answers: accused.",
    Verdict.POOLED: "Under common control, but not shown to harvest or to hide: not accused.",
    Verdict.INCONCLUSIVE: "Too little evidence to accuse or to clear: not accused.",
    Verdict.CLEAR: "Nothing was found that calls for a look.",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """The first thing on the page.

    Attributes:
        answer: what was found, one short sentence.
        scale: how large it is; empty where nothing was found.
        rest: what was found besides, and that nothing else is accused.
        promise: the level and what it promises.
        limits: what the answer does not say, where it needs saying.
    """

    answer: str
    scale: str
    rest: str
    promise: str
    limits: str


def headline(findings: Findings) -> Headline:
    """Put the findings into a few sentences."""
    summary = findings.summary
    accused = _with(findings, Verdict.DISTILLATION)
    if not summary.requests:
        return Headline(
            "Nothing to judge.",
            "The log holds no request that could be read.",
            "",
            "",
            "",
        )
    return Headline(
        _answer(accused),
        _scale(accused) if accused else "",
        _rest(findings, bool(accused)),
        _promise(summary.fdr, bool(accused), summary.calibrated),
        _limits(summary),
    )


def _with(findings: Findings, verdict: Verdict) -> list[Campaign]:
    return [campaign for campaign in findings.campaigns if campaign.verdict == verdict]


def _answer(accused: Sequence[Campaign]) -> str:
    if not accused:
        return "No distillation campaign found."
    return f"{plural(len(accused), 'distillation campaign')}."


def _scale(accused: Sequence[Campaign]) -> str:
    members = sum(len(campaign.members) for campaign in accused)
    requests = sum(campaign.requests for campaign in accused)
    cost = sum(campaign.cost_usd for campaign in accused)
    price = f", about {money(cost)} at list price" if cost > 0 else ""
    alone = sum(len(campaign.members) == 1 for campaign in accused)
    lone = ""
    if len(accused) > 1 and alone:
        lone = " One is" if alone == 1 else f" {count(alone)} are"
        lone += " an account that acts alone."
    return f"{plural(members, 'account')}, {plural(requests, 'exchange')}{price}.{lone}"


def _rest(findings: Findings, accused: bool) -> str:
    parts = []
    for verdict, one in (
        (Verdict.POOLED, "pooled group"),
        (Verdict.INCONCLUSIVE, "inconclusive group"),
    ):
        found = len(_with(findings, verdict))
        if found:
            parts.append(plural(found, one))
    listed = f"Besides, {' and '.join(parts)}, listed but not accused. " if parts else ""
    if not accused:
        return f"{listed}No account is accused."
    return f"{listed}Nothing else is accused."


def _promise(fdr: float, accused: bool, calibrated: Calibrated | None) -> str:
    level = percent(fdr)
    if accused:
        return (
            f"Judged at a false discovery rate of {level}: over many scans like this one, on "
            f"average at most {level} of the campaigns named are expected to be no campaign. "
            "It holds as far as honest customers behave like those of the calibration"
            f"{_likeness(calibrated)}."
        )
    return (
        "That is not proof that there is none: a campaign that is small, slow or young may leave "
        f"too little evidence. Judged at a false discovery rate of {level}."
    )


def _likeness(calibrated: Calibrated | None) -> str:
    """Whether they do, as the rest of a sentence."""
    if calibrated is None:
        return ""
    if calibrated.outside:
        habits = " and ".join(habit(name) for name in calibrated.outside)
        return f"; in {habits} they do not, and nobody has measured the rate on logs like this one"
    if not calibrated.same_level:
        return ", which was made at a stricter level than this scan"
    if not calibrated.same_code:
        return ", which was made with an earlier state of the code"
    return ", and in all that a scan can measure they do"


def _limits(summary: Summary) -> str:
    if not summary.missing:
        return ""
    return (
        f"{plural(len(summary.missing), 'question')} could not be asked, because the log or the "
        "account file lacks columns."
    )


def bet(e: float | None) -> str:
    """An e-value as what it is, a bet against the innocent explanations."""
    if e is None:
        return "It could not be judged"
    grade = e_strength(e)
    return (
        f"{grade[0].upper()}{grade[1:]}: $1 bet against the innocent explanations "
        f"would now be ${about(e)}"
    )


def opening(view: CampaignView) -> str:
    """What a group is, in one or two sentences."""
    campaign = view.campaign
    days = span(campaign.first_seen, campaign.last_seen)
    if view.alone:
        said = f"One account sent {plural(campaign.requests, 'request')} ({days})"
    else:
        paid = campaign.by_payer
        said = (
            f"{plural(len(campaign.members), 'account')}{' of one payer' if paid else ''} sent "
            f"{'' if paid else 'one stream of '}{plural(campaign.requests, 'request')} ({days})"
        )
        if campaign.requests:
            said += f", {about(campaign.requests / len(campaign.members))} an account"
    return f"{said}. Aimed at {named}." if (named := aims(view)) else f"{said}."


def aims(view: CampaignView) -> str:
    """The capabilities that a group is after, with their shares; those without a name left out."""
    found = [one for one in view.capabilities if one.share >= 0.1 and one.name != CAPABILITIES[0]]
    return ", ".join(f"{one.name} ({percent(one.share)})" for one in found[:3])


def without_strongest(campaign: Campaign) -> str:
    """What the verdict rests on."""
    if not campaign.facts:
        return ""
    if campaign.without_strongest == campaign.verdict:
        return f"Without its strongest evidence the verdict would still be {campaign.verdict}."
    return (
        f"Without its strongest evidence the verdict would be {campaign.without_strongest}. "
        "Check that piece first."
    )
