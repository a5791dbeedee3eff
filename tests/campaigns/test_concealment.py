from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.campaigns.concealment import DAY, FRESH_DAYS, Concealment, Traits, judge_concealment
from stillwatch.campaigns.judge import decide
from stillwatch.schema import Verdict

SIZE, OTHERS = 10, 200
ALL = frozenset({"organization_id", "email_domain", "payment_fingerprint", "created_at"})
MANY = np.arange(100) % 30
ONE = np.zeros(100, dtype=np.int64)
OWN = range(1000, 1000 + SIZE)


def judged(
    *,
    organization: Any = -1,
    domain: Any = OWN,
    payment: Any = OWN,
    age: Any = 400.0,
    networks: Any = MANY,
    clients: Any = None,
    available: frozenset[str] = ALL,
    public: tuple[int, ...] = (),
) -> Concealment:
    """Judge accounts 0 to 9 among 200 others, each with traits of its own."""
    others = np.arange(OTHERS) + 5000

    def codes(group: Any) -> Any:
        return np.append(np.broadcast_to(np.asarray(group, dtype=np.int64), SIZE), others)

    domains = codes(domain)
    domains[SIZE : SIZE + 20 * len(public)] = np.repeat(public, 20)
    population = Traits(
        account=np.arange(SIZE + OTHERS),
        organization=np.append(codes(organization)[:SIZE], np.full(OTHERS, -1)),
        domain=domains,
        payment=codes(payment),
        signup_network=np.full(SIZE + OTHERS, -1),
        created=np.zeros(SIZE + OTHERS),
        available=available,
        age=np.append(np.broadcast_to(age, SIZE), np.full(OTHERS, 300.0)),
    )
    return judge_concealment(np.arange(SIZE), population, networks, clients)


def test_unrelated_registrations_of_one_queue_are_hidden_control() -> None:
    found = judged()
    assert found.concealed
    assert "10 e-mail domains" in found.evidence[0]
    assert "10 different means" in found.evidence[1]
    assert "30 networks" in found.evidence[2]


def test_a_declared_organisation_is_in_the_open() -> None:
    found = judged(organization=3)
    assert not found.concealed
    assert "one organisation" in found.open_structure[0]


def test_accounts_of_several_organisations_are_not() -> None:
    found = judged(organization=[1] * 5 + [2] * 5)
    assert found.concealed
    assert any("2 different organisations" in text for text in found.evidence)


def test_a_company_with_its_own_domain_and_payer_is_in_the_open() -> None:
    found = judged(domain=7, payment=7)
    assert not found.concealed
    assert "one e-mail domain that nobody else uses" in found.open_structure[0]


def test_a_public_domain_belongs_to_no_company() -> None:
    assert judged(domain=7, payment=7, public=(7,)).open_structure == ()


def test_one_domain_with_many_payers_is_not_open_enough() -> None:
    assert judged(domain=7).concealed


def test_a_fresh_fleet_is_no_company_although_it_has_one_domain() -> None:
    found = judged(domain=7, payment=7, age=3.0)
    assert found.concealed
    assert f"made less than {FRESH_DAYS} days before" in found.evidence[0]


def test_a_fresh_company_that_works_from_one_place_is_open() -> None:
    assert not judged(domain=7, payment=7, age=3.0, networks=ONE).concealed


def test_ages_that_are_not_known_make_nobody_fresh() -> None:
    assert not judged(domain=7, payment=7, age=np.nan).concealed


def test_one_payer_is_open_where_domains_are_not_known() -> None:
    available = frozenset({"payment_fingerprint"})
    assert judged(domain=-1, payment=7, available=available).open_structure
    assert not judged(domain=OWN, payment=7, available=ALL).open_structure


def test_without_any_trait_only_addresses_speak() -> None:
    nothing: dict[str, Any] = {"domain": -1, "payment": -1, "age": np.nan, "available": frozenset()}
    found = judged(**nothing)
    assert found.evidence == ("one stream of requests comes from 30 networks",)
    assert found.judged
    silent = judged(**nothing, networks=None)
    assert (silent.concealed, silent.judged) == (False, False)


def test_traits_of_few_accounts_say_nothing() -> None:
    sparse = [1, 2, 3, *[-1] * (SIZE - 3)]
    found = judged(domain=sparse, payment=sparse, networks=None)
    assert found.evidence == ()


@pytest.mark.parametrize("networks", [ONE, np.arange(100) % 2, np.full(100, -1)])
def test_one_place_or_none_known_is_not_spread(networks: Any) -> None:
    found = judged(networks=networks)
    assert not any("networks" in text for text in found.evidence)


def test_one_client_program_is_named() -> None:
    assert "one client program (100%" in judged(clients=ONE).evidence[-1]
    assert "client" not in judged(clients=MANY).evidence[-1]


def test_ages_count_from_the_first_request() -> None:
    traits = Traits(
        account=np.array([1, 2]),
        organization=np.array([-1, -1]),
        domain=np.array([-1, -1]),
        payment=np.array([-1, -1]),
        signup_network=np.array([-1, -1]),
        created=np.array([0.0, np.nan]),
        available=frozenset(),
    )
    first = pa.chunked_array([pa.array([3 * DAY * 10**6] * 2, pa.timestamp("us", tz="UTC"))])
    seen = traits.seen_from(first)
    assert seen.age[0] == 3.0
    assert np.isnan(seen.age[1])
    assert np.isnan(seen.of(np.array([2])).age[0])


HIDDEN = Concealment((), ("hidden",), judged=True)
OPEN = Concealment(("open",), (), judged=True)
UNKNOWN = Concealment((), (), judged=False)


@pytest.mark.parametrize(
    ("coordinated", "harvesting", "concealment", "p", "verdict"),
    [
        (True, True, HIDDEN, 1e-9, Verdict.DISTILLATION),
        (True, True, OPEN, 1e-9, Verdict.POOLED),
        (True, True, UNKNOWN, 1e-9, Verdict.INCONCLUSIVE),
        (True, False, HIDDEN, 1e-9, Verdict.POOLED),
        (True, False, OPEN, 1e-9, Verdict.POOLED),
        (True, False, UNKNOWN, 1e-9, Verdict.POOLED),
        (False, True, HIDDEN, 0.01, Verdict.INCONCLUSIVE),
        (False, True, OPEN, 0.01, Verdict.INCONCLUSIVE),
        (False, False, HIDDEN, 0.01, Verdict.CLEAR),
        (False, True, HIDDEN, 0.2, Verdict.CLEAR),
        (False, False, HIDDEN, 0.2, Verdict.CLEAR),
    ],
)
def test_verdicts_follow_from_their_parts(
    coordinated: bool,
    harvesting: bool,
    concealment: Concealment,
    p: float,
    verdict: Verdict,
) -> None:
    assert decide(coordinated, harvesting, concealment, p, wordless=False) is verdict


def test_without_words_in_common_only_a_harvest_is_shared_control() -> None:
    assert decide(True, False, HIDDEN, 1e-9, wordless=True) is Verdict.INCONCLUSIVE
    assert decide(True, True, HIDDEN, 1e-9, wordless=True) is Verdict.DISTILLATION
