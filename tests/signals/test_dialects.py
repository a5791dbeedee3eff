"""Every signal as SQL of warehouses: compiled here, and executed on DuckDB by the other tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import pytest

from stillwatch.schema import SKETCHES
from stillwatch.signals import (
    activity,
    description,
    families,
    frames,
    halves,
    moves,
    population,
    streams,
)

if TYPE_CHECKING:
    from collections.abc import Callable

WAREHOUSES = ("clickhouse", "bigquery", "snowflake")

_SKETCHES = ibis.Schema.from_pyarrow(SKETCHES)
_HALVED = {"slot": "int64", "mining": "boolean"}
SKETCHED = ibis.table(_SKETCHES, name="sketches")
HALVED = ibis.table(dict(_SKETCHES.items()) | _HALVED, name="halved")
REQUESTS = ibis.table(dict(_SKETCHES.items()) | _HALVED | {"framed": "boolean"}, name="requests")
FAMILIES = ibis.table({"candidate": "int64", "kind": "int8", "key": "int64"}, name="families")
CORES = ibis.table({"candidate": "int64", "account": "int64"}, name="cores")
MEMBERS = ibis.table(
    {"candidate": "int64", "account": "int64", "request_key": "int64"}
    | {"body_key": "int64", "mining": "boolean"},
    name="members",
)
STREAMS = ibis.table(dict(REQUESTS.schema().items()) | {"campaign": "int64"}, name="streams")
FED = ibis.table(
    {"kind": "int8", "key": "int64", "account": "int64"}
    | {"requests": "int64", "mining_requests": "int64"},
    name="fed",
)

SIGNALS: dict[str, Callable[[], Any]] = {
    "halves": lambda: halves.with_half(SKETCHED, seed=0),
    "frames": lambda: frames.with_framed(HALVED),
    "activity": lambda: activity.account_activity(REQUESTS),
    "feeders": lambda: families.feeders(REQUESTS),
    "feeders of some families": lambda: families.feeders(REQUESTS, FAMILIES),
    "families": lambda: families.fed_by_several(FED, accounts=4, requests=12),
    "families of groups": lambda: families.fed_by_a_group(FED, least=4, most=100_000),
    "streams": lambda: streams.stream_members(REQUESTS, FAMILIES, CORES),
    "stream requests": lambda: streams.stream_requests(REQUESTS, MEMBERS),
    "stream counts": lambda: streams.stream_counts(MEMBERS),
    "stream sample": lambda: streams.stream_sample(REQUESTS, MEMBERS, 60),
    "totals": lambda: description.totals(STREAMS),
    "models": lambda: description.model_tokens(STREAMS),
    "hours": lambda: description.by_hour(STREAMS),
    "days": lambda: description.by_day(STREAMS),
    "accounts": lambda: description.by_account(STREAMS),
    "networks": lambda: description.shared_networks(STREAMS),
    "retries": lambda: moves.retries(STREAMS),
    "continuations": lambda: moves.continuations(STREAMS),
    "first uses": lambda: moves.first_uses(REQUESTS),
    "examples": lambda: description.some_requests(STREAMS, 3),
    "population": lambda: population.population_totals(SKETCHED),
    "population by day": lambda: population.population_by_day(SKETCHED),
    "population by hour": lambda: population.population_by_hour(SKETCHED),
}


@pytest.mark.parametrize("dialect", WAREHOUSES)
@pytest.mark.parametrize("name", SIGNALS)
def test_every_signal_compiles(name: str, dialect: str) -> None:
    assert "SELECT" in str(ibis.to_sql(SIGNALS[name](), dialect=dialect))
