"""What two indexes answer together is what one of everything answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from stillwatch.campaigns import grown, ranged
from stillwatch.campaigns.candidates import MIN_STREAM, Candidate, Family
from stillwatch.campaigns.grown import GROWN, Grown
from stillwatch.campaigns.ranged import Ranged
from stillwatch.campaigns.sampling import by_candidate
from stillwatch.campaigns.segment import Earlier
from stillwatch.progress import Silent
from stillwatch.signals.families import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD, TAIL = KINDS.index("head4_key"), KINDS.index("tail4_key")
ACCOUNTS = 12
LATE = 400
"""Hours from which on requests are new."""


def _rows() -> list[dict[str, Any]]:
    """Twelve accounts that share openings and endings; two come late, and with them an opening;
    one grows by more than a quarter."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(900):
        hour = float(rng.integers(0, 480))
        account = int(rng.integers(1, ACCOUNTS + 1 if hour >= LATE else ACCOUNTS - 1))
        late = hour >= LATE and i % 3 == 0
        account = 5 if hour >= LATE and i % 7 == 0 else account
        rows.append(
            {
                "request_key": 1000 + i, "account": account, "hour": hour,
                "body_key": int(rng.integers(0, 300)), "mining": bool(rng.integers(0, 2)),
                "head4_key": 77 if late else int(rng.integers(1, 5)),
                "tail4_key": int(rng.integers(1, 3)) if rng.random() < 0.5 else None,
            }
        )  # fmt: skip
    return rows


def _slotted(requests: Any) -> Any:
    return requests.mutate(slot=requests.timestamp.epoch_seconds().cast("int64") // 3600)


class Both:
    """The same requests indexed at once, and in two parts."""

    def __init__(self, table: Callable[..., Any], folder: Path) -> None:
        rows = _rows()
        old = [row for row in rows if row["hour"] < LATE]
        late = [row for row in rows if row["hour"] >= LATE]
        everything, before, new = (_slotted(table(some)) for some in (rows, old, late))
        accounts = np.arange(1, ACCOUNTS + 1)
        with Silent().step("test") as step:
            self.whole = Ranged.of(everything, accounts, len(rows), step)
            kept = Ranged.of(before, accounts[:-2], len(old), step, keep=folder)
            kept.save()
            self.grown = Grown.since(everything, new, Earlier.open(folder), step)


@pytest.fixture(params=["one range", "ranges"])
def both(
    request: pytest.FixtureRequest,
    table: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Both:
    if request.param == "ranges":
        monkeypatch.setattr(ranged, "WHOLE_REQUESTS", 50)
        monkeypatch.setattr(ranged, "RANGE_REQUESTS", 100)
    folder = tmp_path / "index"
    folder.mkdir()
    return Both(table, folder)


def _family(kind: int, key: int, accounts: list[int]) -> Candidate:
    chosen = np.array(accounts, dtype=np.int64)
    return Candidate(chosen, (Family(kind, key, chosen, 1, 1),))


CANDIDATES = [
    _family(HEAD, 1, [1, 2, 3, 11]),
    _family(TAIL, 2, [2, 3, 4, 5, 12]),
    _family(HEAD, 4, list(range(1, 13))),
]


def test_activity_is_that_of_all_requests(both: Both) -> None:
    assert both.grown.activity.equals(both.whole.activity)


def test_settled_accounts_have_hardly_grown(both: Both) -> None:
    rows = _rows()
    before, now = (
        np.bincount([r["account"] for r in rows if r["hour"] < end], minlength=ACCOUNTS + 1)
        for end in (LATE, np.inf)
    )
    expected = [a for a in range(1, 11) if now[a] - before[a] < GROWN * before[a]]
    assert 0 < len(expected) < 10
    assert both.grown.settled.tolist() == expected


@pytest.mark.parametrize("each", [2, 1000])
@pytest.mark.parametrize("most", [None, 2])
def test_samples_are_those_of_all_requests(both: Both, each: int, most: int | None) -> None:
    found = [
        one.sample(CANDIDATES, each=each, most=most, outside=True)
        for one in (both.whole, both.grown)
    ]
    counts = [sorted(map(tuple, (row.values() for row in one.counts.to_pylist()))) for one in found]
    assert counts[0] == counts[1]
    for side in ("inside", "outside"):
        whole, parts = (by_candidate(getattr(one, side), len(CANDIDATES)) for one in found)
        for expected, sampled in zip(whole, parts, strict=True):
            assert len(expected)
            for name in ("request", "account", "body", "mining", "tokens"):
                assert np.array_equal(getattr(expected, name), getattr(sampled, name)), name


def test_members_are_all_requests_of_the_streams(both: Both) -> None:
    late = _family(HEAD, 77, [11, 12])
    for candidates in (CANDIDATES, [late]):
        expected, found = (
            sorted(
                (row["candidate"], row["request_key"])
                for row in one.members(candidates, ["model"]).to_pyarrow().to_pylist()
            )
            for one in (both.whole, both.grown)
        )
        assert len(expected)
        assert found == expected


def test_feeders_are_those_of_all_requests(both: Both) -> None:
    families = {(HEAD, 1), (HEAD, 3), (TAIL, 2)}
    by = [("kind", "ascending"), ("key", "ascending"), ("account", "ascending")]
    expected, found = (one.feeding.of(families).sort_by(by) for one in (both.whole, both.grown))
    assert len(expected)
    assert found.equals(expected)


def test_families_that_have_grown_are_offered(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = {(f.kind, f.key): f for f in both.grown.feeding.families()}
    whole = {(f.kind, f.key): f for f in both.whole.feeding.families()}
    rows = [row for row in _rows() if row["mining"]]
    assert (HEAD, 77) in offered
    for (kind, key), family in whole.items():
        if kind not in {HEAD, TAIL}:
            continue
        sent = [row["hour"] for row in rows if row[KINDS[kind]] == key]
        new = sum(hour >= LATE for hour in sent)
        assert ((kind, key) in offered) == (new >= GROWN * (len(sent) - new)), (kind, key)
        if (kind, key) in offered and key != 77:
            # by all requests, and not by the new ones alone
            same = offered[kind, key]
            assert (same.requests, same.core_requests) == (family.requests, family.core_requests)
            assert same.accounts.tolist() == family.accounts.tolist()
    assert offered[HEAD, 77].requests >= MIN_STREAM
    monkeypatch.setattr(grown, "GROWN", 0.0)
    every = {(f.kind, f.key) for f in both.grown.feeding.families()}
    assert set(whole) == every
