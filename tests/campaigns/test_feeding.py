"""Families are the same however many of them are looked at together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.campaigns import feeding
from stillwatch.campaigns.feeding import Feeding, in_parts
from stillwatch.engine import session
from stillwatch.signals.families import WORDLESS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stillwatch.campaigns.candidates import Family


def _fed() -> pa.Table:
    """Forty families of two kinds with keys of both signs, and one that shares no words."""
    rng = np.random.default_rng(0)
    rows = []
    for family in range(40):
        key = int(rng.integers(-(2**63), 2**63 - 1))
        accounts = rng.choice(200, 3 + family, replace=False)
        rows += [(family % 2, key, int(a), 9, int(rng.integers(1, 6))) for a in accounts]
    rows += [(WORDLESS[0], 0, account, 90, 50) for account in range(30)]
    names = ("kind", "key", "account", "requests", "mining_requests")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return pa.table(columns | {"kind": pa.array(columns["kind"], pa.int8())})


@dataclass(frozen=True)
class Both:
    """The same families whole, and in parts that came in two pieces."""

    whole: Feeding
    parts: Feeding


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Both]:
    with session(spill=tmp_path / "spill") as backend:
        whole = backend.create_table("whole", _fed(), temp=True)
        pieces = backend.create_table("pieces", in_parts(_fed()[:300], 4), temp=True)
        backend.insert("pieces", in_parts(_fed()[300:], 4))
        yield Both(Feeding(whole, 4, 12), Feeding(pieces, 4, 12, 4))


def _said(found: list[Family]) -> list[tuple[int, int, list[int], int, int]]:
    return [(f.kind, f.key, f.accounts.tolist(), f.requests, f.core_requests) for f in found]


def test_parts_have_the_families_of_the_whole(fed: Both) -> None:
    whole = _said(fed.whole.families())
    assert len(whole) > 20
    assert {kind for kind, *_ in whole} == {0, 1, WORDLESS[0]}
    assert _said(fed.parts.families()) == whole


def test_the_largest_families_stay_and_those_without_words(
    fed: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _said(fed.whole.families())
    monkeypatch.setattr(feeding, "MAX_FAMILIES", 5)
    told = [family for family in whole if family[0] not in WORDLESS]
    expected = [family for family in whole if family in told[:5] or family[0] in WORDLESS]
    assert _said(fed.whole.families()) == expected
    assert _said(fed.parts.families()) == expected


def test_rows_lie_by_their_part() -> None:
    part = in_parts(_fed(), 8).column("part").to_numpy()
    assert set(part.tolist()) == set(range(8))
    assert (np.diff(part) >= 0).all()


def test_who_feeds_some_families(fed: Both) -> None:
    table = _fed()
    first = table.column("key")[0].as_py()
    found = fed.whole.of([(0, first), (WORDLESS[0], 0), (1, first)])
    rows = {tuple(row.values()) for row in found.to_pylist()}
    assert rows == {
        tuple(row.values())
        for row in table.to_pylist()
        if (row["kind"], row["key"]) in {(0, first), (WORDLESS[0], 0)}
    }
    assert fed.whole.of([]).num_rows == 0
