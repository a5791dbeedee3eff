"""What one customer's log shows: the detector's own measurements, of this log alone.

The detector compares a group with the provider's other customers. A customer has only its own log,
so nothing here is a verdict; it is what a detector would have before it on the customer's side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np

from stillwatch.campaigns.habits import converses, measure
from stillwatch.campaigns.stream import Stream
from stillwatch.schema import CAPABILITIES
from stillwatch.signals.frames import with_framed
from stillwatch.signals.halves import with_half
from stillwatch.signals.population import population_by_day, population_by_hour, population_totals
from stillwatch.signals.streams import SAMPLED_COLUMNS

if TYPE_CHECKING:
    from datetime import datetime

    import ibis.expr.types as ir
    from numpy.typing import NDArray

SAMPLED = 60_000
"""Requests that are looked at one by one; counts are of all of them."""

ASKED = 0.3
"""Score from which a request counts as asking for reasoning or for grading."""

_RATE_LIMITED = 429
_NIGHT_HOURS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What was measured. Shares are of requests, 0 to 1; None where the log does not tell.

    Attributes:
        requests, accounts, end_users, networks: how many (0 where the log names none).
        first_seen, last_seen: UTC.
        models, capabilities: shares, largest first.
        hours: share of each UTC hour of the day, 24 values.
        by_day: requests of each day of the window, without gaps.
        night: share of the quietest six hours in a row; a quarter is what a clock without rest has.
        busiest_day: share of the day with the most requests.
        busiest_account: share of the account with the most requests.
        framed: requests made from a recurring frame (`signals.frames`).
        one_system: requests with the commonest system prompt.
        novelty: distinct bodies, of all.
        subjects: content words in which two requests agree by chance, the frame left out: small for
            broad traffic.
        elicitation, grading: requests that ask for reasoning, or for scores and preferences.
        turns: requests that have an earlier turn.
        conversing: requests that go on with a conversation in words of their own.
        answer_tokens: mean length of an answer.
        limited: requests that were answered 429.
        sharing: of an account's items that another account sends too.
        migrated: of conversations that several accounts take part in.
        told_apart: R of content between several accounts (`campaigns.exchangeability`).
    """

    requests: int
    accounts: int
    end_users: int
    networks: int
    first_seen: datetime
    last_seen: datetime
    models: dict[str, float]
    capabilities: dict[str, float]
    hours: tuple[float, ...]
    by_day: tuple[int, ...]
    night: float
    busiest_day: float
    busiest_account: float
    framed: float
    one_system: float
    novelty: float
    subjects: float
    elicitation: float
    grading: float
    turns: float
    conversing: float
    answer_tokens: float | None
    limited: float | None
    sharing: float
    migrated: float
    told_apart: float | None

    @property
    def days(self) -> int:
        """Length of the window in days."""
        return len(self.by_day)


def traits_of(requests: ir.Table) -> Traits:
    """Measure a log.

    Args:
        requests: sealed sketches, at least one.
    """
    seen = with_framed(with_half(requests, 0)).cache()
    totals = population_totals(seen).to_pyarrow().to_pylist()[0]
    counted = _counted(seen)
    size = totals["requests"]
    hours = _hours(seen)
    days = _days(seen)
    return Traits(
        requests=size,
        first_seen=totals["first_seen"],
        last_seen=totals["last_seen"],
        models=_shares(seen, "model"),
        capabilities={CAPABILITIES[i]: v for i, v in _shares(seen, "capability").items()},
        hours=tuple((hours / size).tolist()),
        by_day=tuple(days.tolist()),
        night=float(_quietest(hours) / size),
        busiest_day=float(days.max() / size),
        busiest_account=_largest(seen, "account") / size,
        one_system=_largest(seen.filter(seen.system_key.notnull()), "system_key") / size,
        migrated=_migrated(seen),
        **counted,
        **_sampled(seen, counted["accounts"]),
    )


def _counted(seen: ir.Table) -> dict[str, Any]:
    row = seen.agg(
        accounts=seen.account.nunique(),
        end_users=seen.end_user_key.nunique(),
        networks=seen.network_key.nunique(),
        framed=seen.framed.mean(),
        elicitation=(seen.elicitation > ASKED).mean(),
        grading=(seen.grading > ASKED).mean(),
        turns=(seen.turns > 1).mean(),
        answer_tokens=seen.output_tokens.mean(),
        limited=(seen.status == _RATE_LIMITED).mean(),
    )
    return dict(row.to_pyarrow().to_pylist()[0])


def _sampled(seen: ir.Table, accounts: int) -> dict[str, Any]:
    """What is measured request by request, on as many of each account as the sample allows."""
    rank = ibis.row_number().over(group_by=seen.account, order_by=[seen.body_key, seen.request_key])
    ranked = seen.select(*SAMPLED_COLUMNS).mutate(rank=rank)
    kept = ranked.filter(ranked["rank"] < max(SAMPLED // accounts, 2)).drop("rank")
    stream = Stream.from_table(kept.to_pyarrow().sort_by([(n, "ascending") for n in _ORDER]))
    habits = measure(stream)
    bodies = np.unique(np.stack([stream.account, stream.body]), axis=1)
    known = np.isfinite(habits.content.error)
    return {
        "novelty": bodies.shape[1] / len(stream),
        "subjects": _agreement(stream),
        "conversing": float(converses(stream).mean()),
        "sharing": habits.sharing.value if accounts > 1 else 0.0,
        "told_apart": habits.content.ratio if known else None,
    }


_ORDER = ("account", "request_key")


def _agreement(stream: Stream) -> float:
    """Words outside of frames that two of the items have in common, on average."""
    items = stream.items()
    _, codes, _ = items.coded()
    words = items.words_in(codes)
    sent = np.bincount(words.word, minlength=1).astype(float)
    n = len(items)
    return float((sent * (sent - 1)).sum() / max(n * (n - 1), 1))


def _shares(seen: ir.Table, column: str) -> dict[Any, float]:
    found = seen.group_by(value=seen[column]).agg(requests=seen.count()).to_pyarrow()
    rows = found.sort_by([("requests", "descending"), ("value", "ascending")]).to_pylist()
    size = sum(row["requests"] for row in rows)
    return {row["value"]: row["requests"] / size for row in rows}


def _largest(seen: ir.Table, column: str) -> int:
    groups = seen.group_by(value=seen[column]).agg(requests=seen.count())
    return int(groups.requests.max().to_pyarrow().as_py() or 0)


def _migrated(seen: ir.Table) -> float:
    some = seen.filter(seen.conversation_key.notnull())
    conversations = some.group_by("conversation_key").agg(accounts=some.account.nunique())
    return float((conversations.accounts > 1).mean().to_pyarrow().as_py() or 0.0)


def _hours(seen: ir.Table) -> NDArray[np.int64]:
    found = population_by_hour(seen).to_pyarrow()
    hours = np.zeros(24, np.int64)
    hours[found.column("value").to_numpy()] = found.column("requests").to_numpy()
    return hours


def _quietest(hours: NDArray[np.int64]) -> int:
    return min(int(np.roll(hours, -first)[:_NIGHT_HOURS].sum()) for first in range(len(hours)))


def _days(seen: ir.Table) -> NDArray[np.int64]:
    found = population_by_day(seen).to_pyarrow()
    day = found.column("day").to_numpy()
    days = np.zeros(int(day.max() - day.min()) + 1, np.int64)
    days[day - day.min()] = found.column("requests").to_numpy()
    return days
