"""From a simulated log to verdicts, and what must not change them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

import stillwatch
from stillwatch.calibration import Range, dump_calibration, habits_of, load_calibration
from stillwatch.errors import InputError, UsageError
from stillwatch.lab import Scenario, preset, simulate
from stillwatch.schema import ACCOUNT_VERDICTS, Verdict
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from stillwatch.scanning import Scan

SEED = 0
KEY = SketchKey.from_hex("5c" * 32, source="the tests")
GUILTY = {str(Verdict.DISTILLATION), str(Verdict.POOLED)}


@dataclass(frozen=True)
class Provider:
    """A simulated log, its accounts and who is who."""

    folder: Path
    rows: list[bytes]
    accounts: list[dict[str, Any]]
    group: dict[str, str]
    guilty: set[str]


def provider(folder: Path, scenario: Scenario, seed: int = SEED) -> Provider:
    made = simulate(scenario, folder, seed=seed)
    truth = pq.read_table(made.truth).to_pylist()
    return Provider(
        folder=folder,
        rows=made.log.read_bytes().splitlines(keepends=True),
        accounts=[json.loads(line) for line in made.accounts.read_bytes().splitlines()],
        group={row["account_id"]: row["group"] for row in truth},
        guilty={row["account_id"] for row in truth if row["campaign"]},
    )


def scan(folder: Path, rows: Iterable[bytes], accounts: list[dict[str, Any]] | None) -> Scan:
    folder.mkdir()
    (folder / "log.jsonl").write_bytes(b"".join(rows))
    declared = None
    if accounts is not None:
        declared = folder / "accounts.jsonl"
        declared.write_text("".join(json.dumps(row) + "\n" for row in accounts), encoding="utf-8")
    return stillwatch.scan([folder / "log.jsonl"], accounts=declared, out=folder / "out", key=KEY)


def verdicts(found: Scan) -> dict[str, str]:
    rows = found.accounts.to_pylist()
    return {row["account_id"]: row["verdict"] for row in rows}


def accused(found: Scan) -> set[str]:
    return {name for name, verdict in verdicts(found).items() if verdict == Verdict.DISTILLATION}


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Provider:
    return provider(tmp_path_factory.mktemp("small"), preset("small"))


@pytest.fixture(scope="session")
def found(small: Provider, tmp_path_factory: pytest.TempPathFactory) -> Scan:
    return scan(tmp_path_factory.mktemp("scan") / "first", small.rows, small.accounts)


def test_no_honest_account_is_accused(small: Provider, found: Scan) -> None:
    assert {small.group[name] for name in accused(found) - small.guilty} == set()


def test_the_loud_campaign_is_found_whole(small: Provider, found: Scan) -> None:
    by_account = verdicts(found)
    hydra = {name for name, group in small.group.items() if group == "loud_hydra"}
    assert {by_account[name] for name in hydra} <= GUILTY
    campaigns = [
        {member.account_id for member in campaign.members}
        for campaign in found.findings.campaigns
        if campaign.verdict in GUILTY
    ]
    assert hydra in campaigns


def test_every_account_has_one_row(small: Provider, found: Scan) -> None:
    table = pq.read_table(found.out / "accounts.parquet")
    assert table.schema.equals(ACCOUNT_VERDICTS)
    seen = [json.loads(row)["account_id"] for row in small.rows]
    names, counts = np.unique(seen, return_counts=True)
    assert table.column("account_id").to_pylist() == names.tolist()
    assert table.column("requests").to_pylist() == counts.tolist()


def test_campaigns_and_accounts_agree(found: Scan) -> None:
    rows = {row["account_id"]: row for row in found.accounts.to_pylist()}
    for campaign in found.findings.campaigns:
        for member in campaign.members:
            row = rows[member.account_id]
            assert row["campaign_id"] == campaign.campaign_id
            assert row["verdict"] == campaign.verdict
            assert row["requests"] == member.requests >= member.stream_requests > 0
            assert row["reasons"]
        assert campaign.requests == sum(member.stream_requests for member in campaign.members)
        assert campaign.requests == sum(day.requests for day in campaign.timeline)
        assert sum(campaign.hours) == pytest.approx(1, abs=0.001)
    named = {m.account_id for c in found.findings.campaigns for m in c.members}
    assert {name for name, row in rows.items() if row["verdict"] != "clear"} == named


def test_every_accusation_names_what_was_hidden(found: Scan) -> None:
    groups = [c for c in found.findings.campaigns if len(c.members) > 1]
    assert groups
    assert all(c.concealment for c in groups if c.verdict is Verdict.DISTILLATION)


def test_the_same_input_gives_the_same_bytes(small: Provider, found: Scan, tmp_path: Path) -> None:
    again = scan(tmp_path / "again", small.rows, small.accounts)
    for name in ("campaigns.json", "accounts.parquet"):
        first, second = ((run.out / name).read_bytes() for run in (found, again))
        # the folder is part of the source's name
        assert first.replace(str(found.out.parent).encode(), b"") == second.replace(
            str(again.out.parent).encode(), b""
        )


def _without_sources(found: Scan) -> Any:
    findings = msgspec.to_builtins(found.findings)
    del findings["summary"]["sources"]
    return findings


def test_the_order_of_lines_leaves_no_trace(small: Provider, found: Scan, tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(len(small.rows))
    accounts = [
        small.accounts[i] for i in np.random.default_rng(1).permutation(len(small.accounts))
    ]
    shuffled = scan(tmp_path / "shuffled", [small.rows[i] for i in order], accounts)
    assert verdicts(shuffled) == verdicts(found)
    assert _without_sources(shuffled) == _without_sources(found)


def test_names_of_accounts_do_not_matter(small: Provider, found: Scan, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = sorted(small.group)
    rename = {name: f"user-{i}" for name, i in zip(names, rng.permutation(len(names)), strict=True)}
    rows = []
    for line in small.rows:
        row = json.loads(line)
        rows.append(json.dumps(row | {"account_id": rename[row["account_id"]]}).encode() + b"\n")
    accounts = [row | {"account_id": rename[row["account_id"]]} for row in small.accounts]
    renamed = verdicts(scan(tmp_path / "renamed", rows, accounts))
    assert {name: renamed[rename[name]] for name in names} == verdicts(found)


def test_without_an_account_file_no_honest_account_is_accused(
    small: Provider, tmp_path: Path
) -> None:
    found = scan(tmp_path / "bare", small.rows, None)
    assert {small.group[name] for name in accused(found) - small.guilty} == set()
    assert "account traits" in {missing.signal for missing in found.findings.summary.missing}


def test_a_poorer_log_accuses_no_honest_account(tmp_path: Path) -> None:
    without = ("client_address", "signup_address", "output_tokens", "status", "system_prompt")
    poor = provider(tmp_path / "poor", msgspec.structs.replace(preset("small"), without=without))
    found = scan(tmp_path / "scan", poor.rows, poor.accounts)
    assert {poor.group[name] for name in accused(found) - poor.guilty} == set()
    missing = {missing.signal for missing in found.findings.summary.missing}
    assert {"concealment by network", "answer length", "system prompts"} <= missing


def test_an_honest_log_has_no_campaign(tmp_path: Path) -> None:
    honest = provider(tmp_path / "honest", preset("small").honest(), seed=1)
    found = scan(tmp_path / "scan", honest.rows, honest.accounts)
    assert [c for c in found.findings.campaigns if c.verdict is Verdict.DISTILLATION] == []


def test_a_log_of_one_request_is_judged(small: Provider, tmp_path: Path) -> None:
    found = scan(tmp_path / "one", small.rows[:1], None)
    assert list(verdicts(found).values()) == ["clear"]
    assert found.findings.summary.requests == 1
    assert found.findings.campaigns == ()


def test_of_days_that_were_erased_nothing_is_left(small: Provider, tmp_path: Path) -> None:
    """An account that was seen on those days only has no row any more."""
    first = scan(tmp_path / "first", small.rows, small.accounts)
    days = sorted((first.out / "sketches/days").iterdir())
    for day in days[3:]:
        day.unlink()
    again = stillwatch.scan(sketches=first.out / "sketches", out=tmp_path / "again", key=KEY)
    left = {key for day in days[:3] for key in pq.read_table(day)["account"].to_pylist()}
    assert 0 < len(again.accounts) == len(left) < len(first.accounts)
    assert again.findings.summary.accounts == len(left)


def test_an_empty_log_is_an_error_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this file is empty"):
        scan(tmp_path / "empty", [], None)


def test_a_log_of_rejected_lines_is_an_error_in_plain_words(tmp_path: Path) -> None:
    broken = [b'{"request_id": "%d", "timestamp": "never"}\n' % i for i in range(50)]
    with pytest.raises(InputError) as caught:
        scan(tmp_path / "broken", broken, None)
    assert "reject" in str(caught.value)


def test_a_calibration_changes_what_is_said_and_no_verdict(
    small: Provider, found: Scan, tmp_path: Path
) -> None:
    packaged = load_calibration()
    said = found.findings.summary.calibrated
    assert said is not None
    assert said.digest == packaged.digest
    floors = {name: value for name, value in habits_of(found.detection.floors).items() if value}
    assert {one.habit: one.here for one in said.habits if one.here} == pytest.approx(
        floors, abs=1e-6
    )

    # of logs whose customers are more individual in what they ask about than any are here
    elsewhere = tmp_path / "ours.json"
    kinds = tuple(
        msgspec.structs.replace(
            kind, habits=kind.habits | {"content": Range(low=9, high=10, logs=kind.logs)}
        )
        for kind in packaged.calibration.kinds
    )
    ours = msgspec.structs.replace(packaged.calibration, name="ours", kinds=kinds)
    elsewhere.write_bytes(dump_calibration(ours))
    sketches = found.out / "sketches"
    declared = found.out.parent / "accounts.jsonl"
    again = stillwatch.scan(
        sketches=sketches,
        accounts=declared,
        out=tmp_path / "again",
        calibration=elsewhere,
        key=KEY,
    )
    drifted = again.findings.summary.calibrated
    assert drifted is not None
    assert "content" in drifted.outside
    assert again.findings.summary.calibration.startswith("ours sha256:")
    assert verdicts(again) == verdicts(found)
    page = (again.out / "report.html").read_text(encoding="utf-8")
    assert "<td>outside</td>" in page
    assert "stillwatch lab calibrate" in page


@pytest.mark.parametrize("fdr", [0, 1, -0.1, 5])
def test_a_level_that_is_no_rate_is_refused_before_anything_is_written(
    tmp_path: Path, fdr: float
) -> None:
    with pytest.raises(UsageError, match="--fdr"):
        stillwatch.scan([tmp_path / "log.jsonl"], out=tmp_path / "out", fdr=fdr)
    assert not (tmp_path / "out").exists()


def test_a_stricter_level_accuses_no_more(small: Provider, found: Scan, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(b"".join(small.rows))
    (tmp_path / "accounts.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in small.accounts), encoding="utf-8"
    )
    strict = stillwatch.scan(
        [tmp_path / "log.jsonl"],
        accounts=tmp_path / "accounts.jsonl",
        out=tmp_path / "out",
        fdr=1e-6,
        key=KEY,
    )
    assert accused(strict) <= accused(found)
    assert strict.findings.summary.fdr == 1e-6
