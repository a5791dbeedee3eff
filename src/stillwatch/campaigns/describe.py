"""Judged groups into `schema.Campaign`: the numbers and words that people read."""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.moves import NOTHING_MOVED, Moved
from stillwatch.campaigns.prices import list_price
from stillwatch.schema import CAPABILITIES, DayCount, Link, Member
from stillwatch.signals import description, moves

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import ibis.expr.types as ir

    from stillwatch.campaigns.candidates import Candidate
    from stillwatch.campaigns.evidence import Evidence

Ints = NDArray[np.int64]

MAX_LINKS = 400
"""Links of a campaign that are kept for its picture."""

BRANCHES = 3
"""Members that one is joined to for the stream that all of them share: a tree holds them together
and shows no middle, where there is none."""


@dataclass(frozen=True)
class Deeds:
    """What one campaign did, by the numbers of `signals.description`."""

    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    first_seen: str
    last_seen: str
    capabilities: dict[str, float]
    models: dict[str, float]
    hours: tuple[float, ...]
    timeline: tuple[DayCount, ...]
    members: dict[int, tuple[int, str, str]]
    networks: tuple[tuple[int, ...], ...]
    examples: tuple[int, ...]
    moved: Moved = NOTHING_MOVED


def deeds(evidence: Evidence, streams: Sequence[Candidate], examples: int = 0) -> list[Deeds]:
    """Describe campaigns, each given by the families and the accounts of its stream.

    Args:
        evidence: the requests.
        streams: each campaign's families and accounts.
        examples: requests of each campaign to name.
    """
    if not streams:
        return []
    columns = {*description.COLUMNS, *moves.COLUMNS}
    found = evidence.members(streams, sorted(columns)).rename(campaign="candidate")
    rows = {
        "totals": _rows(description.totals(found)),
        "capability": _rows(description.shares(found, "capability")),
        "model": _rows(description.model_tokens(found)),
        "hour": _rows(description.by_hour(found)),
        "day": _rows(description.by_day(found)),
        "account": _rows(description.by_account(found)),
        "network": _rows(description.shared_networks(found)),
        "retry": _rows(moves.retries(found)),
        "continuation": _rows(moves.continuations(found)),
        "example": _rows(description.some_requests(found, examples)) if examples else _NONE,
    }
    return [_deeds({name: table[i] for name, table in rows.items()}) for i in range(len(streams))]


_NONE: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)


def _rows(table: ir.Table) -> defaultdict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in table.to_pyarrow().to_pylist():
        found[row["campaign"]].append(row)
    return found


def _deeds(rows: dict[str, list[dict[str, Any]]]) -> Deeds:
    total = rows["totals"][0]
    networks: defaultdict[int, list[int]] = defaultdict(list)
    for row in rows["network"]:
        networks[row["value"]].append(row["account"])
    hours = np.zeros(24)
    for row in rows["hour"]:
        hours[row["value"]] = row["requests"]
    return Deeds(
        requests=total["requests"],
        input_tokens=int(total["input_tokens"]),
        output_tokens=int(total["output_tokens"]),
        cost_usd=round(
            sum(
                list_price(r["value"], r["input_tokens"], r["output_tokens"]) for r in rows["model"]
            ),
            2,
        ),
        first_seen=rfc3339(total["first_seen"]),
        last_seen=rfc3339(total["last_seen"]),
        capabilities=_shares((CAPABILITIES[r["value"]], r["requests"]) for r in rows["capability"]),
        models=_shares((r["value"], r["requests"]) for r in rows["model"]),
        hours=hour_shares(hours),
        timeline=timeline(rows["day"]),
        members={
            r["account"]: (r["requests"], rfc3339(r["first_seen"]), rfc3339(r["last_seen"]))
            for r in rows["account"]
        },
        examples=tuple(sorted(row["request_key"] for row in rows["example"])),
        networks=tuple(sorted(tuple(sorted(accounts)) for accounts in networks.values())),
        moved=_moved(rows["retry"], rows["continuation"]),
    )


def _moved(retry: list[dict[str, Any]], continuation: list[dict[str, Any]]) -> Moved:
    again = retry[0] if retry else {"refused": 0, "elsewhere": 0, "at_home": 0}
    on = continuation[0] if continuation else {"followed": 0, "elsewhere": 0}
    return Moved(
        refused=again["refused"],
        retried_elsewhere=again["elsewhere"],
        retried_at_home=again["at_home"],
        followed=on["followed"],
        followed_elsewhere=on["elsewhere"],
    )


def campaign_id(account_ids: Iterable[str]) -> str:
    """A stable name made from the members: the same members, the same name."""
    digest = hashlib.blake2b("\n".join(sorted(account_ids)).encode(), digest_size=5)
    return f"c-{digest.hexdigest()}"


def rfc3339(moment: datetime) -> str:
    """A moment in RFC 3339 with seconds, UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def hour_shares(counts: NDArray[np.float64]) -> tuple[float, ...]:
    """Counts by hour as shares of one."""
    total = max(counts.sum(), 1)
    return tuple(round(float(count / total), 5) for count in counts)


def timeline(days: Iterable[dict[str, Any]]) -> tuple[DayCount, ...]:
    """Rows of `day` (days since the epoch), `requests`, `accounts` as a timeline without gaps."""
    known = {row["day"]: row for row in days}
    if not known:
        return ()
    epoch = date(1970, 1, 1)
    return tuple(
        DayCount(
            day=(epoch + timedelta(days=day)).isoformat(),
            requests=known[day]["requests"] if day in known else 0,
            accounts=known[day]["accounts"] if day in known else 0,
        )
        for day in range(min(known), max(known) + 1)
    )


def _shares(counts: Iterable[tuple[str, int]]) -> dict[str, float]:
    found = sorted(counts, key=lambda item: (-item[1], item[0]))
    total = sum(count for _, count in found) or 1
    return {name: round(count / total, 4) for name, count in found}


def links(
    members: Sequence[Member],
    keys: Sequence[int],
    found: Deeds,
    payment: dict[int, int],
    population: int,
) -> tuple[Link, ...]:
    """What joins members: the stream itself, and networks and payment that several of them share.

    Args:
        members: in their final order.
        keys: the members' account keys.
        found: deeds of the campaign.
        payment: payment code by account key, for those known.
        population: number of accounts in the log, for the surprise of a join in bits.
    """
    place = {key: i for i, key in enumerate(keys)}
    joined: list[Link] = []
    surprise = float(np.log2(max(population, 2) / max(len(members), 1)))
    joined += [
        Link(source=(i - 1) // BRANCHES, target=i, kind="prompt family", weight=round(surprise, 2))
        for i in range(1, len(members))
    ]
    by_payment: defaultdict[int, list[int]] = defaultdict(list)
    for key in keys:
        if payment.get(key, -1) >= 0:
            by_payment[payment[key]].append(key)
    for kind, groups in (("payment", by_payment.values()), ("network", found.networks)):
        for group in groups:
            inside = sorted(place[key] for key in group if key in place)
            bits = round(float(np.log2(max(population, 2) / max(len(inside), 1))), 2)
            joined += [
                Link(source=a, target=b, kind=kind, weight=bits)
                for a, b in itertools.pairwise(inside)
            ]
    joined.sort(key=lambda link: (max(link.source, link.target), link.kind, link.source))
    return tuple(joined[:MAX_LINKS])
