from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.worlds import COVERED

from stillwatch.campaigns.candidates import Family
from stillwatch.campaigns.prior import MAX_NAMED, Priors
from stillwatch.errors import InputError, UsageError
from stillwatch.exchange.book import Book
from stillwatch.exchange.collect import Keys, collect
from stillwatch.exchange.matching import match
from stillwatch.exchange.package import MIN_ACCOUNTS, Package
from stillwatch.findings import load_findings
from stillwatch.lab import Scenario, simulate
from stillwatch.priors import PRIORS, in_force, load_priors
from stillwatch.readers import open_log
from stillwatch.scanning import scan
from stillwatch.schema import Prior
from stillwatch.signals.families import KINDS
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.standing import Action

from .packages import PARTNERS

if TYPE_CHECKING:
    from pathlib import Path

FIRST = Keys(SketchKey(b"\x0a" * 32), PARTNERS)
SECOND = Keys(SketchKey(b"\x0b" * 32), PARTNERS)
NOW = datetime(2026, 3, 13, tzinfo=UTC)
WORLD = Scenario(days=8, groups=COVERED)


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

    from stillwatch.exchange.package import Indicator

    folder, log, name, _ = scanned
    truth = pq.read_table(log.parent / "truth.parquet").to_pylist()
    users = {row["account_id"] for row in truth if row["group"] == "popular_app"}
    keys: set[int] = set()
    for batch in batches(log):
        sketches = Sketcher(PARTNERS).sketch(batch).sketches
        mine = np.isin(batch.column("account_id").to_pylist(), list(users))
        keys |= set(sketches.column("system_key").filter(pa.array(mine)).drop_null().to_pylist())
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


def test_who_is_not_accused_is_not_shared(scanned: tuple[Path, Path, str, set[str]]) -> None:
    folder, log, _, _ = scanned
    with pytest.raises(UsageError, match="there is no campaign"):
        collect(
            folder, "c-x", open_log([str(log)]), FIRST,
            source="a", name="k", tlp="TLP:AMBER", now=NOW,
        )  # fmt: skip


def test_what_a_partner_names_is_tested_and_is_no_evidence(
    scanned: tuple[Path, Path, str, set[str]], tmp_path: Path
) -> None:
    """A popular application is named: it is tested, nobody in it is accused, no number changes."""
    folder, log, _, _ = scanned
    truth = pq.read_table(log.parent / "truth.parquet").to_pylist()
    users = {row["account_id"] for row in truth if row["group"] == "popular_app"}
    keys: set[int] = set()
    for batch in batches(log):
        sketches = Sketcher(FIRST.own).sketch(batch).sketches
        mine = np.isin(batch.column("account_id").to_pylist(), list(users))
        keys |= set(sketches.column("system_key").filter(pa.array(mine)).drop_null().to_pylist())
    rows: list[dict[str, object]] = [
        {"kind": KINDS.index("system_key"), "key": key, "source": "garbage.example",
         "campaign": "k-9", "confidence": 100, "valid_until": until, "accounts": 40}
        for key in keys
        for until in [datetime(2030, 1, 1, tzinfo=UTC)]
    ]  # fmt: skip
    fingerprint = {"key": FIRST.own.fingerprint}
    table = pa.Table.from_pylist(rows, schema=PRIORS.with_metadata(fingerprint))
    pq.write_table(table, tmp_path / "priors.parquet")
    found = scan(
        [log],
        accounts=log.parent / "accounts.jsonl",
        priors=tmp_path / "priors.parquet",
        out=tmp_path / "scan",
        key=FIRST.own,
    )
    before = load_findings(folder / "campaigns.json")
    (told,) = found.findings.summary.priors
    assert (told.source, told.indicators, told.used) == ("garbage.example", len(keys), len(keys))
    assert told.tested > told.campaigns == 0
    numbers = (found.findings.summary.parameters, before.summary.parameters)
    assert int(numbers[0]["groups_tested"]) > int(numbers[1]["groups_tested"])
    assert found.findings.campaigns == before.campaigns
    old = [row | {"valid_until": datetime(2020, 1, 1, tzinfo=UTC)} for row in rows]
    expired = pa.Table.from_pylist(old, schema=PRIORS)
    last = datetime.fromisoformat(before.summary.last_seen)
    assert in_force(expired, last).named == {}
    with pytest.raises(InputError, match="another sketch key"):
        load_priors(tmp_path / "priors.parquet", SECOND.own.fingerprint)


def test_garbage_is_bounded_and_the_most_confident_goes_first() -> None:
    families = [Family(0, key, np.arange(4), 20, 20) for key in range(MAX_NAMED + 20)]
    named = {
        (0, key): Prior(source="s", campaign="k", confidence=key, valid_until="")
        for key in range(10, MAX_NAMED + 20)
    }
    order, count = Priors(named).first([(family,) for family in families])
    assert count == MAX_NAMED
    assert [group[0].key for group in order[:2]] == [MAX_NAMED + 19, MAX_NAMED + 18]
    assert sorted(group[0].key for group in order) == list(range(MAX_NAMED + 20))


@pytest.mark.parametrize("data", [b"", b"PAR1", b"x" * 100])
def test_files_that_are_no_priors_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "p").write_bytes(data)
    with pytest.raises(InputError, match="cannot be read"):
        load_priors(tmp_path / "p", "key")
    pq.write_table(pa.table({"kind": [1]}), tmp_path / "p")
    with pytest.raises(InputError, match=r"no priors\.parquet"):
        load_priors(tmp_path / "p", "key")
