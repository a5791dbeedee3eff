"""Families are the same from a table and from an index, however many are looked at together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.campaigns import feeding
from stillwatch.campaigns.block import Wanted
from stillwatch.campaigns.candidates import MIN_STREAM
from stillwatch.campaigns.columns import Columns
from stillwatch.campaigns.feeding import FEEDER, Fed, FedTable, Feeding, Inverted
from stillwatch.engine import session
from stillwatch.signals.families import WORDLESS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stillwatch.campaigns.candidates import Family

ACCOUNTS = 200


def _fed() -> pa.Table:
    """Forty families of two kinds with keys of both signs, and one that shares no words."""
    rng = np.random.default_rng(0)
    rows = []
    for family in range(40):
        key = int(rng.integers(-(2**63), 2**63 - 1))
        accounts = rng.choice(ACCOUNTS, 3 + family, replace=False)
        rows += [(family % 2, key, int(a), 9, int(rng.integers(0, 6))) for a in accounts]
    rows += [(WORDLESS[0], 0, account, 90, 50) for account in range(30)]
    names = ("kind", "key", "account", "requests", "mining_requests")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return pa.table(columns | {"kind": pa.array(columns["kind"], pa.int8())})


def _range(wanted: Wanted, rows: pa.Table, folder: Path) -> Fed:
    number = wanted.numbers(rows)
    account = rows.column("account").to_numpy()
    order = np.lexsort((account, number))
    feeders = np.empty(len(order), FEEDER)
    feeders["account"] = account[order]
    feeders["requests"] = rows.column("requests").to_numpy()[order]
    feeders["mined"] = rows.column("mining_requests").to_numpy()[order]
    starts = np.searchsorted(number[order], np.arange(len(wanted.kind) + 1))
    return Fed(starts, Columns.of(folder, feeders=[feeders]))


@dataclass(frozen=True)
class Both:
    """The same families in a table, and in an index of three ranges of accounts, one empty."""

    table: Feeding
    index: Feeding


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Both]:
    rows = _fed()
    kind, account = (rows.column(name).to_numpy() for name in ("kind", "account"))
    told = rows.filter(pa.array(~np.isin(kind, WORDLESS)))
    wanted = Wanted.of(told.group_by(["kind", "key"]).aggregate([]))
    ranges = tuple(
        _range(wanted, rows.filter(pa.array((account >= low) & (account < high))), tmp_path / name)
        for low, high, name in ((0, 70, "a"), (70, 70, "b"), (70, ACCOUNTS, "c"))
    )
    with session(spill=tmp_path / "spill") as backend:
        table = backend.create_table("fed", rows, temp=True)
        yield Both(FedTable(table), Inverted(wanted, ranges))


def _said(found: list[Family]) -> list[tuple[int, int, list[int], int, int]]:
    return [(f.kind, f.key, f.accounts.tolist(), f.requests, f.core_requests) for f in found]


@pytest.mark.parametrize("together", [1, 100, 10**6])
def test_an_index_has_the_families_of_the_table(
    fed: Both, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(feeding, "FEEDERS", together)
    expected = _said(fed.table.families())
    assert len(expected) > 20
    assert {kind for kind, *_ in expected} == {0, 1, WORDLESS[0]}
    assert min(requests for *_, requests, _ in expected) >= MIN_STREAM
    assert _said(fed.index.families()) == expected


def test_the_largest_families_stay_and_those_without_words(
    fed: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _said(fed.table.families())
    monkeypatch.setattr(feeding, "MAX_FAMILIES", 5)
    told = [family for family in whole if family[0] not in WORDLESS]
    expected = [family for family in whole if family in told[:5] or family[0] in WORDLESS]
    assert _said(fed.table.families()) == expected
    assert _said(fed.index.families()) == expected


def test_who_feeds_some_families(fed: Both) -> None:
    rows = _fed()
    first = rows.column("key")[0].as_py()
    named = {(0, first), (WORDLESS[0], 0)}
    expected = {tuple(r.values()) for r in rows.to_pylist() if (r["kind"], r["key"]) in named}
    for feeding_ in (fed.table, fed.index):
        found = feeding_.of([*named, (1, first)])  # nobody feeds the last
        assert {tuple(row.values()) for row in found.to_pylist()} == expected
        assert feeding_.of([]).num_rows == 0
