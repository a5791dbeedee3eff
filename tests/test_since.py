"""A scan that goes on from an earlier one looks at what has grown, and finds what is new."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.evidence.scanned import SIGNING, registrar
from tests.worlds import HYDRA

import stillwatch
from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.bundle import contents
from stillwatch.evidence.bundle.build import build_bundle
from stillwatch.evidence.bundle.verify import verify_bundle
from stillwatch.evidence.container import read_archive
from stillwatch.evidence.docket import read_docket
from stillwatch.evidence.signing import EVIDENCE, LEDGER
from stillwatch.lab import Scenario, simulate
from stillwatch.schema import Verdict
from stillwatch.since import FOLDER
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from stillwatch.scanning import Scan

KEY = SketchKey.from_hex("5c" * 32, source="the tests")
WHOLE = Scenario(days=12, groups=HYDRA)
NEW = timedelta(days=10)
"""When the second part of the log begins, and with it a second campaign: the first one grows by a
fifth."""

LATE = Scenario(start=WHOLE.start + NEW, days=2, groups={"late": HYDRA["hydra"]})


@dataclass(frozen=True)
class Log:
    """A log in two parts.

    Attributes:
        first, second: lines.
        accounts: the account file.
        campaigns: accounts of each campaign, the late one second.
    """

    first: list[bytes]
    second: list[bytes]
    accounts: Path
    campaigns: tuple[set[str], set[str]]


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    folder = tmp_path_factory.mktemp("two parts")
    made = [
        simulate(scenario, folder / str(seed), seed=seed)
        for seed, scenario in enumerate((WHOLE, LATE))
    ]
    lines = [one.log.read_bytes().splitlines(keepends=True) for one in made]
    ends = (WHOLE.start + NEW).strftime("%Y-%m-%dT%H:%M:%S")
    first = [line for line in lines[0] if json.loads(line)["timestamp"] < ends]
    accounts = folder / "accounts.jsonl"
    accounts.write_bytes(b"".join(one.accounts.read_bytes() for one in made))
    campaigns = [
        {row["account_id"] for row in pq.read_table(one.truth).to_pylist() if row["campaign"]}
        for one in made
    ]
    known = set(first)
    second = [line for line in lines[0] if line not in known] + lines[1]
    return Log(first, second, accounts, (campaigns[0], campaigns[1]))


def scan(log: Log, out: Path, lines: Iterable[bytes], **options: Any) -> Scan:
    part = out.with_suffix(".jsonl")
    part.write_bytes(b"".join(lines))
    return stillwatch.scan([part], accounts=log.accounts, out=out, key=KEY, **options)


def accused(found: Scan) -> set[str]:
    rows = found.accounts.to_pylist()
    return {row["account_id"] for row in rows if row["verdict"] == Verdict.DISTILLATION}


@pytest.fixture(scope="session")
def earlier(log: Log, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("earlier") / "out"
    found = scan(log, out, log.first, keep_index=True)
    assert accused(found) == log.campaigns[0]
    assert found.findings.summary.since is None
    return out


@pytest.fixture
def again(earlier: Path, tmp_path: Path) -> Path:
    """The earlier results, to go on from, in a folder that this process does not hold."""
    return shutil.copytree(earlier, tmp_path / "again", copy_function=shutil.copy2)


def test_what_is_new_is_found_and_what_was_found_stands(log: Log, again: Path) -> None:
    before = stillwatch.findings.load_findings(again / "campaigns.json")
    found = scan(log, again, log.second, since=again)
    assert accused(found) == set.union(*log.campaigns)
    since = found.findings.summary.since
    assert since is not None
    assert since.requests == before.summary.requests
    stood = {c.campaign_id: c for c in before.campaigns}
    assert set(since.standing) == set(stood)
    now = {c.campaign_id: c for c in found.findings.campaigns}
    assert {name: now[name] for name in stood} == stood
    (new,) = now.keys() - stood.keys()
    assert {member.account_id for member in now[new].members} == log.campaigns[1]
    page = (again / "report.html").read_text(encoding="utf-8")
    assert page.count("was not looked at again: its numbers are of that time") == len(stood)
    assert "what had grown by a quarter since the scan up to" in page
    assert since.findings[:16] in page
    # evidence is of what was found now, and leads to it again
    docket = read_docket(again)
    assert set(docket.members) == {new}
    (grouped,) = docket.trial.verdicts().grouped
    assert sorted(docket.members[new].tolist()) == grouped.accounts.tolist()


def test_a_bundle_is_made_of_what_was_found_now(log: Log, again: Path, tmp_path: Path) -> None:
    found = scan(log, again, log.second, since=again)
    assert found.findings.summary.since is not None
    standing = set(found.findings.summary.since.standing)
    taken = registrar(tmp_path)
    for campaign in found.findings.campaigns:
        if campaign.campaign_id in standing:
            with pytest.raises(InputError, match="stands as an earlier scan found it"):
                build_bundle(again, campaign.campaign_id, taken)
            continue
        path = tmp_path / "bundle.zip"
        path.write_bytes(build_bundle(again, campaign.campaign_id, taken))
        assert verify_bundle(path, [SIGNING.public(EVIDENCE), SIGNING.public(LEDGER)]).sound
        told = json.loads(read_archive(path)[contents.SCAN])["since"]
        assert told["findings"] == found.findings.summary.since.findings
        # names of campaigns are made of their accounts
        assert told["standing"] == len(standing)


def test_a_campaign_that_has_grown_is_found_again(log: Log, tmp_path: Path) -> None:
    """By a fourth more, so that what it was is looked at with what it has become."""
    early = [line for line in log.first if json.loads(line)["timestamp"] < "2026-03-09"]
    out = tmp_path / "out"
    before = scan(log, out, early, keep_index=True)
    assert accused(before) == log.campaigns[0]
    known = set(early)
    rest = [line for line in log.first if line not in known]
    found = scan(log, out, rest, since=out)
    assert found.findings.summary.since is not None
    assert found.findings.summary.since.standing == ()
    assert accused(found) == log.campaigns[0]
    (was,), (now,) = (one.findings.campaigns for one in (before, found))
    assert (now.campaign_id, now.first_seen) == (was.campaign_id, was.first_seen)
    assert now.requests > was.requests


def test_all_requests_and_accounts_are_counted(log: Log, again: Path, tmp_path: Path) -> None:
    found = scan(log, again, log.second, since=again)
    whole = scan(log, tmp_path / "whole", [*log.first, *log.second])
    for name in ("requests", "accounts", "rejected", "duplicates", "hours", "timeline"):
        assert getattr(found.findings.summary, name) == getattr(whole.findings.summary, name)
    columns = ["account_id", "requests"]
    assert found.accounts.select(columns).equals(whole.accounts.select(columns))
    assert accused(found) == accused(whole)


def test_requests_of_days_that_were_read_already_count(log: Log, again: Path) -> None:
    """Late data: a day that was sealed again is compared with the day as it was."""
    late = [json.loads(line) for line in log.second if b"2026-03-12" in line]
    moved = [
        (
            json.dumps(row | {"timestamp": row["timestamp"].replace("03-12", "03-05")}) + "\n"
        ).encode()
        for row in late
    ]
    known = log.first[:50]
    found = scan(log, again, [*moved, *known, *log.second], since=again)
    assert found.findings.summary.duplicates == len(known) + len(moved)
    assert accused(found) == set.union(*log.campaigns)


def test_the_same_again_gives_the_same_bytes(log: Log, again: Path, tmp_path: Path) -> None:
    scan(log, again, log.second, since=again)
    names = ("campaigns.json", "accounts.parquet", "evidence/trial.zip")
    first = [(again / name).read_bytes() for name in names]
    out = tmp_path / "other"
    stillwatch.scan(
        sketches=again / "sketches", accounts=log.accounts, out=out, key=KEY, since=again
    )
    sources = stillwatch.findings.load_findings(out / "campaigns.json")
    assert (
        sources.campaigns == stillwatch.findings.load_findings(again / "campaigns.json").campaigns
    )
    assert [(out / name).read_bytes() for name in names[1:2]] == first[1:2]


def test_nothing_new_is_said_in_plain_words(log: Log, again: Path) -> None:
    with pytest.raises(InputError, match="nothing has come since the scan up to 2026-03-11"):
        scan(log, again, log.first[:10], since=again)


def test_days_that_are_gone_ask_for_a_whole_scan(log: Log, again: Path) -> None:
    (again / "sketches/days/2026-03-04.parquet").unlink()
    with pytest.raises(InputError, match=r"not there .*2026-03-04"):
        scan(log, again, log.second, since=again)


def test_without_an_index_the_error_says_how_to_make_one(log: Log, again: Path) -> None:
    shutil.rmtree(again / FOLDER)
    with pytest.raises(InputError, match="scan everything once, with --keep-index"):
        scan(log, again, log.second, since=again)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("index.json", _cut),
        ("found.json", lambda path: path.write_bytes(path.read_bytes() + b"\n")),
        ("families.parquet", _cut),
        ("activity.parquet", lambda path: path.unlink()),
        ("questioned.npy", _cut),
        ("0/records", _cut),
        ("0/begins", lambda path: path.unlink()),
        ("0/fed", lambda path: path.write_bytes(path.read_bytes()[:-8])),
        ("0/starts", lambda path: path.write_bytes(path.read_bytes()[:-8])),
    ],
)
def test_a_damaged_index_is_refused(log: Log, again: Path, name: str, spoil: Any) -> None:
    spoil(again / FOLDER / name)
    with pytest.raises(InputError, match="index cannot be used"):
        scan(log, again, log.second, since=again)


def test_an_index_of_other_code_is_refused(
    log: Log, again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stillwatch.since.code_digest", lambda: "0" * 64)
    with pytest.raises(InputError, match="another version of Stillwatch"):
        scan(log, again, log.second, since=again)


def test_another_key_seed_or_level_is_refused(log: Log, again: Path, tmp_path: Path) -> None:
    other = SketchKey.from_hex("77" * 32, source="the tests")
    with pytest.raises(InputError, match="another key"):
        stillwatch.scan([log.accounts], out=tmp_path / "out", key=other, since=again)
    for told in ({"seed": 1}, {"fdr": 0.05}):
        with pytest.raises(UsageError, match=r"--seed 0 and --fdr 0\.01"):
            scan(log, tmp_path / "out", log.second, since=again, **told)


def test_options_that_contradict_each_other_are_refused(log: Log, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--keep-index is for a scan of everything"):
        scan(log, tmp_path / "out", log.first, keep_index=True, since=tmp_path)
    with pytest.raises(UsageError, match="--engine duckdb"):
        scan(log, tmp_path / "out", log.first, keep_index=True, engine="spark")


def test_a_scan_of_everything_finds_the_same_with_and_without_an_index(
    log: Log, earlier: Path, tmp_path: Path
) -> None:
    plain = scan(log, tmp_path / "out", log.first)
    assert not (tmp_path / "out" / FOLDER).exists()
    kept = stillwatch.findings.load_findings(earlier / "campaigns.json")
    assert plain.findings.campaigns == kept.campaigns
    activity = pq.read_table(earlier / FOLDER / "activity.parquet")
    assert activity["requests"].to_numpy().sum() == kept.summary.requests
    assert np.all(np.diff(activity["account"].to_numpy()) > 0)
