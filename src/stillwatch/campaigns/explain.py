"""A verdict in words: facts with their numbers, innocent explanations, what would change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.exercise import COPIED
from stillwatch.campaigns.habits import KEPT
from stillwatch.campaigns.individuals import SHARED_ITEMS, Floors
from stillwatch.campaigns.lone import MIN_ITEMS, SHARED, Lone
from stillwatch.campaigns.without import (
    CERTAINTY,
    CONCEALMENT,
    ELSEWHERE,
    HARVEST,
    IN_COMMON,
    verdict_without,
)
from stillwatch.schema import Explanation, Fact, Verdict
from stillwatch.signals.families import KINDS

if TYPE_CHECKING:
    from stillwatch.campaigns.elsewhere import Apart
    from stillwatch.campaigns.individuals import PeopleTest
    from stillwatch.campaigns.judge import Judged
    from stillwatch.campaigns.payer import OnePayer

Floats = NDArray[np.float64]


SPEAKS = 0.05
"""P-value up to which a habit is named as a fact: above it, it does not speak against anybody."""

SHARED_THINGS = {
    "system": "a system prompt",
    "head": "opening words",
    "tail": "closing words",
    "skeleton": "the structure of a prompt",
    "band": "nearly identical prompts",
    "framed": "questions in frames of their own",
    "asked": "requests for reasoning or grading",
}
"""What a family of each kind is, for people."""


NECESSARY = frozenset({"item_sharing"})
"""Facts without which nobody is accused, and which honest people show as well: never the first."""

PIECES = {
    "content_individuality": "the content",
    ELSEWHERE: "what they ask about elsewhere",
    "rhythm_individuality": "the hours",
    "volume_spread": "the volumes",
    "conversation": "the conversation",
    "item_sharing": "what is known of shared items",
    IN_COMMON: "what they have in common",
    HARVEST: "the harvest",
    CONCEALMENT: "the concealment",
}
"""The pieces of evidence, for people."""


def facts(judged: Judged, floors: Floors) -> tuple[Fact, ...]:
    """What speaks for common control and harvesting, the strongest first.

    First what honest people do not show; then what every popular application has, too.
    """
    habits, people, population = judged.habits, judged.people, _Population(floors)
    found = [
        Fact(
            signal="content_individuality",
            text=(
                "Two requests of one account are about the same thing "
                f"{_times(habits.content.ratio)} two requests of different accounts; for this "
                "provider's customers it is "
                f"{population.content:.2g} times. The accounts work through one pile."
            ),
            value=_round(habits.content.ratio),
            expected=_round(population.content),
            p=people.content,
        ),
        Fact(
            signal="item_sharing",
            text=(
                f"{habits.sharing.value:.0%} of an account's items are also sent by another "
                "account of the group: the pile is divided, not copied."
            ),
            value=_round(habits.sharing.value),
            expected=None,
            p=people.sharing,
        ),
    ]
    if floors.rhythm is not None and people.rhythm < 1:
        found.append(
            Fact(
                signal="rhythm_individuality",
                text=(
                    f"Two requests of one account fall into the same hour "
                    f"{_times(habits.rhythm.ratio)} two requests of different accounts; for "
                    f"customers it is {population.rhythm:.2g} times. Nobody here has hours of "
                    "their own."
                ),
                value=_round(habits.rhythm.ratio),
                expected=_round(population.rhythm),
                p=people.rhythm,
            )
        )
    if people.volume < 1:
        found.append(
            Fact(
                signal="volume_spread",
                text=(
                    f"The accounts use the stream almost equally (log-spread "
                    f"{habits.volume.log_sd:.2f}; the most even honest groups have "
                    f"{floors.volume:.2f})."
                ),
                value=_round(habits.volume.log_sd),
                expected=floors.volume,
                p=people.volume,
            )
        )
    if floors.conversation is not None and people.conversation < 1:
        found.append(
            Fact(
                signal="conversation",
                text=(
                    f"{habits.conversation.value:.1%} of the requests follow up on an answer or "
                    f"try again; of customers' openings {population.conversation:.0%} repeat one."
                ),
                value=_round(habits.conversation.value),
                expected=_round(population.conversation),
                p=people.conversation,
            )
        )
    if judged.elsewhere is not None:
        found.append(_asked_elsewhere(judged.elsewhere))
    shown = [fact for fact in found if fact.p is not None and fact.p <= SPEAKS]
    shown.sort(key=lambda fact: (fact.signal in NECESSARY, fact.p or 0.0))
    common = _in_common(judged)
    rest = harvest_facts(judged.harvest, judged.extraction_p)
    return (*shown, common, *rest) if common.p is None or common.p <= SPEAKS else (*shown, *rest)


def _in_common(judged: Judged) -> Fact:
    """What the accounts have in common, and how many others have it.

    Where no words are shared and what they ask about elsewhere is known, that stands in its place.
    """
    mined = judged.mined
    main = mined.candidate.main
    size, requests = len(mined.candidate.accounts), int(mined.counts.sum())
    others = f"{judged.outsiders:,} other accounts" if judged.outsiders else "no other account"
    verb = "do" if judged.outsiders else "does"
    if mined.wordless:
        text = (
            f"{size} accounts sent {SHARED_THINGS[_kind(main.kind)]} in {requests:,} requests and "
            f"share no words; {others} {verb} so too, so that alone says little."
        )
    else:
        text = (
            f"{size} accounts have {SHARED_THINGS[_kind(main.kind)]} in common, in {requests:,} "
            f"requests; {others} {'use' if judged.outsiders else 'uses'} it too."
        )
    told = judged.elsewhere is not None
    return Fact(
        signal=IN_COMMON,
        text=text,
        value=float(size),
        p=None if told else judged.independence,
    )


def _asked_elsewhere(apart: Apart) -> Fact:
    """That the stream has nothing to do with what its accounts ask about otherwise."""
    return Fact(
        signal=ELSEWHERE,
        text=(
            "A request of the stream and one that the same account sends outside of it are about "
            f"the same thing {_times(apart.ratio)} requests of two accounts; for this provider's "
            f"customers it is {apart.typical:.2g} times. What is asked here has little to do "
            "with what the accounts ask about elsewhere."
        ),
        value=_round(apart.ratio),
        expected=_round(apart.typical),
        p=apart.p,
    )


def _kind(code: int) -> str:
    return KINDS[code].rstrip("0123456789").removesuffix("_key").rstrip("0123456789")


def harvest_facts(row: Floats, p: float | None) -> tuple[Fact, ...]:
    """What speaks for harvesting: the features of the pooled stream."""
    if p is None:
        return ()
    breadth, novelty, frame, elicitation, output = row.tolist()
    text = (
        f"The stream looks like a harvest: {novelty:.0%} of its requests are asked once only, "
        f"{frame:.0%} come in the commonest frame, its questions ask for reasoning or grading "
        f"with a mean score of {elicitation:.2f}, and its breadth is {np.exp(breadth):.2f} of that "
        "of all customers together"
    )
    if np.isfinite(output):
        text += f"; an answer has {np.expm1(output):,.0f} tokens on average"
    return (
        Fact(signal=HARVEST, text=f"{text}.", value=_round(np.exp(breadth)), expected=None, p=p),
    )


_CHANCE = (
    "Unrelated accounts happen to use the same words: the rate at which everybody else uses them, "
    "times each account's activity, does not give so many."
)

_ELSEWHERE = (
    "Unrelated accounts each ask about matters of their own: then they would ask about the same "
    "matters in their other requests, and they do not."
)


def _customers(people: PeopleTest, level: float) -> list[Explanation]:
    if not people.customers:
        return []
    return [
        Explanation(
            name="several_companies",
            text="They are several companies, each with accounts of its own: then what accounts "
            "with one payer, organisation or mail domain ask about would be their company's.",
            rejected=people.customers <= level,
            p=people.customers,
        )
    ]


def explanations(judged: Judged, level: float) -> tuple[Explanation, ...]:
    """The innocent explanations considered, and what became of each."""
    people = judged.people
    found = [
        Explanation(
            name="chance",
            text=_CHANCE if judged.elsewhere is None else _ELSEWHERE,
            rejected=judged.unrelated <= level,
            p=judged.unrelated,
        ),
        Explanation(
            name="people_with_one_application",
            text="They are people with an application, a template or a glossary in common: people "
            "would each write about their own things.",
            rejected=people.content <= level,
            p=people.content,
        ),
        *_customers(people, level),
        Explanation(
            name="people_without_topics",
            text="They are people who happen to share topics: people would still have their own "
            "hours, amounts of use, or conversations.",
            rejected=people.others <= level,
            p=people.others,
        ),
        Explanation(
            name="one_exercise",
            text="They all do the same exercise, benchmark or viral prompt: then at least "
            f"{SHARED_ITEMS:.0%} of an account's items would be the same, or, in other words, "
            f"{COPIED:.0%} those of one other account.",
            rejected=people.sharing <= level,
            p=people.sharing,
        ),
        Explanation(
            name="ordinary_batch_work",
            text="It is batch work that does not harvest the model: compared with whole customers "
            "of this log, the stream is too broad, too varied and too demanding for that.",
            rejected=judged.harvesting,
            p=judged.extraction_p,
        ),
        Explanation(
            name="one_customer_in_the_open",
            text="; ".join(judged.concealment.open_structure)
            or "The accounts declare no organisation, domain or payer in common.",
            rejected=judged.concealment.concealed,
            p=None,
        ),
    ]
    return tuple(found)


def would_change(judged: Judged, level: float) -> str:
    """What evidence would change the verdict, and what it would be without each piece of it."""
    return f"{_more_evidence(judged)} {_less_evidence(judged, level)}"


def _less_evidence(judged: Judged, level: float) -> str:
    """The verdict without each piece, in one sentence."""
    lost: dict[Verdict, list[str]] = {}
    for piece, name in PIECES.items():
        if (found := verdict_without(judged, piece, level)) is not judged.verdict:
            lost.setdefault(found, []).append(name)
    if not lost:
        return "No single piece of the evidence decides it."
    parts = [
        f"without {_either(lost[found])} {'it would be ' if not i else ''}{found}"
        for i, found in enumerate(v for v in CERTAINTY if v in lost)
    ]
    said = "; ".join(parts)
    return f"{said[0].upper()}{said[1:]}. The loss of another single piece would not change it."


def _either(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def _more_evidence(judged: Judged) -> str:
    if judged.verdict is Verdict.DISTILLATION:
        return (
            "A declared organisation or an authorised reseller that covers these accounts would "
            "make it pooled; accounts that turn out to have topics and hours of their own would "
            "clear it."
        )
    if judged.verdict is Verdict.POOLED and judged.concealment.open_structure:
        return "Evidence that the common domain or payer is false would make it a campaign."
    if judged.verdict is Verdict.POOLED:
        return (
            f"A stream that passes the harvest test (p at most {judged.harvest_level}) would make "
            "it a campaign; a declared organisation would clear it."
        )
    return "More days of the log, or account and address data, would decide it either way."


LONE_WOULD_CHANGE = (
    "A declared evaluation or research programme would explain it. Without the harvest it would be "
    "clear."
)
"""What would change the verdict on a lone account."""

LONE_WITHOUT_STRONGEST = Verdict.CLEAR
"""The verdict on a lone account without the harvest: nothing else speaks against it."""


def lone_facts(lone: Lone) -> tuple[Fact, ...]:
    """What speaks against a lone account."""
    return (
        *harvest_facts(lone.harvest, lone.extraction_p),
        Fact(
            signal="items_in_one_frame",
            text=f"{lone.items:,} requests came in one frame; accounts are looked at from "
            f"{MIN_ITEMS:,} on.",
            value=float(lone.items),
        ),
        Fact(
            signal="items_others_send",
            text=f"{lone.shared:.0%} of its items are also sent by others; a public benchmark "
            f"would be over {SHARED:.0%}.",
            value=_round(lone.shared),
        ),
    )


def lone_explanations(lone: Lone) -> tuple[Explanation, ...]:
    """The innocent explanations of a lone account."""
    return (
        Explanation(
            name="ordinary_batch_work",
            text="It is one customer's batch job: compared with whole customers of this log, it is "
            "too broad, too varied and too demanding for that.",
            rejected=lone.verdict is Verdict.DISTILLATION,
            p=lone.extraction_p,
        ),
        Explanation(
            name="public_benchmark",
            text="It runs a public benchmark: then others would send many of its items.",
            rejected=lone.shared <= SHARED,
        ),
    )


def payer_facts(found: OnePayer) -> tuple[Fact, ...]:
    """What shows that accounts belong together."""
    accounts = len(found.accounts)
    share = float(found.there.sum() / found.located.sum())
    return (
        Fact(
            signal="one_payer",
            text=f"{accounts} accounts that declare no organisation pay by one means.",
            value=float(accounts),
        ),
        Fact(
            signal="one_network",
            text="Each of them works mostly from one and the same network: "
            f"{share:.0%} of their requests come from there.",
            value=_round(share),
        ),
    )


PAYER_EXPLANATIONS = (
    Explanation(
        name="open_structure",
        text="They are an agency's, a reseller's or a team's, which look just like this. What they "
        "send was not found to be one stream, and nothing is held against them.",
        rejected=False,
    ),
)
"""The innocent explanation of accounts that one payer pays for."""

PAYER_WOULD_CHANGE = (
    "A declared organisation would clear it. Evidence that the payers are different would, too."
)
"""What would change the verdict on them."""


class _Population:
    """What customers of this log show, to compare with: R of content and rhythm, and a share."""

    def __init__(self, floors: Floors) -> None:
        self.content = float(np.exp((floors.content or 0.0) / KEPT))
        self.rhythm = float(np.exp((floors.rhythm or 0.0) / KEPT))
        self.conversation = (floors.conversation or 0.0) / KEPT


def _times(ratio: float) -> str:
    return "as often as" if 0.95 < ratio < 1.05 else f"{ratio:.2g} times as often as"


def _round(value: float) -> float:
    return float(f"{value:.4g}") if np.isfinite(value) else 0.0
