"""How the traffic looks: what it reads like as a whole, and one sentence a topic.

The bounds here are coarse on purpose and are no threshold of the detector: they choose words. What
the detector's test of common control rests on (how far accounts are told apart, how broad a stream
is) is said in words only: its value would let an operator measure how well it hides.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stillwatch.report.wording import about, count, percent, plural, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.selfcheck.measure import Traits

FEWEST = 30
"""Requests without which nothing is said but their number."""

_MOST = 0.6
_SOME = 0.1
_HARDLY = 0.05
_ALL_NEW = 0.93
_LONG, _SHORT = 400, 60
_ALIKE, _OWN = 1.2, 1.9
_CLOCK = 0.2
_BURST = 0.35
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing about the traffic: its topic, and a sentence with the log's own numbers."""

    topic: str
    text: str


@dataclass(frozen=True, slots=True)
class Looks:
    """What the traffic reads like, in yes and no.

    Attributes:
        templated: most requests stand in a recurring frame.
        talks: some requests go on with a conversation.
        job: templated without conversations: a program that sends items.
        alike: several accounts that cannot be told apart by what they ask about.
        exercise: several accounts send the same items.
        pooled: conversations move between accounts.
        application: most requests carry one system prompt, and people fill in the rest.
        labelling: a job with short answers.
        harvest: a job that asks for reasoning or grading, gets long answers and hardly repeats
            itself: what collecting training data looks like from outside.
        restless: as busy at night as by day.
        burst: much of it on one day.
    """

    templated: bool
    talks: bool
    job: bool
    alike: bool
    exercise: bool
    pooled: bool
    application: bool
    labelling: bool
    harvest: bool
    restless: bool
    burst: bool

    @classmethod
    def of(cls, t: Traits) -> Looks:
        """Judge coarsely."""
        templated = t.framed >= _MOST
        # a later turn that stands in the frame is the next item
        job = templated and t.conversing < _SOME
        several = t.accounts > 1
        exercise = several and t.sharing >= _SOME
        answers = t.answer_tokens
        asks = max(t.elicitation, t.grading) >= _MOST
        return cls(
            templated=templated,
            talks=t.conversing >= _HARDLY,
            job=job,
            alike=several and t.told_apart is not None and t.told_apart < _ALIKE and not exercise,
            exercise=exercise,
            pooled=several and t.migrated > 0,
            application=not job and t.one_system >= _MOST,
            labelling=job and answers is not None and answers < _SHORT,
            harvest=job
            and asks
            and t.novelty >= _ALL_NEW
            and (answers is None or answers >= _LONG),
            restless=t.night >= _CLOCK and t.days > 1,
            burst=t.busiest_day >= _BURST and t.days > 2,
        )


def reading(t: Traits, looks: Looks) -> Statement:
    """What the traffic as a whole reads like to somebody who sees only the log."""
    name = _kind(t, looks)
    return Statement(name, _KINDS[name].format(accounts=plural(t.accounts, "account")))


_KINDS = {
    "too little to tell": "The log holds too few requests to say what they look like.",
    "one queue over several accounts": "One program works through one pile of items over "
    "{accounts}. Which account sent an item says nothing about the item.",
    "benchmark": "Several accounts, {accounts} in all, send the same items through fixed "
    "templates, as laboratories do that run a public benchmark.",
    "batch job": "A program sends items through fixed templates, from {accounts}. Nobody talks "
    "with the model.",
    "pooled access": "Different people speak through {accounts}, and their conversations move "
    "from one account to another, as behind a relay.",
    "shared exercise": "People on {accounts} send some of the same items, as a class does with "
    "one assignment. Beyond that they ask in their own words.",
    "platform": "A product's own users speak through {accounts}: requests name more end users "
    "than there are accounts.",
    "application": "People use one application, with one system prompt, from {accounts}. What they "
    "ask is their own.",
    "mixed": "Part of it is a program that sends items through templates, part is people; "
    "{accounts}.",
    "people": "People ask for themselves, in their own words, from {accounts}.",
}


def _kind(t: Traits, looks: Looks) -> str:
    """The first of these that holds."""
    kinds = (
        (t.requests < FEWEST, "too little to tell"),
        (looks.job and looks.exercise, "benchmark"),
        (looks.job and looks.alike, "one queue over several accounts"),
        (looks.job, "batch job"),
        (looks.pooled, "pooled access"),
        (looks.exercise, "shared exercise"),
        (t.end_users > t.accounts, "platform"),
        (looks.application, "application"),
        (t.framed >= _MOST / 2, "mixed"),
        (True, "people"),
    )
    return next(name for applies, name in kinds if applies)


