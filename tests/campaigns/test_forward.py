"""A range of accounts, indexed; that it answers what tables do is compared in whole scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from stillwatch.campaigns.block import Block, Wanted
from stillwatch.campaigns.candidates import Candidate, Family
from stillwatch.campaigns.feeding import Inverted
from stillwatch.campaigns.forward import Forward, Query
from stillwatch.campaigns.spread import Spread
from stillwatch.signals.families import KINDS, WORDLESS, feeders

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD = KINDS.index("head4_key")
SHARED = 7
"""The key of the words that the first request of each account begins with."""

ROWS: list[dict[str, Any]] = [
    {"account": account, "request_key": 10 * account + i, "body_key": i, "mining": i == 0,
     "head4_key": SHARED if i == 0 else 100 + account, "tokens": [account, i] + [0] * 22}
    for account in (5, 3) for i in range(6)
]  # fmt: skip


@pytest.fixture
def requests(table: Callable[..., Any]) -> Any:
    return table(ROWS).mutate(slot=0)


@pytest.fixture(params=["memory", "file"])
def forward(request: pytest.FixtureRequest, requests: Any, tmp_path: Path) -> Forward:
    folder = tmp_path / "0" if request.param == "file" else None
    return Forward.of(Block.read(requests, whole=True), _wanted(requests), folder)


def _wanted(requests: Any) -> Wanted:
    every = feeders(requests.mutate(framed=False))
    every = every.filter(every.kind == HEAD)
    return Wanted.of(every.select("kind", "key").distinct().to_pyarrow())


def _query(requests: Any, *accounts: int, each: int | None = None) -> Query:
    family = Family(HEAD, SHARED, np.array(accounts), 1, 1)
    candidate = Candidate(np.array(accounts, dtype=np.int64), (family,))
    return Query.of([candidate], _wanted(requests), each=each)


def test_a_stream_and_what_is_outside_of_it(requests: Any, forward: Forward) -> None:
    picked = forward.pick(_query(requests, 3, 4), inside=True, outside=True)
    assert picked.counts.to_pylist() == [{"candidate": 0, "account": 3, "mined": 1, "tested": 0}]
    assert forward.requests(picked.inside[1]).tolist() == [30]
    outside = forward.records(picked.outside[1])
    assert outside["request"].tolist() == [31, 32, 33, 34, 35]
    assert outside["account"].tolist() == [3] * 5
    assert outside["framed"].tolist() == [True] * 5


def test_no_more_are_named_than_were_asked_for(requests: Any, forward: Forward) -> None:
    picked = forward.pick(_query(requests, 3, 5, each=2), inside=True, outside=True)
    assert forward.requests(picked.outside[1]).tolist() == [31, 32, 51, 52]


def test_an_account_in_many_candidates_is_in_the_streams_of_its_own(
    requests: Any, forward: Forward
) -> None:
    """A family that feeds many: what is few is looked up in what is many, either way."""
    family = Family(HEAD, SHARED, np.array([3, 5]), 1, 1)
    alone = [Candidate(np.array([account]), (family,)) for account in (5, 9, 3, *range(10, 99))]
    query = Query.of(alone, _wanted(requests))
    picked = forward.pick(query, inside=True, outside=True)
    counts = [(row["candidate"], row["account"], row["mined"]) for row in picked.counts.to_pylist()]
    assert sorted(counts) == [(0, 5, 1), (2, 3, 1)]
    candidate, place = picked.inside
    assert dict(zip(candidate.tolist(), forward.requests(place).tolist(), strict=True)) == {
        0: 50,
        2: 30,
    }
    candidate, place = picked.outside
    assert set(zip(candidate.tolist(), (forward.requests(place) // 10).tolist(), strict=True)) == {
        (0, 5),
        (2, 3),
    }


@pytest.mark.parametrize("accounts", [(), (4, 9)])
def test_a_range_may_hold_none_of_the_accounts(
    requests: Any, forward: Forward, accounts: tuple[int, ...]
) -> None:
    picked = forward.pick(_query(requests, *accounts), inside=True, outside=True)
    assert (len(picked.counts), len(picked.inside[0]), len(picked.outside[0])) == (0, 0, 0)
    assert picked.counts.column("mined").type == "int64"


def test_it_counts_who_feeds_what_as_the_engine_does(
    requests: Any, forward: Forward, tmp_path: Path
) -> None:
    wanted = _wanted(requests)
    fed = forward.fed(len(wanted.kind), tmp_path / "fed")
    of_head = Spread.of(requests).requests
    every_kind = feeders(of_head)
    expected = every_kind.filter(every_kind.kind.isin((HEAD, *WORDLESS))).to_pyarrow()
    names = ["kind", "key", "account", "requests", "mining_requests"]
    by = [(name, "ascending") for name in names]
    every = list(zip(wanted.kind.tolist(), wanted.key.tolist(), strict=True))
    found = Inverted(wanted, (fed,)).of(every).select(names).sort_by(by)
    assert found.to_pylist() == expected.select(names).sort_by(by).to_pylist()


@pytest.mark.parametrize("kept", [None, "0"])
def test_a_range_may_hold_nothing(requests: Any, tmp_path: Path, kept: str | None) -> None:
    """One account that fills several ranges leaves the others empty."""
    wanted, folder = _wanted(requests), tmp_path / kept if kept else None
    nobody = Forward.of(
        Block.read(requests.filter(requests.account < 0), whole=True), wanted, folder
    )
    picked = nobody.pick(_query(requests, 3, 5), inside=True, outside=True)
    assert len(picked.counts) == len(nobody.records(picked.inside[1])) == 0
    fed = Inverted(wanted, (nobody.fed(len(wanted.kind), folder),))
    assert fed.families() == []
    assert fed.of([(HEAD, SHARED)]).num_rows == 0
