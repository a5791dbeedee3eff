"""The candidate stage alone on real coordinated behaviour, beside other methods.

A table of account, object and time (who starred what, who shared which post) is no request log:
there is no text, no session and no harvest. What it can show is whether accounts that act together
are brought together at all. An object stands for a prompt family and blocks of time are the halves,
as in a scan; only the mining half is looked at.

Labels are rarely complete. Beside them stands what each method nominates by chance: the same table
with the accounts dealt anew over the same actions, so that every account and every object keeps its
number of actions and every burst its time, and only who acts with whom is lost.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import (
    MIN_ACCOUNTS,
    MIN_CORE_REQUESTS,
    MIN_STREAM,
    Candidate,
    core_families,
    merge_families,
)
from stillwatch.campaigns.communities import communities
from stillwatch.engine import session
from stillwatch.errors import InputError
from stillwatch.lab.baselines.columns import coded, pairs
from stillwatch.lab.baselines.fraudar import block_scores
from stillwatch.lab.baselines.synchrotrap import MIN_CLUSTER, clusters
from stillwatch.progress import Silent
from stillwatch.schema import TIMESTAMP
from stillwatch.signals.families import fed_by_several
from stillwatch.signals.halves import with_half

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stillwatch.progress import Progress

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

REPEATABLE = MIN_CORE_REQUESTS
"""What one action counts where an action can be done only once (a star): as much as a habit "
"needs."""

FEW_ACTIONS = 2
"""Actions an account needs for SynchroTrap here, where most accounts have one or two."""

REDEALS = 5
"""Tables with accounts dealt anew that chance is measured on."""


