from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from stillwatch.errors import UsageError
from stillwatch.exchange.book import Book
from stillwatch.exchange.collect import Keys, collect
from stillwatch.exchange.matching import PRIORS, match
from stillwatch.exchange.package import MIN_ACCOUNTS, Package
from stillwatch.lab import Scenario, simulate
from stillwatch.readers import open_log
from stillwatch.scanning import scan
from stillwatch.sketch import SketchKey
from stillwatch.standing import Action

from .packages import PARTNERS

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

FIRST = Keys(SketchKey(b"\x0a" * 32), PARTNERS)
SECOND = Keys(SketchKey(b"\x0b" * 32), PARTNERS)
NOW = datetime(2026, 3, 13, tzinfo=UTC)
WORLD = Scenario(
    days=8,
    groups={
        "individuals": {"accounts": 120, "per_day": 2.0},
        "popular_app": {"accounts": 40},
        "cover_traffic": {"accounts": 30, "per_day": 10.0},
    },
)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str, set[str]]:
    """A scan's folder, its log, the campaign that was found, and its members."""
    folder = tmp_path_factory.mktemp("first")
    made = simulate(WORLD, folder / "provider", seed=0)
    found = scan([made.log], accounts=made.accounts, out=folder / "scan", key=FIRST.own)
    campaign = found.findings.campaigns[0]
    members = {member.account_id for member in campaign.members}
    return folder / "scan", made.log, campaign.campaign_id, members


@pytest.fixture(scope="module")
def shared(scanned: tuple[Path, Path, str, set[str]]) -> Package:
    folder, log, name, _ = scanned
    return collect(
        folder,
        name,
        open_log([str(log)]),
        FIRST,
        source="first.example",
        name="k-1",
        tlp="TLP:AMBER",
        now=NOW,
    )


def batches(log: Path) -> list[pa.RecordBatch]:
    return [batch.requests for batch in open_log([str(log)])]


def test_package_says_nothing_that_could_name_anybody(
    scanned: tuple[Path, Path, str, set[str]], shared: Package
) -> None:
    text = str(shared)
    assert not any(member in text for member in scanned[3])
    assert scanned[2] not in text
    assert all(i.accounts >= MIN_ACCOUNTS for i in shared.indicators)
    assert shared.campaign.requests == float(f"{shared.campaign.requests:.2g}")


def test_another_provider_recognises_the_same_templates(
    scanned: tuple[Path, Path, str, set[str]], shared: Package
) -> None:
    _, log, _, members = scanned
    found = match(batches(log), [shared], SECOND, NOW)
    standings = found.step_up(NOW)
    asked = {standing.account_id for standing in standings}
    assert len(asked & members) > 0.8 * len(members)
    truth = pq.read_table(log.parent / "truth.parquet").to_pylist()
    assert not asked - {row["account_id"] for row in truth if row["campaign"]}
    assert {standing.action for standing in standings} == {Action.VERIFY}
    assert all(s.expires_at and s.verdict is None for s in standings)
    priors = found.priors()
    assert priors.schema == PRIORS
    assert len(priors) == len(found.hits) > 0


def test_priors_are_in_the_provider_s_own_keys(
    scanned: tuple[Path, Path, str, set[str]], shared: Package
) -> None:
    _, log, _, _ = scanned
    here, there = (match(batches(log), [shared], keys, NOW).priors() for keys in (FIRST, SECOND))
    ours, theirs = (set(table.column("key").to_pylist()) for table in (here, there))
    assert len(ours) == len(theirs)
    assert not ours & theirs
    tokens = {int(i.token, 16) for i in shared.indicators}
    assert not tokens & {key % 2**64 for key in ours | theirs}


def test_without_the_partners_key_nothing_matches(
    scanned: tuple[Path, Path, str, set[str]], shared: Package
) -> None:
    stranger = Keys(SECOND.own, SketchKey(b"\x66" * 32))
    assert match(batches(scanned[1]), [shared], stranger, NOW).hits == ()


def test_expired_and_revoked_indicators_do_nothing(
    scanned: tuple[Path, Path, str, set[str]], shared: Package
) -> None:
    book = Book()
    book.take(shared, "2026-03-13T00:00:00Z")
    assert book.in_force(NOW)
    late = NOW + timedelta(days=60)
    assert match(batches(scanned[1]), [shared], SECOND, late).hits == ()


def test_poisoned_indicator_is_set_aside(scanned: tuple[Path, Path, str, set[str]]) -> None:
    """A partner shares what honest users of a popular application send."""
    import msgspec
    import numpy as np

    from stillwatch.exchange.package import Indicator
    from stillwatch.sketch import Sketcher

    folder, log, name, _ = scanned
    truth = pq.read_table(log.parent / "truth.parquet").to_pylist()
    users = {row["account_id"] for row in truth if row["group"] == "popular_app"}
    keys: set[int] = set()
    for batch in batches(log):
        sketches = Sketcher(PARTNERS).sketch(batch).sketches
        mine = np.isin(batch.column("account_id").to_pylist(), list(users))
        keys |= set(sketches.column("system_key").filter(pa_array(mine)).drop_null().to_pylist())
    good = collect(
        folder, name, open_log([str(log)]), FIRST,
        source="evil.example", name="k-2", tlp="TLP:AMBER", now=NOW,
    )  # fmt: skip
    poison = tuple(
        Indicator(
            kind="system_key",
            token=f"{key % 2**64:016x}",
            accounts=5,
            confidence=100,
            valid_from="2026-03-01T00:00:00Z",
            valid_until="2026-04-01T00:00:00Z",
        )
        for key in sorted(keys)
    )
    poisoned = msgspec.structs.replace(good, indicators=poison)
    found = match(batches(log), [poisoned], SECOND, NOW)
    hit = {s.account_id for s in found.step_up(NOW)} & users
    assert found.set_aside
    assert all("common" in why or "where it comes from" in why for _, why in found.set_aside)
    assert not hit


def pa_array(values: object) -> object:
    import pyarrow as pa

    return pa.array(values)


def test_who_is_not_accused_is_not_shared(scanned: tuple[Path, Path, str, set[str]]) -> None:
    folder, log, _, _ = scanned
    with pytest.raises(UsageError, match="there is no campaign"):
        collect(
            folder, "c-x", open_log([str(log)]), FIRST,
            source="a", name="k", tlp="TLP:AMBER", now=NOW,
        )  # fmt: skip
