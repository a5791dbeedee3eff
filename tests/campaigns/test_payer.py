"""Accounts of one payer in one place."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.campaigns.concealment import Traits
from stillwatch.campaigns.payer import OnePayer, one_payers

OFFICE, NOBODY = 7, np.zeros(0, dtype=np.int64)
OTHERS = 100
"""Accounts 10 to 109 pay for themselves, in the same office."""


def traits(size: int = 10, payment: Any = 5, organization: Any = -1) -> Traits:
    """Accounts 0.. of which something is known, and others."""
    own = np.arange(OTHERS) + 1000

    def codes(known: Any) -> Any:
        return np.append(np.broadcast_to(np.asarray(known, dtype=np.int64), size), own)

    accounts = np.append(np.arange(size), np.arange(OTHERS) + 10)
    unknown = np.full(len(accounts), -1)
    return Traits(
        account=accounts,
        organization=np.append(np.broadcast_to(organization, size), np.full(OTHERS, -1)),
        domain=unknown,
        payment=codes(payment),
        signup_network=unknown,
        created=np.zeros(len(accounts)),
        available=frozenset({"payment_fingerprint"}),
    )


def found(known: Traits, places: list[tuple[int, int, int]], explained: Any = NOBODY) -> list[Any]:
    """Groups, where accounts come from `places`: account, network, requests."""

    def networks(accounts: Any) -> pa.Table:
        rows = [row for row in places if row[0] in set(accounts.tolist())]
        columns = zip(*rows, strict=True) if rows else ([], [], [])
        names = ("account", "network_key", "requests")
        return pa.table(
            {name: pa.array(list(c), pa.int64()) for name, c in zip(names, columns, strict=True)}
        )

    evidence: Any = SimpleNamespace(networks=networks)
    return [group.accounts.tolist() for group in one_payers(evidence, known, explained)]


def office(accounts: int = 10, away: int = 30) -> list[tuple[int, int, int]]:
    """Everybody in the office, for all but some of a hundred requests."""
    own = [(n, 50 + n, away) for n in range(accounts) if away]
    return [(n, OFFICE, 100 - away) for n in range(accounts + OTHERS)] + own


def test_an_agency_in_its_office_belongs_together() -> None:
    assert found(traits(), office()) == [list(range(10))]


@pytest.mark.parametrize(
    ("known", "places"),
    [
        (traits(payment=np.arange(10)), office()),
        (traits(payment=-1), office()),
        (traits(organization=3), office()),
        (traits(3), office(3)),
        (traits(), office(away=60)),
        (traits(), [(n, n, 100) for n in range(10)]),
        (traits(), []),
    ],
    ids=["own payers", "unknown payers", "declared", "too few", "mostly away", "spread", "unknown"],
)
def test_others_do_not(known: Traits, places: list[tuple[int, int, int]]) -> None:
    assert found(known, places) == []


def test_a_payer_for_strangers_has_no_place() -> None:
    """Of ten accounts that a marketplace pays for, seven are customers of one carrier."""
    places = [(n, OFFICE if n < 7 else 100 + n, 100) for n in range(10)]
    assert found(traits(), places) == []
    assert found(traits(), [(n, OFFICE if n < 8 else 100 + n, 100) for n in range(10)]) == [
        list(range(8))
    ]


def test_who_has_a_verdict_keeps_it() -> None:
    assert found(traits(), office(), np.arange(4)) == [list(range(4, 10))]
    assert found(traits(), office(), np.arange(7)) == []


def test_what_is_stated_is_checked_again() -> None:
    ten = np.arange(10)
    group = OnePayer(ten, np.full(10, OFFICE), np.full(10, 70), np.full(10, 100))
    assert group.holds(traits())
    assert not group.holds(traits(payment=ten))
    assert not group.holds(traits(organization=np.where(ten, -1, 3)))
    assert not replace(group, network=np.where(ten, OFFICE, 8)).holds(traits())
    assert not replace(group, there=np.where(ten, 70, 40)).holds(traits())
    assert not group.of(ten[:3]).holds(traits())
