"""A range of accounts in memory; that it answers what tables do is compared in whole scans."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.campaigns.block import Block, Cores, Wanted
from stillwatch.signals.families import KINDS

FAMILY = 7
"""The key of the one family, of the first kind, that the first request of each account has."""


@pytest.fixture
def block() -> Block:
    """Accounts 3 and 5, with two requests each, one of them mined."""
    nothing = (np.zeros(4, np.int64), np.zeros(4, np.bool_))
    first = np.array([True, False, True, False])
    keys = dict.fromkeys(range(len(KINDS)), nothing)
    return Block(
        account=np.array([3, 5]),
        starts=np.array([0, 2, 4]),
        mining=first.copy(),
        request=np.array([30, 31, 50, 51]),
        keys=keys | {0: (np.full(4, FAMILY), first)},
    )


def _wanted() -> Wanted:
    kind = pa.array([0], pa.int8())
    return Wanted.of(pa.table({"kind": kind, "key": [FAMILY], "candidate": [0]}))


def _cores(*accounts: int) -> Cores:
    account = pa.array(accounts, pa.int64())
    candidate = pa.array([0] * len(accounts), pa.int64())
    return Cores.of(pa.table({"candidate": candidate, "account": account}), 10, 10)


def test_a_stream_and_what_is_outside_of_it(block: Block) -> None:
    counts, inside = block.streams(_wanted(), _cores(3, 4))
    assert counts.to_pylist() == [{"candidate": 0, "account": 3, "mined": 1, "tested": 0}]
    assert inside.column("request_key").to_pylist() == [30]
    outside = block.elsewhere(_wanted(), _cores(3, 4))
    assert outside.column("request_key").to_pylist() == [31]


@pytest.mark.parametrize("accounts", [(), (4, 9)])
def test_a_range_may_hold_none_of_the_accounts(block: Block, accounts: tuple[int, ...]) -> None:
    counts, inside = block.streams(_wanted(), _cores(*accounts))
    outside = block.elsewhere(_wanted(), _cores(*accounts))
    assert (len(counts), len(inside), len(outside)) == (0, 0, 0)
    assert counts.column("mined").type == pa.int64()
