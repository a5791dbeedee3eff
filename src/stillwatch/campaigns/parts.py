"""Groups taken apart into what looks like one queue each, on the mining half of the evidence.

`split` divides a stream; here a group is kept whole where it looks like one queue by accounts and
by customers, and is taken apart where it does not.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.ahead import ahead
from stillwatch.campaigns.beyond import MOST_LOOKS
from stillwatch.campaigns.candidates import MIN_ACCOUNTS
from stillwatch.campaigns.coding import among
from stillwatch.campaigns.customers import customers_among
from stillwatch.campaigns.habits import measure
from stillwatch.campaigns.individuals import test_customers, test_people
from stillwatch.campaigns.look import worth_a_look
from stillwatch.campaigns.sampling import SAMPLE_ACCOUNTS, look, part_of
from stillwatch.campaigns.split import split

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stillwatch.campaigns.candidates import Candidate
    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.evidence import Evidence
    from stillwatch.campaigns.individuals import Floors
    from stillwatch.campaigns.sampling import Mined

Ints = NDArray[np.int64]

SCREEN = 0.01
"""P-value on the mining half from which a group goes to the test. It only limits how many are
tested; the testing half does not know it."""

SAME_GROUP = 0.5
"""Share of a group's accounts that stronger groups have, from which on it is not tested again, and
a family that looks like people is taken apart."""


def first_look(mined: Mined, floors: Floors) -> float:
    """P-value of "these are people", on the mining half, where at least one habit is lost."""
    half = mined.sample.half(mining=True)
    return test_people(measure(half, mined.counts[:, 0], floors.telling), floors).p_by_one


def queues_among(mined: Mined, traits: Traits, floors: Floors) -> list[Mined]:
    """A group that looks like one queue by accounts, if it does by customers, too; else parts."""
    accounts = mined.candidate.accounts
    half = mined.sample.half(mining=True)
    if test_customers(half, accounts, traits, floors) <= SCREEN:
        return [mined]
    return taken_apart(mined, traits, floors)


def taken_apart(mined: Mined, traits: Traits, floors: Floors) -> list[Mined]:
    """Parts that look like one queue each; of what is left, the customers that do by themselves."""
    accounts = mined.candidate.accounts
    half = mined.sample.half(mining=True)
    parts = split(half, floors, traits, SCREEN)
    rest = np.setdiff1d(accounts, np.concatenate([accounts[:0], *parts]))
    customer = customers_among(rest, traits, half.of_accounts(rest))
    several = np.flatnonzero(np.bincount(customer) >= MIN_ACCOUNTS)
    alone = [part_of(mined, rest[customer == one]) for one in several]
    return [
        *(part_of(mined, part) for part in parts),
        *(part for part in alone if first_look(part, floors) <= SCREEN),
    ]


def mixed(
    evidence: Evidence,
    families: Iterable[Candidate],
    known: Ints,
    traits: Traits,
    floors: Floors,
) -> list[Mined]:
    """Parts of families that look like people, though queues have most of their accounts.

    Several operators and some people have a turn of phrase in common. The family is nobody's queue,
    but accounts that are in no other family that is one may be in a part of it that is.

    Args:
        evidence: the requests.
        families: that look like people.
        known: accounts in groups that look like queues, sorted.
        traits: of all accounts.
        floors: of the benign-group null.

    Returns:
        Those that have accounts which are not known.
    """
    shared = [one for one in families if among(one.accounts, known).mean() > SAME_GROUP]
    worth = worth_a_look((family.accounts for family in shared), known, MOST_LOOKS)
    seen = look(evidence, list(compress(shared, worth)), "prompt family", SAMPLE_ACCOUNTS)
    found = ahead(lambda mined: taken_apart(mined, traits, floors), seen)
    return [
        # a copy, so that the rest of what was read with it can go
        replace(part, sample=part.sample.copy())
        for parts in found
        for part in parts
        if not among(part.candidate.accounts, known).all()
    ]
