from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from stillwatch.cli.app import app
from stillwatch.errors import UsageError
from stillwatch.guard import Policy
from stillwatch.lab import Simulation, preset, simulate
from stillwatch.lab.leakage import leakage
from stillwatch.readers import open_log
from stillwatch.replay import interrupted, replay, rescans
from stillwatch.replay.decisions import DECISIONS
from stillwatch.replay.schedule import Schedule, parse_every
from stillwatch.scanning import detected

if TYPE_CHECKING:
    from pathlib import Path

ACTIONS = {"allow", "throttle", "verify", "restrict", "suspend"}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulate(preset("small"), tmp_path_factory.mktemp("provider"), seed=0)


@pytest.fixture(scope="module")
def played(provider: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("played")
    return replay([provider.log], out=out, accounts=provider.accounts, growth=3)


def test_every_request_has_a_decision_in_event_order(played: Any, provider: Simulation) -> None:
    table = pq.read_table(played.decisions)
    assert table.schema.equals(DECISIONS)
    assert len(table) == provider.requests == sum(played.tally.requests.values())
    times = table["timestamp"].to_pylist()
    assert times == sorted(times)
    assert set(table["action"].to_pylist()) <= ACTIONS
    logged = {json.loads(line)["request_id"] for line in provider.log.read_text().splitlines()}
    assert set(table["request_id"].to_pylist()) == logged
    silent = [r for r in table.to_pylist() if r["action"] != "allow" and not r["reason"]]
    assert silent == []


def test_the_lab_says_what_leaked_and_who_was_hurt(played: Any, provider: Simulation) -> None:
    found = leakage(provider.truth.parent, played.decisions)
    by_name = {campaign.campaign: campaign for campaign in found.campaigns}
    assert by_name["cover_traffic"].leakage < 0.7
    for one in found.campaigns:
        assert 0 <= one.leaked <= one.requests
    honest = next(one for one in found.hurt if one.kind == "honest")
    assert honest.suspended == 0
    assert honest.hit < 0.001 * honest.requests


def test_the_same_log_gives_the_same_bytes(provider: Simulation, tmp_path: Path) -> None:
    rows = provider.log.read_bytes().splitlines(keepends=True)[:4_000]
    (tmp_path / "a.jsonl").write_bytes(b"".join(rows))
    (tmp_path / "b.jsonl").write_bytes(b"".join(reversed(rows)))  # in no order
    one = replay([tmp_path / "a.jsonl"], out=tmp_path / "one", growth=2)
    other = replay([tmp_path / "b.jsonl"], out=tmp_path / "other", growth=2)
    assert one.decisions.read_bytes() == other.decisions.read_bytes()
    assert not (tmp_path / "one/.replay").exists()


def test_an_interrupted_replay_is_repeated_without_reading_and_scanning_again(
    provider: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "l.jsonl"
    path.write_bytes(b"".join(provider.log.read_bytes().splitlines(keepends=True)[:4_000]))

    def play(name: str) -> Any:
        return replay([path], out=tmp_path / name, accounts=provider.accounts, growth=1)

    undisturbed, scans = play("undisturbed"), []
    assert undisturbed.scans > 2

    def stop_the_second(*arguments: Any, **more: Any) -> Any:
        scans.append(1)
        if len(scans) == 2:
            raise KeyboardInterrupt
        return detected(*arguments, **more)

    monkeypatch.setattr(rescans, "detected", stop_the_second)
    with pytest.raises(KeyboardInterrupt):
        play("disturbed")
    assert not (tmp_path / "disturbed/decisions.parquet").exists()
    # nothing is read again
    monkeypatch.setattr(sys.modules["stillwatch.replay.events"], "_spool", None)
    done = play("disturbed")
    assert done.scans == undisturbed.scans
    assert len(scans) == undisturbed.scans + 1  # the one that was interrupted was made again
    assert done.decisions.read_bytes() == undisturbed.decisions.read_bytes()
    assert not (tmp_path / "disturbed/.replay").exists()


def test_a_replay_of_something_else_uses_nothing_of_an_interrupted_one(tmp_path: Path) -> None:
    path = log(tmp_path / "l.jsonl", [BEGIN])
    work = tmp_path / "work"

    def named(**policy: Any) -> str | None:
        return interrupted.identity(open_log([path]), None, Policy(**policy), "key")

    def left(name: str | None) -> bool:
        """Whether an interrupted replay's file is found by one that is interrupted, too."""
        with suppress(KeyboardInterrupt), interrupted.working_folder(work, name):
            found.append((work / "events.parquet").exists())
            (work / "events.parquet").touch()
            raise KeyboardInterrupt
        return found[-1]

    found: list[bool] = []
    assert [left(named()), left(named())] == [False, True]
    assert [left(named(mode="enforce")), left(named(mode="enforce"))] == [False, True]
    before = named()
    assert [left(before), left(before)] == [False, True]
    log(path, [BEGIN, BEGIN])
    assert not left(named())
    assert [left(None), left(None)] == [False, False]  # nobody knows what a pipe held
    with pytest.raises(ValueError, match="wrong"), interrupted.working_folder(work, before):
        raise ValueError("wrong")
    assert not work.exists()


def log(path: Path, times: list[datetime], **fields: object) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for number, at in enumerate(times):
            row = {
                "request_id": f"r{number}",
                "timestamp": at.isoformat(),
                "account_id": "a",
                "model": "m",
                "prompt": f"What is {number} in words?",
                **fields,
            }
            file.write(json.dumps(row) + "\n")
    return path


BEGIN = datetime(2026, 6, 1, tzinfo=UTC)


def test_a_policy_of_ones_own_is_obeyed_in_event_time(tmp_path: Path) -> None:
    policy = tmp_path / "p.toml"
    policy.write_text('mode = "enforce"\n[limits.account]\nrequests = "2/1h"\n', encoding="utf-8")
    minutes = [BEGIN + timedelta(minutes=m) for m in (0, 1, 2, 3, 31, 32)]
    done = replay([log(tmp_path / "l.jsonl", minutes)], out=tmp_path / "out", policy=policy)
    actions = pq.read_table(done.decisions)["action"].to_pylist()
    assert actions == ["allow", "allow", "throttle", "throttle", "allow", "throttle"]


def test_a_request_that_was_logged_twice_is_decided_once(tmp_path: Path) -> None:
    path = log(tmp_path / "l.jsonl", [BEGIN, BEGIN + timedelta(seconds=1)])
    path.write_bytes(path.read_bytes() * 2)
    done = replay([path], out=tmp_path / "out")
    assert len(pq.read_table(done.decisions)) == 2


def test_when_it_scans() -> None:
    hour = 3_600_000_000
    schedule = Schedule(hour, growth=0.5)
    begin = 10 * hour
    assert schedule.reached(begin + 5) is None
    assert schedule.reached(begin + hour - 1) is None
    assert schedule.reached(begin + hour) == begin + hour
    assert schedule.reached(begin + hour + 1) is None
    assert schedule.reached(begin + 5 * hour + 7) == begin + 5 * hour  # a quiet log is no debt
    assert not schedule.wants(499)
    assert schedule.wants(1_000)
    schedule.scanned = 1_000
    assert not schedule.wants(1_499)
    assert schedule.wants(1_500)
    assert not Schedule(hour, growth=0, scanned=600).wants(600)
    assert Schedule(hour, growth=0, scanned=600).wants(601)


def test_a_wrong_interval_is_said() -> None:
    assert parse_every("6h") == 21_600
    with pytest.raises(UsageError, match="--every"):
        parse_every("often")


def test_the_command(provider: Simulation, tmp_path: Path) -> None:
    rows = provider.log.read_bytes().splitlines(keepends=True)[:2_000]
    (tmp_path / "l.jsonl").write_bytes(b"".join(rows))
    arguments = ["replay", str(tmp_path / "l.jsonl"), "--accounts", str(provider.accounts)]
    options = ["--out", str(tmp_path / "out"), "--every", "1d", "--json", "--quiet"]
    done = CliRunner().invoke(app, [*arguments, *options])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert sum(row["requests"] for row in shown["actions"]) == 2_000
    assert (tmp_path / "out/decisions.parquet").exists()
    assert (tmp_path / "out/rejected.jsonl").exists()
    wrong = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "o"), "--every", "x"])
    assert wrong.exit_code == 2


def test_policy_commands(tmp_path: Path) -> None:
    policy = tmp_path / "p.toml"
    policy.write_text('mode = "shadow"\n[limits.account]\nrequests = "2/1h"\n', encoding="utf-8")
    run = CliRunner()
    assert "good" in run.invoke(app, ["policy", "check", str(policy)]).output
    shown = json.loads(run.invoke(app, ["policy", "show", str(policy)]).stdout)
    assert shown["limits"]["account"]["requests"] == "2/1h"
    assert shown["verdicts"]["distillation"]["action"] == "restrict"
    minutes = [BEGIN + timedelta(minutes=m) for m in range(5)]
    path = log(tmp_path / "l.jsonl", minutes)
    preview = run.invoke(app, ["policy", "preview", str(policy), str(path), "--quiet"])
    assert "throttle: would have affected 1 accounts, 3 requests" in preview.output
    policy.write_text("mode = 5", encoding="utf-8")
    broken = run.invoke(app, ["policy", "check", str(policy)])
    assert broken.exit_code == 1
    assert "p.toml:1" in broken.output
