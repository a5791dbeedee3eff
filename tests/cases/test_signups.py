"""Sign-up risk: what asks for more, and the crowds that must not be bothered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import invented_scan

from stillwatch.cases.actors import CUSTOMER, system
from stillwatch.cases.errors import ForbiddenError, RefusedError
from stillwatch.cases.importing import import_scan
from stillwatch.cases.registration import Registration
from stillwatch.cases.signup_tokens import Tokeniser, mail_parts
from stillwatch.cases.signups import Answer, score, score_together
from stillwatch.sketch import Sketcher

from .conftest import MEMBERS, START, Clock

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.cases import Storage

TOKENISER = Tokeniser(invented_scan.KEY)


def register(storage: Storage, reference: str, **fields: object) -> Answer:
    registration = Registration(reference=reference, **fields)  # type: ignore[arg-type]
    with storage.write(system("test")) as unit:
        return score(unit, registration, TOKENISER.tokens(registration))


def crowd(storage: Storage, number: int, **fields: object) -> list[str]:
    """Levels asked of a crowd; a callable field is called with the number of the person."""
    return [
        register(
            storage,
            f"p{n}",
            **{name: value(n) if callable(value) else value for name, value in fields.items()},
        ).level
        for n in range(number)
    ]


def test_a_stranger_is_asked_for_an_address_only(storage: Storage) -> None:
    answer = register(storage, "r", email="jo@small.example", address="192.0.2.7")
    assert (answer.level, answer.findings) == ("email", ())


def test_one_card_over_many_accounts_asks_for_more_and_more(storage: Storage) -> None:
    levels = crowd(storage, 6, payment_fingerprint="pm", email=lambda n: f"p{n}@gmail.com")
    assert levels == ["email", "email", "phone", "phone", "payment", "payment"]


def test_a_declared_organisation_may_share_its_card(storage: Storage) -> None:
    levels = crowd(storage, 8, payment_fingerprint="pm", organization_id="org", email="o.example")
    assert set(levels) == {"email"}
    other = register(storage, "x", payment_fingerprint="pm", organization_id="another")
    assert other.level == "payment"


@pytest.mark.parametrize(
    ("kind", "number"), [("mobile", 50), ("campus", 50), ("office", 15), ("unknown", 7)]
)
def test_a_crowd_behind_one_address_is_left_alone(storage: Storage, kind: str, number: int) -> None:
    levels = crowd(
        storage,
        number,
        address="198.51.100.9",
        address_kind=kind,
        email=lambda n: f"p{n}@{'school.example' if kind == 'campus' else 'gmail.com'}",
    )
    assert set(levels) == {"email"}


def test_a_burst_from_rented_machines_is_stepped_up(storage: Storage) -> None:
    levels = crowd(
        storage,
        12,
        address="198.51.100.9",
        address_kind="hosting",
        email=lambda n: f"p{n}@fresh.example",
    )
    assert levels[:3] == ["email"] * 3
    assert set(levels[7:]) <= {"phone", "payment"}


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"email": "jo@mailinator.com"}, "phone"),
        ({"email": "j.o+2@gmail.com"}, "phone"),
        ({"email": "jo@gmail.com"}, "phone"),
        ({"email": "joe@gmail.com"}, "email"),
    ],
)
def test_throwaway_and_respelled_addresses(
    storage: Storage, fields: dict[str, str], level: str
) -> None:
    register(storage, "first", email="jo@gmail.com")
    assert register(storage, "second", **fields).level == level


def test_a_card_of_an_accused_campaign_asks_for_everything(
    storage: Storage, tmp_path: Path
) -> None:
    folder, accounts = invented_scan.write(
        tmp_path / "scan",
        invented_scan.campaign("c-1", MEMBERS),
        declared={account: {"payment_fingerprint": "pm_bad"} for account in MEMBERS},
    )
    (number,) = import_scan(storage, folder, actor=system("import"), accounts=accounts).opened
    answer = register(storage, "r", payment_fingerprint="pm_bad")
    assert (answer.level, answer.case_id) == ("organisation", number)


@pytest.mark.parametrize(
    ("domain", "level"), [("operator.example", "phone"), ("gmail.com", "email")]
)
def test_the_mail_domain_of_an_accused_campaign_asks_for_more(
    storage: Storage, tmp_path: Path, domain: str, level: str
) -> None:
    folder, accounts = invented_scan.write(
        tmp_path / "scan",
        invented_scan.campaign("c-1", MEMBERS),
        declared={account: {"email_domain": domain} for account in MEMBERS},
    )
    import_scan(storage, folder, actor=system("import"), accounts=accounts)
    assert register(storage, "r", email=f"jo@{domain}").level == level
    assert register(storage, "s", email="jo@other.example").level == "email"


def test_the_same_registration_again_gets_the_same_answer_and_counts_once(
    storage: Storage,
) -> None:
    crowd(storage, 3, payment_fingerprint="pm")
    first = register(storage, "again", payment_fingerprint="pm")
    second = register(storage, "again", payment_fingerprint="pm")
    assert (first.level, first.score) == (second.level, second.score)
    assert register(storage, "next", payment_fingerprint="pm").findings[0].text.endswith("4 others")


def test_what_is_old_is_forgotten(storage: Storage, clock: Clock) -> None:
    crowd(storage, 5, device="d")
    clock.forward(days=31)
    assert register(storage, "late", device="d").level == "email"
    assert clock.now > START


def test_only_who_may_and_only_with_a_reference(storage: Storage) -> None:
    registration = Registration(reference="r")
    with pytest.raises(ForbiddenError), storage.write(CUSTOMER) as unit:
        score(unit, registration, TOKENISER.tokens(registration))
    for reference in ("", "x" * 201):
        with pytest.raises(RefusedError, match="reference"):
            register(storage, reference)


@given(value=st.text(min_size=1, max_size=40), address=st.ip_addresses())
def test_tokens_are_those_that_whole_columns_get(value: str, address: object) -> None:
    sketcher = Sketcher(invented_scan.KEY)
    tokens = TOKENISER.tokens(
        Registration(reference="r", payment_fingerprint=value, address=str(address))
    )
    column = pa.array([value], pa.string())
    assert tokens.payment == sketcher.trait_keys(column, "payment")[0].as_py()
    places = sketcher.network_keys(pa.array([str(address)], pa.string()))
    assert tokens.network == places[0].as_py()


@given(st.text(max_size=60))
def test_any_text_may_stand_for_an_address(text: str) -> None:
    domain, mailbox = mail_parts(text)
    assert mailbox is None or domain is not None


def test_who_comes_together_is_scored_as_one_after_the_other(storage: Storage) -> None:
    people = [Registration(reference=f"p{n}", payment_fingerprint="pm") for n in range(6)]
    actors = [system("a"), system("a"), system("b"), system("b"), system("b"), system("a")]
    items = [(actor, one, TOKENISER.tokens(one)) for actor, one in zip(actors, people, strict=True)]
    levels = [one.level for one in score_together(storage, items) if isinstance(one, Answer)]
    assert levels == ["email", "email", "phone", "phone", "payment", "payment"]
    assert [
        one.level for one in score_together(storage, items) if isinstance(one, Answer)
    ] == levels


def test_one_that_cannot_be_scored_fails_alone(storage: Storage) -> None:
    people = [
        Registration(reference=name, payment_fingerprint="pm")
        for name in ("one", "", "large", "two", "three")
    ]
    items = [(system("a"), one, TOKENISER.tokens(one)) for one in people]
    actor, person, tokens = items[2]
    items[2] = (actor, person, replace(tokens, mailbox=2**70))  # no column takes this
    one, empty, large, two, three = score_together(storage, items)
    assert isinstance(empty, RefusedError)
    assert isinstance(large, Exception)
    levels = [found.level for found in (one, two, three) if isinstance(found, Answer)]
    assert levels == ["email", "email", "phone"]
    assert register(storage, "four", payment_fingerprint="pm").level == "phone"
