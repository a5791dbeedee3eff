"""Where budgets are kept: one interface, a file each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Charge(NamedTuple):
    """Units to take from one budget, in the terms of GCRA.

    That is the virtual scheduling algorithm of ITU-T I.371.

    Attributes:
        subject: what the budget is counted for, such as ``account``.
        owner: whose it is: an id, hashed before it leaves the process.
        unit: ``r`` for requests, ``t`` for tokens.
        interval: seconds that one unit costs.
        tolerance: seconds of units that may come at once.
        cost: units.
    """

    subject: str
    owner: str
    unit: str
    interval: float
    tolerance: float
    cost: float


class Refusal(NamedTuple):
    """A budget that has not enough left.

    Attributes:
        subject: whose budget.
        unit: of what.
        retry_after: seconds until it will have enough.
    """

    subject: str
    unit: str
    retry_after: float


class StoreError(Exception):
    """The store is away or does not answer in time."""


class Store(Protocol):
    """Budgets of many subjects.

    Attributes:
        shared: whether other processes count on the same budgets.
    """

    @property
    def shared(self) -> bool: ...  # noqa: D102

    async def take(self, charges: Sequence[Charge], now: float) -> Refusal | None:
        """Take from all budgets, or from none.

        Args:
            charges: at most one for each subject and unit.
            now: event time, seconds.

        Returns:
            None if all had enough, else the refusal that lasts longest.

        Raises:
            StoreError: the store is away.
        """

    async def settle(self, charges: Sequence[Charge], now: float) -> None:
        """Take more than was reserved, also where that makes debt, or give back (negative cost).

        Raises:
            StoreError: the store is away.
        """

    async def ping(self) -> None:
        """Return if the store answers.

        Raises:
            StoreError: it does not.
        """

    async def close(self) -> None:
        """Let go of connections."""
