from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.schema import Verdict
from stillwatch.standing import (
    Action,
    KnownCampaign,
    Snapshot,
    Standing,
    dump_snapshot,
    load_snapshot,
    write_snapshot,
)

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_a_snapshot_survives_the_disk(tmp_path: Path) -> None:
    snapshot = Snapshot(
        sequence=3,
        as_of=NOW,
        standings=(Standing(account_id="a", action=Action.VERIFY, since=NOW),),
        campaigns=(
            KnownCampaign(
                campaign_id="c", verdict=Verdict.DISTILLATION, families=(("head4_key", -5),)
            ),
        ),
    )
    write_snapshot(snapshot, tmp_path / "snapshot.json")
    assert load_snapshot(tmp_path / "snapshot.json") == snapshot
    assert [file.name for file in tmp_path.iterdir()] == ["snapshot.json"]


@given(cut=st.integers(min_value=0))
def test_half_a_snapshot_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("half") / "snapshot.json"
    data = dump_snapshot(Snapshot(sequence=1, standings=(Standing(account_id="a"),))).rstrip()
    path.write_bytes(data[: cut % len(data)])
    with pytest.raises(InputError, match="not a snapshot"):
        load_snapshot(path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(b'{"format":2,"sequence":1}')
    with pytest.raises(InputError, match="format 2"):
        load_snapshot(path)


def test_an_action_counts_from_its_beginning_until_its_expiry() -> None:
    standing = Standing(account_id="a", since=NOW, expires_at=NOW + timedelta(hours=1))
    assert not standing.in_force(NOW - timedelta(seconds=1))
    assert standing.in_force(NOW)
    assert not standing.in_force(NOW + timedelta(hours=1))
    assert Standing(account_id="a").in_force(NOW)


def test_actions_are_ordered_by_severity() -> None:
    assert [action.severity for action in Action] == [0, 1, 2, 3, 4]
