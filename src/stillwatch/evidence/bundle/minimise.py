"""A trial cut down to what a verdict needs of everybody else.

Judging asks how much all other accounts use a group's words and which traits they share with it.
Of the accounts that have neither, one sum is enough; they have no place in evidence about somebody
else.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.judge import Background
    from stillwatch.campaigns.trial import Trial

PER_TRAIT = 50
"""Outsiders kept for each trait that they share with a member: more say nothing more."""

_TRAITS = ("organization", "domain", "payment", "signup_network")


def minimise(trial: Trial) -> Trial:
    """The same trial without accounts that have nothing to do with its groups."""
    mined = [*trial.groups, *trial.parts]
    none = np.zeros(0, dtype=np.int64)
    inside = np.unique(
        np.concatenate(
            [
                none,
                *(m.candidate.accounts for m in mined),
                *(s.family.accounts for s in trial.alone),
                *(one.accounts for one in trial.paid),
            ]
        )
    )
    used = {family for m in mined for family in m.candidate.carrying}
    background = _background(trial.court.background, inside, used)
    traits = _rows(trial.court.traits, _relevant(trial.court.traits, inside))
    court = replace(trial.court, background=background, traits=traits)
    return replace(trial, court=court, kept=np.intersect1d(trial.kept, inside))


def _background(
    background: Background, inside: NDArray[np.int64], used: set[tuple[int, int]]
) -> Background:
    users = {family: found for family, found in background.users.items() if family in used}
    named = np.unique(np.concatenate([inside, *(accounts for accounts, _ in users.values())]))
    kept = np.isin(background.account, named)
    everybody_else = np.iinfo(np.int64).max

    def shortened(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.append(values[kept], values[~kept].sum())

    return replace(
        background,
        account=np.append(background.account[kept], everybody_else),
        requests=shortened(background.requests),
        tested=shortened(background.tested),
        users=users,
    )


def _relevant(traits: Traits, inside: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Members, and some of the outsiders that share a trait with them."""
    member = np.isin(traits.account, inside)
    relevant = member.copy()
    # strangers first: they tell whether a domain is a company's
    colleague = np.isin(traits.company, traits.company[member]) & (traits.company >= 0)
    for name in _TRAITS:
        codes: NDArray[np.int64] = getattr(traits, name)
        shared = np.unique(codes[member & (codes >= 0)])
        outside = np.flatnonzero(np.isin(codes, shared) & ~member)
        order = outside[np.lexsort((colleague[outside], codes[outside]))]
        sorted_codes = codes[order]
        first = np.searchsorted(sorted_codes, sorted_codes)
        relevant[order[np.arange(len(order)) - first < PER_TRAIT]] = True
    return relevant


def _rows(traits: Traits, rows: NDArray[np.bool_]) -> Traits:
    cut: dict[str, Any] = {}
    for field in fields(traits):
        value = getattr(traits, field.name)
        if isinstance(value, np.ndarray) and len(value) == len(rows):
            cut[field.name] = value[rows]
    return replace(traits, **cut)
