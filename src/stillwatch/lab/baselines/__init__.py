"""Baselines: what others do, in the same harness. A new one is one file and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.errors import UsageError
from stillwatch.lab.baselines import fraudar, linking, mmd, ratelimit, synchrotrap, zscores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa

    Baseline = Callable[[pa.Table, pa.Table | None], pa.Table]
    """`accuse(requests, accounts)`: `schema.REQUESTS` and `schema.ACCOUNTS` (or None) to a table of
    `account_id`, `score` (higher is worse) and `accused`, one row for each account of the log."""

BASELINES: dict[str, Baseline] = {
    "rate limit": ratelimit.accuse,
    "z-scores": zscores.accuse,
    "exact linking": linking.accuse,
    "SynchroTrap": synchrotrap.accuse,
    "FRAUDAR": fraudar.accuse,
    "MMD window": mmd.accuse,
}


def named(names: Iterable[str]) -> tuple[str, ...]:
    """Check names of baselines; ``all`` and ``none`` stand for every one and for none.

    Raises:
        UsageError: there is none of that name.
    """
    found: list[str] = []
    for name in names:
        if name == "all":
            found += BASELINES
        elif name in BASELINES:
            found.append(name)
        elif name != "none":
            raise UsageError(f"no baseline {name!r}; there are all, none, {', '.join(BASELINES)}")
    return tuple(dict.fromkeys(found))


__all__ = ["BASELINES", "named"]
