"""What an earlier scan of the same log found, where a scan looks only at what has grown since.

What was found stands until it is found again: an account that has a verdict keeps it, and is taken
out of what is found now, unless its campaign is found again. So hardly anybody is cleared but by a
scan of everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.coding import among
from stillwatch.campaigns.membership import VERDICT_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stillwatch.campaigns.membership import Grouped
    from stillwatch.campaigns.write import Written

Ints = NDArray[np.int64]


FOUND_AGAIN = 0.9
"""Share of a campaign's accounts that groups of now must have for it to be found again: a new
template that some of its accounts use shows a part of it."""


def _nobody() -> Ints:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Before:
    """The outcome of an earlier scan.

    Attributes:
        tested: e-values of the groups that it tested. They are tested together with those of now,
            so that the level holds for what both scans found.
        questioned: accounts of groups that it had in question, sorted: they are no yardstick.
        settled: accounts that have hardly grown since, sorted: none is looked at alone again.
        found: its campaigns.
    """

    tested: tuple[float, ...] = ()
    questioned: Ints = field(default_factory=_nobody)
    settled: Ints = field(default_factory=_nobody)
    found: tuple[Written, ...] = ()

    def standing(self, campaigns: Iterable[Grouped]) -> list[Written]:
        """Campaigns with a verdict that stand as they were found.

        One is found again if groups of now, of a verdict at least as certain, have `FOUND_AGAIN`
        of it.
        """
        ranks = [(VERDICT_ORDER.index(g.lead.verdict), g.accounts) for g in campaigns]
        found = []
        for written in self.found:
            if written.campaign.by_payer:
                continue
            rank = VERDICT_ORDER.index(written.campaign.verdict)
            now = np.concatenate([_nobody(), *(a for r, a in ranks if r <= rank)])
            own = np.array(written.keys, dtype=np.int64)
            if among(own, now).mean() < FOUND_AGAIN:
                found.append(written)
        return found

    def of_payers(self, known: Ints) -> list[Written]:
        """Groups of one payer none of which has a verdict now.

        Args:
            known: accounts that have.
        """
        paid = (written for written in self.found if written.campaign.by_payer)
        return [one for one in paid if not among(accounts_of([one]), known).any()]


NOTHING_BEFORE = Before()
"""A scan that looks at everything."""


def accounts_of(written: Iterable[Written]) -> Ints:
    """All accounts of some campaigns, sorted."""
    return np.unique(np.concatenate([_nobody(), *(np.array(w.keys, np.int64) for w in written)]))
