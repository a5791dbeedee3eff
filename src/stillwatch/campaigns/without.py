"""What would the verdict on a group be without one piece of its evidence?

A piece that is missing speaks against nobody: its p-value is 1. Whoever reads a verdict sees how
much of it hangs on one thing, and checks that first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stillwatch.campaigns.evalues import e_value
from stillwatch.campaigns.judge import EXTRACTION_LEVEL, decide
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from stillwatch.campaigns.judge import Judged

HABITS = {
    "content_individuality": "content",
    "rhythm_individuality": "rhythm",
    "volume_spread": "volume",
    "conversation": "conversation",
    "item_sharing": "sharing",
}
"""Facts that speak against people, and the p-value of `individuals.PeopleTest` behind each."""

IN_COMMON, ELSEWHERE = "in_common", "asked_elsewhere"
HARVEST, CONCEALMENT = "harvest", "concealment"

CERTAINTY = (Verdict.CLEAR, Verdict.INCONCLUSIVE, Verdict.POOLED, Verdict.DISTILLATION)
"""Verdicts, the least first."""


def verdict_without(judged: Judged, piece: str, level: float) -> Verdict:
    """The verdict if one piece of evidence could not be judged; never more than the verdict is.

    Args:
        judged: the group.
        piece: a fact's signal, or `CONCEALMENT`.
        level: of the scan.
    """
    if piece == (ELSEWHERE if judged.elsewhere is None else IN_COMMON):
        return judged.verdict  # the other of the two stands against "unrelated"
    people, unrelated, concealment = judged.people, judged.unrelated, judged.concealment
    harvesting = judged.harvesting
    if piece in HABITS:
        people = replace(people, **{HABITS[piece]: 1.0})
    elif piece == IN_COMMON:
        unrelated = 1.0
    elif piece == ELSEWHERE:
        unrelated, harvesting = judged.independence, judged.passes(EXTRACTION_LEVEL)
    elif piece == HARVEST:
        harvesting = False
    elif piece == CONCEALMENT:
        concealment = replace(concealment, evidence=())
    p = max(people.p, unrelated)
    still = p <= judged.coordination_p or float(e_value(p)) * level >= 1
    found = decide(
        still and judged.coordinated, harvesting, concealment, p, wordless=judged.mined.wordless
    )
    if piece == ELSEWHERE and found is Verdict.DISTILLATION:
        # of a group without words in common no account is accused where that cannot be told
        found = Verdict.INCONCLUSIVE
    return min(found, judged.verdict, key=CERTAINTY.index)


def strongest(judged: Judged) -> str:
    """The piece whose loss speaks most.

    What the accounts have in common is none of them: every popular application has that. Where no
    words are shared, what they ask about elsewhere stands in its place, and is.
    """
    p = {
        name: getattr(judged.people, habit) for name, habit in HABITS.items() if habit != "sharing"
    }
    if judged.elsewhere is not None:
        p[ELSEWHERE] = judged.elsewhere.p
    return min(p, key=lambda name: p[name])
