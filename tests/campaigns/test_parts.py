from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.campaigns.streams import (
    FLOORS,
    NOBODY,
    make_stream,
    people,
    queue_among_people,
    volumes,
    words_about,
)
from tests.campaigns.test_customers import COMPANY, GROUP, companies, floors, traits

from stillwatch.campaigns import parts
from stillwatch.campaigns.candidates import Candidate, Family
from stillwatch.campaigns.parts import first_look, mixed, queues_among
from stillwatch.campaigns.sampling import Mined

if TYPE_CHECKING:
    from collections.abc import Iterator

Ints = NDArray[np.int64]

WORKERS, PERSONS = 30, 15
"""Accounts 0 to 29 drain a queue, accounts 100 to 114 are people."""


def test_a_pool_of_companies_is_taken_apart_before_it_is_tested() -> None:
    rng = np.random.default_rng(0)
    size = volumes(rng, GROUP, 30, 0.1)
    owner, topic = people(rng, np.bincount(COMPANY, size).astype(np.int64), 8.0)
    account = np.sort([rng.choice(np.flatnonzero(one == COMPANY)) for one in owner])
    stream = make_stream(
        account, tokens=words_about(rng, topic), mining=np.ones(len(topic), dtype=bool)
    )
    counts = np.bincount(account, minlength=GROUP)
    family = Family(2, 7, np.arange(GROUP), len(topic), len(topic))
    mined = Mined(
        Candidate(np.arange(GROUP), (family,)), stream, np.stack([counts, counts], axis=1), ""
    )
    known = floors(rng)
    assert queues_among(mined, traits(), known) == [mined]
    found = queues_among(mined, companies(COMPANY), known)
    assert found
    for part in found:
        assert len(np.unique(COMPANY[part.candidate.accounts])) == 1


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Candidate:
    """A family of a queue and some people, who make it look like people."""
    stream = queue_among_people(np.random.default_rng(2), WORKERS, PERSONS)
    stream = replace(stream, mining=np.ones(len(stream), dtype=bool))
    accounts, sizes = np.unique(stream.account, return_counts=True)
    one = Candidate(accounts, (Family(3, 7, accounts, len(stream), len(stream)),))
    whole = Mined(one, stream, np.stack([sizes, sizes], axis=1), "prompt family")
    assert first_look(whole, FLOORS) > parts.SCREEN

    def look(_: Any, candidates: list[Candidate], *__: Any) -> Iterator[Mined]:
        return iter([whole] if candidates == [one] else [])

    monkeypatch.setattr(parts, "look", look)
    return one


def parts_of(family: Candidate, known: list[int]) -> list[Mined]:
    nothing: Any = None
    return mixed(nothing, [family], np.array(known, dtype=np.int64), NOBODY, FLOORS)


def test_what_queues_share_with_people_shows_who_else_is_in_them(family: Candidate) -> None:
    """Of a queue most accounts are known by other families, and five are not."""
    (part,) = parts_of(family, list(range(25)))
    found = part.candidate.accounts
    assert part.candidate.families == family.families
    assert (found < 100).sum() >= 27
    assert np.isin(range(25, 30), found).sum() >= 4
    assert (found >= 100).sum() <= 2


def test_a_family_that_queues_have_less_than_half_of_is_left_alone(family: Candidate) -> None:
    assert parts_of(family, list(range(22))) == []
    assert parts_of(family, []) == []


def test_who_is_known_is_not_looked_for_again(family: Candidate) -> None:
    assert parts_of(family, family.accounts.tolist()) == []
    assert parts_of(family, list(range(30))) == []
