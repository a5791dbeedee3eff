"""The sentences of an incident report, each observed or concluded, with what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stillwatch.campaigns.moves import MOVES
from stillwatch.report.wording import about, chance, count, label, percent, plural, span
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from stillwatch.schema import Campaign, Summary


class Statement(msgspec.Struct, frozen=True):
    """A sentence and what it rests on."""

    text: str
    basis: str


class Test(msgspec.Struct, frozen=True):
    """A question that was put to the data, in words, with its answer as a p-value."""

    question: str
    p: float | None
    needed: str
    answer: str


class Alternative(msgspec.Struct, frozen=True):
    """An innocent explanation that was considered."""

    name: str
    text: str
    rejected: bool
    p: float | None


def observations(campaign: Campaign) -> tuple[Statement, ...]:
    """What was counted and measured; each can be counted again from the log."""
    days = max(len(campaign.timeline), 1)
    members = max(len(campaign.members), 1)
    counted = Statement(
        f"{plural(len(campaign.members), 'account')} sent {plural(campaign.requests, 'request')} "
        f"of one stream ({span(campaign.first_seen, campaign.last_seen)}), "
        f"{about(campaign.requests / members)} an account and "
        f"{about(campaign.requests / members / days)} an account and day.",
        "counted in the request log",
    )
    tokens = Statement(
        f"They received {about(campaign.output_tokens)} tokens of answers for "
        f"{about(campaign.input_tokens)} tokens of questions.",
        "token counts in the request log",
    )
    return (
        counted,
        tokens,
        *(
            Statement(fact.text, f"{label(fact.signal)}, {_where(fact.signal)}")
            for fact in campaign.facts
        ),
    )


def _where(signal: str) -> str:
    return "counted in all of it" if signal in MOVES else "measured in the testing half of the time"


def tests(campaign: Campaign, level: float) -> tuple[Test, ...]:
    """The questions that the verdict rests on."""
    return (
        Test(
            "Could these be independent accounts, or people with something in common?",
            campaign.coordination_p,
            f"decided over all groups of the scan together, so that of accused groups at most "
            f"{percent(level)} are expected to be false",
            _answer(campaign.coordination_p),
        ),
        Test(
            "Could an ordinary customer of this provider send such a stream?",
            campaign.extraction_p,
            "at most 0.1, as a gate on top of the first question",
            _answer(campaign.extraction_p),
        ),
    )


def _answer(p: float | None) -> str:
    if p is None:
        return "This could not be judged in this log."
    return f"If so, evidence as strong as this would come up in {chance(p)} such cases."


def conclusions(campaign: Campaign, level: float) -> tuple[Statement, ...]:
    """What follows from the observations, and by which reasoning; no more than the verdict says."""
    if campaign.verdict is Verdict.DISTILLATION and len(campaign.members) == 1:
        return (
            Statement(
                "One account extracted answers for use as training data.",
                "the harvest test alone: nothing is coordinated by one account. This is the "
                "weakest kind of accusation that is made",
            ),
        )
    common = Statement(
        "The accounts act under common control.",
        "they lack what tells people apart; chance, people with something in common and a common "
        f"exercise are each rejected; false discovery rate {percent(level)}",
    )
    harvest = Statement(
        "The stream extracts the model's answers systematically, as one does for training data.",
        "breadth, novelty, framing, what is asked for and length of answers, together, against "
        "whole customers of the same log",
    )
    hidden = Statement(
        "The common control is concealed.",
        "the accounts declare nothing in common, and what is listed under concealment",
    )
    if campaign.verdict is Verdict.DISTILLATION:
        return (common, harvest, hidden)
    if campaign.verdict is Verdict.POOLED:
        return (common,)
    return ()


def alternatives(campaign: Campaign) -> tuple[Alternative, ...]:
    """The innocent explanations considered."""
    return tuple(Alternative(label(e.name), e.text, e.rejected, e.p) for e in campaign.explanations)


def limits(summary: Summary) -> tuple[str, ...]:
    """What the evidence does not show."""
    found = [
        "Who the operator is, where it is, and whether it is one or several who work alike, is not "
        "shown by a request log.",
        "What was done with the answers afterwards was not observed. That they are used as "
        "training data is inferred from how they were asked for.",
        "The owners of single accounts may not have known how their accounts were used: resold and "
        "stolen access looks the same from here.",
        f"The stated error rate of {percent(summary.fdr)} is about groups, and holds as far as "
        "honest groups are as individual as the method supposes. Nothing is promised for single "
        "accounts.",
        "Nationality and language of the customers were not used.",
        "Costs are estimates. Tokens are counted where the log counts them; prices and working "
        "speeds are the assumptions stated beside them.",
    ]
    if summary.rejected:
        found.append(
            f"{count(summary.rejected)} of {count(summary.rejected + summary.requests)} records of "
            "the log could not be read and were left out."
        )
    found += [f"Not judged: {missing.text}" for missing in summary.missing]
    return tuple(found)
