"""What a scan publishes: the marks by which an accused campaign is recognised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import ibis
import pyarrow as pa
import pytest
from tests import invented_scan

from stillwatch.guard import Policy
from stillwatch.publishing import MIN_MEMBERS, MIN_REQUESTS, OWN_FOR, snapshot_of
from stillwatch.schema import SKETCHES, Verdict
from stillwatch.sketch import Sketcher
from stillwatch.standing import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
SKETCHER = Sketcher(invented_scan.KEY)
MEMBERS = tuple(f"member{n}" for n in range(MIN_MEMBERS))
LONG = OWN_FOR + timedelta(hours=1)


def sent(
    accounts: Iterable[str], kind: str, lasting: timedelta = LONG, times: int = MIN_REQUESTS
) -> list[dict[str, object]]:
    """Rows of each account: one family from `BEGIN` on, the last request at the end."""
    keys = SKETCHER.account_keys(pa.array(list(accounts))).to_pylist()
    empty = {
        field.name: None if field.nullable else "m" if pa.types.is_string(field.type) else 0
        for field in SKETCHES
    }
    return [
        {**empty, "account": key, kind: 7, "timestamp": BEGIN + lasting * number / (times - 1)}
        for key in keys
        for number in range(times)
    ]


def marks(
    rows: list[dict[str, object]], verdict: Verdict = Verdict.DISTILLATION
) -> tuple[tuple[str, int], ...]:
    snapshot = snapshot_of(
        [invented_scan.campaign("c", MEMBERS, verdict)],
        ibis.memtable(pa.Table.from_pylist(rows, SKETCHES)),
        None,
        SKETCHER,
        policy=Policy(),
        as_of=BEGIN + timedelta(days=9),
        previous=Snapshot(sequence=0),
        key_fingerprint=invented_scan.KEY.fingerprint,
    )
    (known,) = snapshot.campaigns
    return known.families


@pytest.mark.parametrize("kind", ["system_key", "head8_key"])
def test_a_template_that_only_members_use_is_theirs(kind: str) -> None:
    assert marks(sent(MEMBERS, kind)) == ((kind, 7),)


@pytest.mark.parametrize("kind", ["head4_key", "tail4_key", "tail8_key", "skeleton_key"])
def test_a_turn_of_phrase_is_nobodys(kind: str) -> None:
    assert marks(sent(MEMBERS, kind)) == ()


def test_a_template_that_an_outsider_used_once_is_not_theirs() -> None:
    rows = sent(MEMBERS, "head8_key")
    assert marks([*rows, sent(["stranger"], "head8_key")[0]]) == ()


def test_a_template_is_not_theirs_before_others_could_have_come() -> None:
    # release day: a campaign begins at midnight with what laboratories begin with in the morning
    assert marks(sent(MEMBERS, "head8_key", OWN_FOR - timedelta(minutes=1))) == ()
    assert marks(sent(MEMBERS, "head8_key", OWN_FOR)) != ()


def test_a_template_of_two_members_or_of_a_pool_marks_nobody() -> None:
    assert marks(sent(MEMBERS[1:], "head8_key")) == ()
    assert marks(sent(MEMBERS, "head8_key"), Verdict.POOLED) == ()
