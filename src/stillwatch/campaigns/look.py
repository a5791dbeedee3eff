"""Accounts that were sampled together, and what is said of each by comparing it with the others."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stillwatch.campaigns.stream import Stream

Ints = NDArray[np.int64]

_COMPARED = frozenset(("account", "body", "mining", "framed", "tokens", "frames", "elicitation"))
_JUDGED = _COMPARED | {"slot", "turns", "grading", "output_tokens"}


@dataclass(frozen=True)
class Look:
    """Sampled requests of some accounts of a group, in as many of each.

    Attributes:
        sample: in the group's stream.
        elsewhere: outside of it; None where nobody has looked.
    """

    sample: Stream
    elsewhere: Stream | None

    def lean(self) -> Look:
        """The same with only what accounts are judged by, and one value in place of all else."""
        elsewhere = self.elsewhere and compared(self.elsewhere)
        return Look(_lean(self.sample, _JUDGED), elsewhere)


def found_in(looks: Iterable[Look], rule: Callable[[Look], Ints]) -> Ints:
    """The accounts that a rule finds, each in the first look that has it.

    Args:
        looks: at the accounts of a group.
        rule: from a look to some of its accounts.
    """
    known = np.zeros(0, dtype=np.int64)
    found = [known]
    for look in looks:
        found.append(np.setdiff1d(rule(look), known))
        known = np.union1d(known, look.sample.account)
    return np.concatenate(found)


def worth_a_look(groups: Iterable[Ints], known: Ints, most: int) -> Iterator[bool]:
    """Which groups to look at, so that each account is looked for in the first few that have it.

    Args:
        groups: accounts of each, the most telling group first.
        known: accounts that need no look.
        most: groups that an account is looked for in.
    """
    looks = dict.fromkeys(known.tolist(), most)
    for group in groups:
        accounts = group.tolist()
        worth = any(looks.get(account, 0) < most for account in accounts)
        if worth:
            for account in accounts:
                looks[account] = looks.get(account, 0) + 1
        yield worth


def compared(stream: Stream) -> Stream:
    """Requests outside of a stream with only what they are compared by, as `Look.lean`."""
    return _lean(stream, _COMPARED)


def _lean(stream: Stream, needed: frozenset[str]) -> Stream:
    values = {f.name: getattr(stream, f.name) for f in fields(stream) if f.name not in needed}
    unknown: dict[str, Any] = {
        name: np.broadcast_to(_unknown(value.dtype), value.shape) for name, value in values.items()
    }
    return replace(stream, **unknown)


def _unknown(kind: np.dtype[Any]) -> NDArray[Any]:
    return np.array(np.nan if kind.kind == "f" else -1, dtype=kind)
