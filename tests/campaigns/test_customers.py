"""Several companies are no campaign, however alike their accounts are to each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.campaigns.streams import make_stream, people, queue, volumes, words_about

from stillwatch.campaigns import individuals
from stillwatch.campaigns.candidates import Candidate, Family
from stillwatch.campaigns.concealment import PUBLIC_USERS, Traits
from stillwatch.campaigns.customers import Customers
from stillwatch.campaigns.individuals import Floors
from stillwatch.campaigns.judge import Court
from stillwatch.campaigns.mine import queues_among
from stillwatch.campaigns.sampling import Mined

Ints = NDArray[np.int64]

OTHERS = 100
COMPANY = np.repeat(np.arange(4), [60, 4, 4, 4])
GROUP = len(COMPANY)
LEVEL = 0.01
RUNS = 100


def customers(size: int = GROUP, **codes: Any) -> Customers:
    """Accounts 0 to `size` with some traits, among others that have traits of their own."""
    unknown = np.full(size + OTHERS, -1)
    columns = {
        name: np.append(codes.get(name, unknown[:size]), 1000 + np.arange(OTHERS))
        for name in ("organization", "domain", "payment")
    }
    columns["domain"][size : size + 20] = 7  # a mail service
    return Customers.of(
        Traits(
            account=np.arange(size + OTHERS),
            signup_network=unknown,
            created=unknown.astype(float),
            available=frozenset(),
            **columns,
        )
    )


def among(**codes: list[int]) -> list[int]:
    size = len(next(iter(codes.values())))
    found: list[int] = customers(size, **codes).among(np.arange(size)).tolist()
    return found


@pytest.mark.parametrize("trait", ["organization", "domain", "payment"])
def test_accounts_with_a_trait_in_common_are_one_customer(trait: str) -> None:
    assert among(**{trait: [4, 5, 4, -1, -1]}) == [0, 1, 0, 2, 3]


def test_traits_join_from_account_to_account() -> None:
    assert among(organization=[1, 1, -1, -1], payment=[-1, 2, 2, 3]) == [0, 0, 0, 1]


def test_a_mail_service_joins_nobody() -> None:
    assert among(domain=[7, 7, 7]) == [0, 1, 2]


def test_a_domain_is_a_companys_as_long_as_few_outside_the_group_use_it() -> None:
    for outside in (PUBLIC_USERS - 1, PUBLIC_USERS):
        found = customers(10, domain=[3] * 10).among(np.arange(10 - outside))
        assert (len(np.unique(found)) == 1) == (outside < PUBLIC_USERS)


def floors(rng: np.random.Generator) -> Floors:
    account, topic = people(rng, volumes(rng, 200, 30, 0.5), 8.0)
    return Floors.of_population(make_stream(account, tokens=words_about(rng, topic)))


def test_companies_with_a_queue_each_are_not_one_queue() -> None:
    """Account by account they are, more often than not; between customers never."""
    by_account, by_customer = [], []
    for run in range(RUNS):
        rng = np.random.default_rng(run)
        known = floors(rng)
        # accounts of a company draw from its topics, whichever of them sends
        size = volumes(rng, GROUP, 30, 0.1)
        owner, topic = people(rng, np.bincount(COMPANY, size).astype(np.int64), 8.0)
        accounts = [rng.choice(np.flatnonzero(one == COMPANY)) for one in owner]
        stream = make_stream(np.array(accounts), tokens=words_about(rng, topic))
        by_account.append(individuals.test_content(stream, known))
        by_customer.append(individuals.test_customers(stream, np.arange(GROUP), COMPANY, known))
    assert np.mean(np.array(by_account) <= LEVEL) > 0.5
    assert min(by_customer) > LEVEL


def test_one_queue_shows_between_its_payers_too() -> None:
    shown = 0
    for run in range(RUNS // 5):
        rng = np.random.default_rng(run)
        known = floors(rng)
        account, topic = queue(rng, volumes(rng, GROUP, 30, 0.1))
        stream = make_stream(account, tokens=words_about(rng, topic))
        p = individuals.test_customers(stream, np.arange(GROUP), COMPANY, known)
        assert p > 0
        shown += p <= LEVEL
    assert shown >= 0.95 * RUNS // 5


@pytest.mark.parametrize("customer", [np.arange(GROUP), np.arange(GROUP) % 3])
def test_it_is_not_asked_of_separate_accounts_nor_of_a_few_customers(customer: Ints) -> None:
    rng = np.random.default_rng(0)
    account, topic = people(rng, volumes(rng, GROUP, 30, 0.1), 8.0)
    stream = make_stream(account, tokens=words_about(rng, topic))
    known = floors(rng)
    assert individuals.test_content(stream, known) > LEVEL
    assert individuals.test_customers(stream, np.arange(GROUP), customer, known) == 0.0


def court(found: Customers) -> Court:
    """That judges by traits and by nothing else."""
    nothing: Any = None
    return Court(nothing, nothing, nothing, found.traits, nothing, 0.01)


@pytest.mark.parametrize(
    ("domains", "payers", "hidden"),
    [
        ([1] * 4 + [2] * 4, [1] * 4 + [2] * 4, False),
        ([1] * 4 + [2] * 4, [1] * 4 + [5, 6, 7, 8], True),  # the second pays by many means
        (list(range(8)), [1] * 4 + [2] * 4, True),  # two payers, and nothing else in the open
        ([1] * 2 + [2] * 2 + [3] * 2 + [4] * 2, [1, 1, 2, 2, 3, 3, 4, 4], True),  # not so few
    ],
)
def test_two_or_three_companies_in_the_open_hide_nothing(
    domains: list[int], payers: list[int], hidden: bool
) -> None:
    found = customers(8, domain=domains, payment=payers)
    traits = replace(found.traits, available=frozenset({"email_domain", "payment_fingerprint"}))
    accounts = np.arange(8)
    half = make_stream(accounts, network_key=np.ones(8, dtype=int))
    asked = court(Customers.of(traits)).concealment_of(accounts, found.among(accounts), half)
    assert asked.concealed == hidden
    assert bool(asked.open_structure) != hidden


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
    alone = customers(GROUP)
    assert queues_among(mined, alone, known) == [mined]
    of_companies = customers(GROUP, payment=COMPANY.tolist())
    found = queues_among(mined, of_companies, known)
    assert found
    for part in found:
        assert len(np.unique(COMPANY[part.candidate.accounts])) == 1
