from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json, structs

from stillwatch.errors import InputError
from stillwatch.publishing import with_step_up
from stillwatch.schema import Verdict
from stillwatch.standing import (
    Action,
    KnownCampaign,
    Snapshot,
    Standing,
    dump_snapshot,
    load_snapshot,
    load_step_up,
    write_snapshot,
)

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


def test_a_wrong_standing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(b'{"sequence":1,"standings":[{"account_id":"a"},{"account_id":1}]}')
    with pytest.raises(InputError, match=r"standings\[1\].*account_id"):
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


ASKED = Standing(
    account_id="a",
    action=Action.VERIFY,
    reason="seen elsewhere",
    notice="Please verify.",
    author="import:first",
    since=NOW,
    expires_at=NOW + timedelta(days=14),
)


def test_accounts_to_verify_join_a_snapshot_and_make_nothing_milder() -> None:
    held = (
        Standing(account_id="b", action=Action.SUSPEND, reason="scan"),
        Standing(account_id="c", verdict=Verdict.POOLED, campaign_id="c-1"),
        Standing(account_id="d"),
    )
    asked = [
        *(structs.replace(ASKED, account_id=name) for name in "cba"),
        structs.replace(ASKED, account_id="d", expires_at=NOW),
    ]
    merged = with_step_up(Snapshot(sequence=1, as_of=NOW, standings=held), asked)
    assert [s.account_id for s in merged.standings] == ["a", "b", "c", "d"]
    assert merged.standings[0] == ASKED
    assert merged.standings[1] == held[0]
    assert merged.standings[2] == structs.replace(
        ASKED, account_id="c", verdict=Verdict.POOLED, campaign_id="c-1"
    )
    assert merged.standings[3] == held[2]


@pytest.mark.parametrize(
    "rows",
    [
        {"account_id": "a"},
        [{"account_id": "a"}],
        [{"account_id": "a", "action": "suspend", "reason": "r", "author": "x",
          "expires_at": "2026-06-02T00:00:00Z"}],
        [{"account_id": "a", "action": "verify", "reason": "r", "author": "import:x"}],
        [{"account_id": "a", "action": "verify", "reason": "r", "author": "import:x",
          "expires_at": "2026-06-02T00:00:00Z"}] * 2,
    ],
)  # fmt: skip
def test_a_file_of_partners_can_ask_for_verification_and_nothing_else(
    tmp_path: Path, rows: object
) -> None:
    path = tmp_path / "verify.json"
    path.write_bytes(json.encode(rows))
    with pytest.raises(InputError, match=r"verify\.json"):
        load_step_up(path)


@given(st.binary(max_size=200))
def test_no_bytes_ask_for_anything(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "verify.json"
        path.write_bytes(data)
        with suppress(InputError):
            assert all(s.action is Action.VERIFY for s in load_step_up(path))
