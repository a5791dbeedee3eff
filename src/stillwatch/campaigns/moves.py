"""Do a campaign's accounts hand over retries, conversations, places, or turn to a model at once?

Habits that an operator does not drop cheaply. They come after the verdict and enter none: what is
tested here was not chosen on a half that the test does not know. An investigator sees them beside
what the verdict rests on.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from stillwatch.schema import Fact
from stillwatch.signals.moves import first_uses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.campaigns.describe import Deeds
    from stillwatch.campaigns.evidence import Evidence

Ints = NDArray[np.int64]

MIN_MOVES = 3
"""Retries, conversations or accounts that have to move before it is said of a campaign."""

SPEAKS = 0.01
"""P-value up to which it is said that accounts take over, or turn to a model together."""

SETTLED, FRESH = timedelta(days=2), timedelta(days=1)
"""Before the end of a campaign, the silence that makes an account one that stopped; after its
start, the time from which an account that begins is new."""

DAY = 24
"""Slots of a day."""

MOVES = frozenset({"retries_move", "conversations_move", "takeover", "model_move"})
"""The signals of the facts made here."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Counts of `signals.moves` for one campaign.

    Attributes:
        refused, retried_elsewhere, retried_at_home: refused requests and where they went on.
        followed, followed_elsewhere: turns that go on with a conversation, and those of which
            another account has the beginning.
    """

    refused: int = 0
    retried_elsewhere: int = 0
    retried_at_home: int = 0
    followed: int = 0
    followed_elsewhere: int = 0


NOTHING_MOVED = Moved()


def moves(evidence: Evidence, campaigns: Sequence[Deeds]) -> list[tuple[Fact, ...]]:
    """What each campaign's accounts hand over to each other, in words.

    Args:
        evidence: all requests, for what other accounts do.
        campaigns: what each did.
    """
    several = [done for done in campaigns if len(done.members) > MIN_MOVES]
    if not several:
        return [()] * len(campaigns)
    adopted = Adopted.of(evidence, several)
    return [_told(done, adopted) for done in campaigns]


def _told(done: Deeds, adopted: Adopted) -> tuple[Fact, ...]:
    if len(done.members) <= MIN_MOVES:
        return ()
    found = (
        _retries(done.moved),
        _conversations(done.moved),
        _takeover(done),
        adopted.together(np.array(sorted(done.members))),
    )
    return tuple(fact for fact in found if fact is not None)


def _retries(moved: Moved) -> Fact | None:
    if moved.retried_elsewhere < MIN_MOVES:
        return None
    return Fact(
        signal="retries_move",
        text=(
            f"Of {moved.refused:,} requests of the stream that were refused or failed, "
            f"{moved.retried_elsewhere:,} were sent again within two minutes, word for word, by "
            f"another account of the group, and {moved.retried_at_home:,} by the same one."
        ),
        value=round(moved.retried_elsewhere / moved.refused, 4),
    )


def _conversations(moved: Moved) -> Fact | None:
    if moved.followed_elsewhere < MIN_MOVES:
        return None
    return Fact(
        signal="conversations_move",
        text=(
            f"Of {moved.followed:,} requests that go on with a conversation of the stream, "
            f"{moved.followed_elsewhere:,} go on with one that only another account of the group "
            "had begun."
        ),
        value=round(moved.followed_elsewhere / moved.followed, 4),
    )


def _takeover(done: Deeds) -> Fact | None:
    """Whether new accounts begin when others stop, more often than at any moment."""
    begin, end = _moment(done.first_seen) + FRESH, _moment(done.last_seen) - SETTLED
    spans = [(_moment(first), _moment(last)) for _, first, last in done.members.values()]
    stops = [last for _, last in spans if last < end]
    starts = sorted(first for first, _ in spans if first > begin)
    if len(stops) < MIN_MOVES or len(starts) < MIN_MOVES or end <= begin:
        return None
    taken = sum(bisect_right(starts, stop + FRESH) > bisect_right(starts, stop) for stop in stops)
    covered, until = timedelta(), begin
    for start in starts:
        low, high = max(start - FRESH, until), min(start, end)
        covered, until = covered + max(high - low, timedelta()), max(until, high)
    expected = min(covered / (end - begin), 1.0)
    p = float(stats.binom.sf(taken - 1, len(stops), expected))
    if taken < MIN_MOVES or p > SPEAKS:
        return None
    return Fact(
        signal="takeover",
        text=(
            f"{len(stops):,} accounts stopped for good; within a day of {taken:,} of these stops "
            f"another account of the group began. Of moments at random, {expected:.0%} would be "
            "followed so."
        ),
        value=round(taken / len(stops), 4),
        p=p,
    )


@dataclass(frozen=True)
class Adopted:
    """When accounts first used each model.

    Attributes:
        account: one entry an account and model, sorted by account.
        model: index into `models`.
        slot: hour of the first use.
        begun: hour of the account's first request.
        inside: whether the account is in some campaign.
        models: names.
    """

    account: Ints
    model: Ints
    slot: Ints
    begun: Ints
    inside: NDArray[np.bool_]
    models: list[str]

    @classmethod
    def of(cls, evidence: Evidence, campaigns: Sequence[Deeds]) -> Adopted:
        """Of every account in the window."""
        table = first_uses(evidence.requests).to_pyarrow()
        table = table.sort_by([("account", "ascending"), ("model", "ascending")])
        model = table.column("model").combine_chunks().dictionary_encode()
        account = table.column("account").to_numpy()
        slot = table.column("first").cast(pa.int64()).to_numpy()
        starts = np.flatnonzero(np.r_[True, account[1:] != account[:-1]][: len(account)])
        sizes = np.diff(np.r_[starts, len(account)])
        members = np.concatenate([np.array(sorted(done.members)) for done in campaigns])
        return cls(
            account=account,
            model=model.indices.to_numpy().astype(np.int64),
            slot=slot,
            begun=np.repeat(np.minimum.reduceat(slot, starts), sizes),
            inside=np.isin(account, members),
            models=model.dictionary.to_pylist(),
        )

    def together(self, members: Ints) -> Fact | None:
        """Whether the accounts of a campaign turn to one model within a day, unlike others.

        Only accounts that were there a day before can turn to anything. The day is the one that
        shows most, so its p-value counts for all days and models that it was chosen from.
        """
        first = np.searchsorted(self.account, members)
        last = np.searchsorted(self.account, members, side="right")
        own = np.concatenate([np.arange(*ends) for ends in zip(first, last, strict=True)])
        own = own[self._moved[own]]
        best: tuple[int, int, int] | None = None
        for model in range(len(self.models)):
            turned = np.sort(self.slot[own[self.model[own] == model]])
            if not len(turned):
                continue
            count = np.searchsorted(turned, turned + DAY) - np.arange(len(turned))
            most = int(np.argmax(count))
            if best is None or count[most] > best[0]:
                best = int(count[most]), int(turned[most]), model
        if best is None or best[0] <= MIN_MOVES:
            return None
        turned_count, begin, model = best
        able = int((self.begun[first[first < last]] <= begin - DAY).sum())
        others = int((self._first & ~self.inside & (self.begun <= begin - DAY)).sum())
        during = (
            self._moved & (self.model == model) & (self.slot >= begin) & (self.slot < begin + DAY)
        )
        rate = (int((during & ~self.inside).sum()) + 1) / (others + 1)
        looked_at = len(self.models) * ((int(self.slot.max()) - int(self.slot.min())) // DAY + 1)
        p = min(1.0, looked_at * float(stats.binom.sf(turned_count - 1, able, min(rate, 1.0))))
        if p > SPEAKS:
            return None
        day = datetime.fromtimestamp(begin * 3600, UTC).strftime("%Y-%m-%d")
        return Fact(
            signal="model_move",
            text=(
                f"{turned_count:,} of {able:,} accounts used {self.models[model]} for the first "
                f"time within a day of each other, from {day} on; of other accounts {rate:.1%} did."
            ),
            value=round(turned_count / able, 4),
            expected=round(rate, 4),
            p=p,
        )

    @cached_property
    def _moved(self) -> NDArray[np.bool_]:
        """Which models an account turned to when it had been there for a day."""
        found: NDArray[np.bool_] = self.slot >= self.begun + DAY
        return found

    @cached_property
    def _first(self) -> NDArray[np.bool_]:
        """A row an account."""
        found: NDArray[np.bool_] = np.diff(self.account, prepend=self.account[:1] - 1) != 0
        return found


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
