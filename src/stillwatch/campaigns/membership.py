"""Which accounts are in a campaign, on their own evidence, and which groups are one campaign.

Being in a group that is one operator's is not enough: an account stays only if its own stream looks
like the group's and, where others use the same words, if it uses them far more than they do. An
account that several groups claim belongs to the one with most of its requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.campaigns.candidates import MIN_CORE_REQUESTS, Family
from stillwatch.campaigns.mine import MIN_OWN, harvesting_accounts
from stillwatch.campaigns.split import blending
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from stillwatch.campaigns.judge import Court, Judged

Ints = NDArray[np.int64]

OWN_RATE = 0.001
"""P-value of an account's own use of the group's words at everybody else's rate."""

OWN_HARVEST = 0.2
"""Level of the harvest test on an account's own part of the stream: an account whose part looks
ordinary is not accused for the company it keeps."""

MIN_PART, DEDICATED = 12, 0.5
"""Requests in the stream without which an account is accused only if that share of all it does is
in the stream: people who happen to ask so now and then do other things most of the time."""

MIN_NEW = 2
"""Accounts of its own that a campaign needs."""

ABSORBED = 0.5
"""Share of a group's accounts that another campaign already has, from which on it is part of it."""


@dataclass(frozen=True)
class Grouped:
    """A campaign in the making: its groups, the strongest first, and its accounts."""

    groups: tuple[Judged, ...]
    accounts: Ints

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of all its groups, each once."""
        found = {(f.kind, f.key): f for g in self.groups for f in g.mined.candidate.families}
        return tuple(found.values())

    @property
    def lead(self) -> Judged:
        """The group that the verdict rests on."""
        return self.groups[0]


def own_evidence(judged: Judged, court: Court) -> Ints:
    """Accounts of a group that stay on their own evidence, sorted.

    Each must blend in with the group in what it asks and when; its part of the stream must not
    look ordinary where the group is accused of harvesting; and it must use the words that the
    group shares, if it shares any, far more than others do.
    """
    mined, background = judged.mined, court.background
    accounts = mined.candidate.accounts
    used = mined.counts.sum(axis=1)
    few = ~np.isin(accounts, mined.sample.account) | (used < MIN_OWN)
    blends = np.isin(accounts, blending(mined.sample, court.floors, rhythm=False, rounds=1).account)
    stays = (used >= MIN_CORE_REQUESTS) & (blends | few)
    if judged.verdict is Verdict.DISTILLATION:
        stays &= (used >= MIN_PART) | (used >= DEDICATED * background.requests_of(accounts))
        own = np.isin(accounts, harvesting_accounts(mined.sample, court.reference, OWN_HARVEST))
        stays &= own if mined.wordless else own | few
    if not mined.wordless:
        rate, degree = background.rate(mined), background.degree(accounts)
        stays &= stats.poisson.sf(used - 1, rate * degree) <= OWN_RATE
    found: Ints = accounts[stays]
    return found


def combine(judged: list[Judged], parts: list[Judged], court: Court) -> list[Grouped]:
    """Groups of one verdict into campaigns, strongest verdict and largest group first.

    Args:
        judged: the groups that were tested.
        parts: groups inside them; they add accounts to campaigns and never make one.
        court: what they were judged by.
    """
    rank = [Verdict.DISTILLATION, Verdict.POOLED, Verdict.INCONCLUSIVE]
    order = sorted(
        (j for j in judged if j.verdict in rank),
        key=lambda j: (rank.index(j.verdict), -len(j.mined.candidate.accounts), j.coordination_p),
    )
    campaigns: list[tuple[list[Judged], set[int]]] = []
    taken: dict[int, int] = {}
    for group, whole in [*((g, True) for g in order), *((p, False) for p in parts)]:
        members = own_evidence(group, court).tolist()
        claims = [taken[account] for account in members if account in taken]
        new = [account for account in members if account not in taken]
        if claims and len(claims) >= ABSORBED * len(members):
            home = max(set(claims), key=lambda c: (claims.count(c), -c))
            if campaigns[home][0][0].verdict != group.verdict:
                continue
        elif whole and len(new) >= MIN_NEW:
            home = len(campaigns)
            campaigns.append(([], set()))
        else:
            continue
        campaigns[home][0].append(group)
        campaigns[home][1].update(new)
        taken |= dict.fromkeys(new, home)
    return [
        Grouped(tuple(groups), np.array(sorted(accounts), dtype=np.int64))
        for groups, accounts in campaigns
        if accounts
    ]