def statements(t: Traits, looks: Looks) -> tuple[Statement, ...]:
    """One sentence or two a topic, in a fixed order."""
    return tuple(Statement(topic, " ".join(says)) for topic, says in _topics(t, looks))


def _topics(t: Traits, looks: Looks) -> Iterator[tuple[str, list[str]]]:
    yield "volume", _volume(t)
    if t.requests < FEWEST:
        return
    if t.accounts > 1:
        yield "accounts", _accounts(t, looks)
    yield "templates", _templates(t, looks)
    yield (
        "repetition",
        [f"{percent(1 - t.novelty)} of the requests repeat an earlier one word by word."],
    )
    yield "coverage", _coverage(t)
    yield "reasoning and grading", _elicitation(t)
    yield "conversation", _conversation(t, looks)
    yield "hours", _hours(t, looks)
    if t.limited:
        yield "limits", [f"{percent(t.limited)} of the requests were turned away for their rate."]


def _volume(t: Traits) -> list[str]:
    when = span(t.first_seen.isoformat(), t.last_seen.isoformat())
    who = [plural(t.accounts, "account")]
    if t.end_users:
        who.append(plural(t.end_users, "end user"))
    if t.networks:
        who.append(plural(t.networks, "network"))
    says = [f"{plural(t.requests, 'request')} ({when}), from {', '.join(who)}."]
    shown = [f"{name} {percent(share)}" for name, share in list(t.models.items())[:_SHOWN]]
    says.append(f"Models: {', '.join(shown)}.")
    if t.answer_tokens is not None:
        says.append(f"An answer has {about(t.answer_tokens)} tokens on average.")
    return says


def _accounts(t: Traits, looks: Looks) -> list[str]:
    says = [f"The busiest account sends {percent(t.busiest_account)} of the requests."]
    if looks.alike:
        says.append("What an account asks does not tell it from the others: all ask alike.")
    elif t.told_apart is not None:
        own = "has subjects of its own" if t.told_apart >= _OWN else "works on common subjects"
        says.append(f"Each account {own}.")
    if t.sharing >= 0.005:
        says.append(f"{percent(t.sharing)} of an account's items are also sent by another account.")
    if looks.pooled:
        says.append(f"{percent(t.migrated)} of the conversations move between accounts.")
    return says


def _templates(t: Traits, looks: Looks) -> list[str]:
    says = [f"{percent(t.framed)} of the requests stand in words that recur around them."]
    if t.one_system >= _SOME:
        says.append(f"{percent(t.one_system)} carry the same system prompt.")
    if looks.templated:
        says.append("This is the mark of a program that fills in a template.")
    return says


def _coverage(t: Traits) -> list[str]:
    kinds = [f"{name} {percent(share)}" for name, share in list(t.capabilities.items())[:_SHOWN]]
    return [
        f"By what is asked for: {', '.join(kinds)}.",
        _BREADTH[bisect(_SUBJECTS, t.subjects)],
    ]


_SUBJECTS = (0.15, 0.3)
_BREADTH = (
    "It is about very many subjects.",
    "It is about many subjects that have something in common.",
    "It is about one field.",
)


def _elicitation(t: Traits) -> list[str]:
    return [
        f"{percent(t.elicitation)} of the requests ask for step-by-step reasoning, the system "
        f"prompt included; {percent(t.grading)} ask for scores or preferences."
    ]


def _conversation(t: Traits, looks: Looks) -> list[str]:
    says = [f"{percent(t.conversing)} of the requests go on with a conversation."]
    if t.turns - t.conversing >= _SOME:
        says.append("Other requests have earlier turns too, but are made from a template.")
    if not looks.talks:
        says.append("Hardly anybody reads an answer and asks on.")
    return says


def _hours(t: Traits, looks: Looks) -> list[str]:
    quiet = f"The quietest six hours of the day hold {percent(t.night)} of the requests"
    says = [quiet + (": there is hardly a night." if looks.restless else ".")]
    if looks.burst:
        says.append(f"{percent(t.busiest_day)} came on one of {count(t.days)} days.")
    return says
