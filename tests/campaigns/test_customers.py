"""Several companies are no campaign, however alike their accounts are to each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.campaigns.streams import make_stream, people, queue, volumes, words_about

from stillwatch.campaigns import individuals
from stillwatch.campaigns.concealment import PUBLIC_USERS, Traits
from stillwatch.campaigns.customers import customers_among
from stillwatch.campaigns.individuals import Floors

Ints = NDArray[np.int64]

OTHERS = 100
MAIL = 7
"""The domain of a mail service."""

COMPANY = np.repeat(np.arange(4), [60, 4, 4, 4])
GROUP = len(COMPANY)
LEVEL = 0.01
RUNS = 100


def traits(size: int = GROUP, *, age: float = 400.0, **codes: Any) -> Traits:
    """Accounts 0 to `size` with some traits, among others that have traits of their own."""
    unknown = np.full(size + OTHERS, -1)
    columns = {
        name: np.append(codes.get(name, unknown[:size]), 1000 + np.arange(OTHERS))
        for name in ("organization", "domain", "payment")
    }
    columns["domain"][size : size + 20] = MAIL
    return Traits(
        account=np.arange(size + OTHERS),
        signup_network=unknown,
        created=unknown.astype(float),
        available=frozenset({"email_domain", "payment_fingerprint"} - codes.get("lacking", set())),
        age=np.full(size + OTHERS, age),
        **columns,
    )


def among(size: int = 5, networks: int = 1, **given: Any) -> list[int]:
    """The customers of accounts 0 to `size`, of which each sends from so many networks."""
    account = np.repeat(np.arange(size), networks)
    stream = make_stream(account, network_key=np.arange(len(account)) % networks)
    found: list[int] = customers_among(np.arange(size), traits(size, **given), stream).tolist()
    return found


COMPANIES, APART = [0, 1, 0, 2, 3], [0, 1, 2, 3, 4]
SAME = [4, 5, 4, -1, -1]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"organization": SAME}, COMPANIES),
        ({"domain": SAME, "payment": SAME}, COMPANIES),
        # a bundle from elsewhere may hold any codes
        ({"domain": [2**62, 5, 2**62, -1, -1], "payment": [2**61, 1, 2**61, 2, -9]}, COMPANIES),
        ({"domain": SAME, "payment": [1, 2, 3, 4, 5]}, APART),
        ({"domain": [1, 2, 3, 4, 5], "payment": SAME}, APART),
        ({"domain": [MAIL, 5, MAIL, -1, -1], "payment": SAME}, APART),
        ({"domain": SAME, "lacking": {"payment_fingerprint"}}, COMPANIES),
        ({"payment": SAME, "lacking": {"email_domain"}}, COMPANIES),
    ],
)
def test_a_customer_is_what_is_in_the_open_by_itself(
    given: dict[str, Any], found: list[int]
) -> None:
    assert among(**given) == found


def test_accounts_made_for_it_and_spread_are_no_customer() -> None:
    given: dict[str, Any] = {"domain": SAME, "payment": SAME}
    assert sorted(among(networks=5, age=2.0, **given)) == APART
    assert among(networks=5, **given) == COMPANIES
    assert among(age=2.0, **given) == COMPANIES


@pytest.mark.parametrize("strangers", [PUBLIC_USERS - 1, PUBLIC_USERS])
def test_a_domain_is_a_companys_as_long_as_few_use_it_and_pay_otherwise(strangers: int) -> None:
    """Whether all of the company's own accounts are in the group does not matter."""
    payment = np.append(np.full(20, 3), 10 + np.arange(strangers))
    everyone = traits(20 + strangers, domain=np.full(20 + strangers, 3), payment=payment)
    for inside in (np.arange(20), np.arange(8)):
        found = customers_among(inside, everyone, make_stream(inside))
        assert (len(np.unique(found)) == 1) == (strangers < PUBLIC_USERS)


def companies(labels: Ints) -> Traits:
    return traits(len(labels), domain=labels + 10, payment=labels + 10)


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
        by_customer.append(
            individuals.test_customers(stream, np.arange(GROUP), companies(COMPANY), known)
        )
    assert np.mean(np.array(by_account) <= LEVEL) > 0.5
    assert min(by_customer) > LEVEL


def test_one_queue_shows_between_front_companies_too() -> None:
    shown = 0
    for run in range(RUNS // 5):
        rng = np.random.default_rng(run)
        known = floors(rng)
        account, topic = queue(rng, volumes(rng, GROUP, 30, 0.1))
        stream = make_stream(account, tokens=words_about(rng, topic))
        p = individuals.test_customers(
            stream, np.arange(GROUP), companies(np.arange(GROUP) // 6), known
        )
        assert p > 0
        shown += p <= LEVEL
    assert shown >= 0.95 * RUNS // 5


@pytest.mark.parametrize(
    ("customer", "p"),
    [(np.arange(GROUP), 0.0), (np.zeros(GROUP, dtype=np.int64), 0.0), (np.arange(GROUP) % 3, 1.0)],
)
def test_separate_accounts_are_not_compared_and_few_customers_cannot_be(
    customer: Ints, p: float
) -> None:
    rng = np.random.default_rng(0)
    account, topic = queue(rng, volumes(rng, GROUP, 30, 0.1))
    stream = make_stream(account, tokens=words_about(rng, topic))
    known = floors(rng)
    assert individuals.test_customers(stream, np.arange(GROUP), companies(customer), known) == p
