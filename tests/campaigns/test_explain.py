"""What is said of a verdict follows from what it was judged by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.candidates import Candidate, Family
from stillwatch.campaigns.concealment import Concealment
from stillwatch.campaigns.elsewhere import Apart
from stillwatch.campaigns.explain import PIECES, explanations, facts, would_change
from stillwatch.campaigns.habits import measure
from stillwatch.campaigns.individuals import Floors, PeopleTest
from stillwatch.campaigns.judge import Judged, decided
from stillwatch.campaigns.sampling import Mined
from stillwatch.campaigns.without import (
    CERTAINTY,
    CONCEALMENT,
    ELSEWHERE,
    HABITS,
    HARVEST,
    IN_COMMON,
    strongest,
    verdict_without,
)
from stillwatch.schema import Verdict
from stillwatch.signals.families import KINDS

from .streams import make_stream

LEVEL = 0.01
FLOORS = Floors(0.7, 1.0, 0.05)
HIDDEN = Concealment((), ("hidden",), judged=True)
NOBODY = Concealment((), (), judged=True)
OPEN = Concealment(("one domain",), (), judged=True)
STREAM = make_stream(np.repeat(np.arange(6), 5))
PEOPLE = PeopleTest(content=1e-9, rhythm=1e-8, volume=0.9, conversation=0.9, sharing=1e-30)
TOLD = Apart(ratio=1.02, typical=6.5, p=1e-12)


def judged(
    kind: str = "head8_key",
    *,
    people: PeopleTest = PEOPLE,
    independence: float = 1e-20,
    elsewhere: Apart | None = None,
    extraction_p: float | None = 0.02,
    concealment: Concealment = HIDDEN,
) -> Judged:
    accounts = np.arange(6)
    family = Family(KINDS.index(kind), 1, accounts, 30, 30)
    mined = Mined(Candidate(accounts, (family,)), STREAM, np.full((6, 2), 2), "words")
    draft = Judged(
        mined=mined,
        habits=measure(STREAM, mined.counts[:, 1]),
        people=people,
        independence=independence,
        elsewhere=elsewhere,
        outsiders=3,
        harvest=np.array([0.1, 0.9, 0.5, 0.8, 6.0]),
        extraction_p=extraction_p,
        concealment=concealment,
        coordinated=False,
        verdict=Verdict.CLEAR,
    )
    return decided(draft, accepted=draft.e * LEVEL >= 1)


chances = st.sampled_from([0.0, 1e-30, 1e-12, 1e-7, 1e-4, 0.003, 0.03, 0.08, 0.2, 1.0])
groups = st.builds(
    judged,
    st.sampled_from(["head8_key", "framed", "asked"]),
    people=st.builds(PeopleTest, chances, chances, chances, chances, chances),
    independence=chances,
    extraction_p=st.none() | chances,
    concealment=st.sampled_from([HIDDEN, NOBODY, OPEN]),
)
wordless = st.builds(
    lambda group, p: judged(
        "asked",
        people=group.people,
        independence=group.independence,
        elsewhere=replace(TOLD, p=p),
        extraction_p=group.extraction_p,
        concealment=group.concealment,
    ),
    groups,
    chances,
)


@given(groups | wordless, st.sampled_from(list(PIECES)))
def test_less_evidence_never_says_more(group: Judged, piece: str) -> None:
    less = verdict_without(group, piece, LEVEL)
    assert CERTAINTY.index(less) <= CERTAINTY.index(group.verdict)


@given(groups | wordless)
def test_nobody_is_accused_without_content_harvest_or_concealment(group: Judged) -> None:
    related = IN_COMMON if group.elsewhere is None else ELSEWHERE
    for piece in ("content_individuality", HARVEST, CONCEALMENT, related, "item_sharing"):
        assert verdict_without(group, piece, LEVEL) is not Verdict.DISTILLATION


@given(groups | wordless)
def test_what_a_group_was_not_judged_by_cannot_be_missed(group: Judged) -> None:
    other = ELSEWHERE if group.elsewhere is None else IN_COMMON
    assert verdict_without(group, other, LEVEL) is group.verdict
    for piece, habit in HABITS.items():
        weaker = replace(group.people, **{habit: 1.0})
        if weaker.p == group.people.p:
            assert verdict_without(group, piece, LEVEL) is group.verdict


def test_a_verdict_says_what_each_piece_carries() -> None:
    group = judged()
    assert group.verdict is Verdict.DISTILLATION
    assert {piece: str(verdict_without(group, piece, LEVEL)) for piece in PIECES} == {
        "content_individuality": "clear",
        "rhythm_individuality": "clear",
        "volume_spread": "distillation",
        "conversation": "distillation",
        "item_sharing": "clear",
        IN_COMMON: "clear",
        ELSEWHERE: "distillation",
        HARVEST: "pooled",
        CONCEALMENT: "inconclusive",
    }
    assert would_change(group, LEVEL).endswith(
        "Without the content, the hours, what is known of shared items or what they have in common "
        "it would be clear; without the concealment inconclusive; without the harvest pooled. The "
        "loss of another single piece would not change it."
    )


def test_without_words_in_common_what_is_asked_elsewhere_is_a_fact_of_its_own() -> None:
    group = judged("asked", elsewhere=TOLD, extraction_p=0.2)
    assert group.verdict is Verdict.DISTILLATION
    said = {fact.signal: fact for fact in facts(group, FLOORS)}
    assert (said[ELSEWHERE].value, said[ELSEWHERE].expected, said[ELSEWHERE].p) == (
        1.02,
        6.5,
        1e-12,
    )
    assert said[IN_COMMON].p is None
    assert "share no words" in said[IN_COMMON].text
    assert strongest(group) == ELSEWHERE == facts(group, FLOORS)[0].signal
    chance = next(one for one in explanations(group, LEVEL) if one.name == "chance")
    assert chance.p == TOLD.p
    assert verdict_without(group, ELSEWHERE, LEVEL) is Verdict.INCONCLUSIVE
    assert "what they ask about elsewhere" in would_change(group, LEVEL)


@pytest.mark.parametrize("extraction_p", [0.05, 0.2])
@pytest.mark.parametrize("concealment", [HIDDEN, NOBODY])
def test_without_what_is_asked_elsewhere_nobody_without_words_is_accused(
    extraction_p: float, concealment: Concealment
) -> None:
    group = judged("asked", elsewhere=TOLD, extraction_p=extraction_p, concealment=concealment)
    assert verdict_without(group, ELSEWHERE, LEVEL) is Verdict.INCONCLUSIVE
    usual = replace(group, independence=0.5)
    assert verdict_without(usual, ELSEWHERE, LEVEL) is Verdict.CLEAR


@pytest.mark.parametrize("kind", ["head8_key", "framed"])
def test_what_they_have_in_common_has_its_p_value_where_it_is_tested(kind: str) -> None:
    said = {fact.signal: fact for fact in facts(judged(kind), FLOORS)}
    assert said[IN_COMMON].p == 1e-20
    assert ELSEWHERE not in said


@given(groups | wordless)
def test_the_first_fact_is_the_strongest_piece(group: Judged) -> None:
    """Whose loss `without_strongest` is about, if it speaks at all."""
    shown = facts(group, FLOORS)
    p = {fact.signal: fact.p for fact in shown}
    best = strongest(group)
    if best in p:
        assert p[shown[0].signal] == p[best]
        assert shown[0].signal not in {IN_COMMON, "item_sharing", HARVEST}