@dataclass(frozen=True, slots=True)
class Events:
    """Who acted on what, when.

    Attributes:
        account, thing: codes of account and object of each action.
        when: Unix seconds.
        accounts: the accounts' names by code.
    """

    account: Ints
    thing: Ints
    when: Ints
    accounts: pa.Array

    @property
    def size(self) -> int:
        """Number of accounts."""
        return len(self.accounts)

    def redealt(self, rng: np.random.Generator) -> Events:
        """The same actions with the accounts dealt anew."""
        return Events(rng.permutation(self.account), self.thing, self.when, self.accounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nomination:
    """What one method brings together.

    Attributes:
        method: its name.
        accounts: nominated.
        by_chance: mean number nominated on redealt tables.
        labelled: nominated accounts by label, and how many accounts of the table have it.
        seconds: on the real table.
    """

    method: str
    accounts: int
    by_chance: float
    labelled: Mapping[str, tuple[int, int]]
    seconds: float

    @property
    def beyond_chance(self) -> float:
        """Share of the nominated accounts that chance does not explain; NaN of none."""
        return max(0.0, 1 - self.by_chance / self.accounts) if self.accounts else float("nan")

    def values(self, size: int) -> dict[str, object]:
        """As values that JSON can hold; `size` is the number of accounts in the table."""
        return {
            "method": self.method,
            "nominated": self.accounts,
            "share": self.accounts / size,
            "by_chance": self.by_chance,
            "beyond_chance": self.beyond_chance if self.accounts else None,
            "labelled": {label: list(pair) for label, pair in self.labelled.items()},
            "seconds": round(self.seconds, 3),
        }


def read_events(path: Path, columns: tuple[str, str, str]) -> Events:
    """Read a Parquet table of actions.

    Args:
        path: the file.
        columns: names of the columns of account, object and time (Unix seconds, a timestamp or
            RFC 3339).

    Raises:
        InputError: it cannot be read, lacks a column, or a time is none.
    """
    table = _columns(path, columns)
    account = coded(table.column(columns[0]).cast(pa.string()))
    thing = coded(table.column(columns[1]).cast(pa.string()))
    try:
        when = _seconds(table.column(columns[2]))
    except pa.ArrowException as error:
        message = f"not a time: {error}"
        raise InputError(message, file=str(path), field=columns[2]) from error
    return Events(account.codes, thing.codes, when, account.values)


def _columns(path: Path, names: Sequence[str]) -> pa.Table:
    """Some columns of a Parquet table, in the rows that have all of them."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot be read as Parquet ({error})", file=str(path)) from error
    for name in names:
        if name not in table.column_names:
            message = f"lacks a column; it has {', '.join(table.column_names)}"
            raise InputError(message, file=str(path), field=name)
    return table.select(list(names)).drop_null()


def _seconds(column: pa.ChunkedArray) -> Ints:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return np.asarray(pc.cast(column, pa.float64()).to_numpy().astype(np.int64))
    micros = column.cast(TIMESTAMP).cast(pa.int64()).to_numpy()
    return np.asarray(micros // 1_000_000, dtype=np.int64)


def read_labels(path: Path, columns: tuple[str, str]) -> dict[str, str]:
    """Read a Parquet table of labelled accounts: columns of account and label.

    Raises:
        InputError: it cannot be read or lacks a column.
    """
    table = _columns(path, columns)
    names, labels = (table.column(name).cast(pa.string()).to_pylist() for name in columns)
    return dict(zip(names, labels, strict=True))


def compare(
    events: Events,
    labels: Mapping[str, str] | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Nomination]:
    """Let every method nominate accounts, on the real table and on redealt ones.

    Args:
        events: the actions.
        labels: label by account, of those accounts that have one.
        seed: of the halves and of the redealt tables.
        progress: shows the methods.
    """
    known = labels or {}
    named = np.array([known.get(name, "") for name in events.accounts.to_pylist()], dtype=object)
    found = []
    with (progress or Silent()).step("coordination", len(METHODS) * (1 + REDEALS)) as step:
        for name, method in METHODS.items():
            step.note(name)
            started = time.perf_counter()
            nominated = method(events, seed)
            seconds = time.perf_counter() - started
            step.advance()
            chance = []
            rng = np.random.default_rng(seed)
            for _ in range(REDEALS):
                chance.append(int(method(events.redealt(rng), seed).sum()))
                step.advance()
            found.append(
                Nomination(
                    method=name,
                    accounts=int(nominated.sum()),
                    by_chance=float(np.mean(chance)),
                    labelled={
                        label: (int(nominated[named == label].sum()), int((named == label).sum()))
                        for label in sorted(set(named.tolist()) - {""})
                    },
                    seconds=seconds,
                )
            )
    return found


def families(events: Events, seed: int) -> Bools:
    """Accounts in the core of any candidate: each object that several feed is a place to look."""
    return _members(events, _candidates(events, seed))


def pools(events: Events, seed: int) -> Bools:
    """Accounts of candidates with several objects: the same core, or cores that overlap."""
    candidates = _candidates(events, seed)
    several = [candidate for candidate in candidates if len(candidate.families) > 1]
    return _members(events, several + communities(candidates, events.size))


def _candidates(events: Events, seed: int) -> list[Candidate]:
    groups = merge_families(core_families(_feeders(events, seed)))
    return [Candidate.of(group) for group in groups]


def _members(events: Events, candidates: list[Candidate]) -> Bools:
    chosen = np.zeros(events.size, dtype=bool)
    for candidate in candidates:
        chosen[candidate.accounts] = True
    return chosen


def _feeders(events: Events, seed: int) -> pa.Table:
    """Objects as families, in the form that the candidate stage reads."""
    table = pa.table(
        {
            "timestamp": pa.array(events.when * 1_000_000).cast(TIMESTAMP),
            "account": events.account,
            "key": events.thing,
        }
    )
    with (
        tempfile.TemporaryDirectory(prefix="stillwatch-") as folder,
        session(spill=Path(folder) / "spill") as backend,
    ):
        halved = with_half(backend.create_table("events", table), seed)
        fed = halved.group_by("key", "account").agg(
            requests=halved.count() * REPEATABLE,
            mining_requests=halved.mining.cast("int64").sum() * REPEATABLE,
        )
        several = fed_by_several(fed.mutate(kind=0), accounts=MIN_ACCOUNTS, requests=MIN_STREAM)
        return several.to_pyarrow()


def synchrotrap(events: Events, seed: int) -> Bools:  # noqa: ARG001 - draws nothing
    """Members of clusters of accounts that act on the same objects within the same hours."""
    cluster = clusters(
        events.account, events.thing, events.when, events.size, min_actions=FEW_ACTIONS
    )
    return np.asarray(np.bincount(cluster, minlength=1)[cluster] >= MIN_CLUSTER)


def fraudar(events: Events, seed: int) -> Bools:  # noqa: ARG001 - draws nothing
    """Members of dense blocks of accounts and objects."""
    account, thing = pairs(events.account, events.thing)
    return np.asarray(block_scores(account, thing, events.size) > 0)


METHODS: dict[str, Callable[[Events, int], Bools]] = {
    "our candidates: any object": families,
    "our candidates: several objects": pools,
    "SynchroTrap": synchrotrap,
    "FRAUDAR": fraudar,
}
