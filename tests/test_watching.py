from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from tests.serving.servers import call, free_port, wait_for

from stillwatch.calibration import Range, dump_calibration, load_calibration
from stillwatch.errors import InputError
from stillwatch.evidence.ledger import Ledger
from stillwatch.lab import preset, simulate
from stillwatch.readers import open_log
from stillwatch.serving.intake import Intake
from stillwatch.since import head_of
from stillwatch.standing import load_snapshot
from stillwatch.watching import watch
from stillwatch.watching.follow import SETTLED, Follower
from stillwatch.watching.watch import Watch

COMMAND = str(Path(sys.executable).with_name("stillwatch"))


def line(number: int) -> bytes:
    moment = f"{number // 3_600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
    row = {
        "request_id": f"r{number:06d}",
        "timestamp": f"2026-06-01T{moment}Z",
        "account_id": f"a{number % 7}",
        "model": "m",
        "prompt": f"What is the meaning of the number {number}?",
    }
    return json.dumps(row).encode() + b"\n"


def kept(out: Path) -> list[int]:
    """Request keys in the store, after what is left was taken in and sealed."""
    days = sorted((out / "sketches/days").glob("*.parquet"))
    return [key for day in days for key in pq.read_table(day)["request_key"].to_pylist()]


def test_a_growing_file_is_followed_line_by_line(tmp_path: Path) -> None:
    logs, out = tmp_path / "logs", tmp_path / "out"
    logs.mkdir()
    log = logs / "app.jsonl"
    log.write_bytes(line(1) + line(2) + line(3)[:20])
    watch(logs, out=out, once=True)
    assert len(kept(out)) == 2
    with log.open("ab") as file:
        file.write(line(3)[20:] + line(4))
    watch(logs, out=out, once=True)
    assert len(set(kept(out))) == len(kept(out)) == 4


def test_rotation_starts_the_new_file_from_its_beginning(tmp_path: Path) -> None:
    logs, out = tmp_path / "logs", tmp_path / "out"
    logs.mkdir()
    (logs / "app.jsonl").write_bytes(line(1) + line(2))
    watch(logs, out=out, once=True)
    (logs / "app.jsonl").rename(logs / "app.1.jsonl")
    (logs / "app.jsonl").write_bytes(line(3))
    watch(logs, out=out, once=True)
    assert len(set(kept(out))) == len(kept(out)) == 3


def test_a_whole_file_is_taken_once_it_has_settled(tmp_path: Path) -> None:
    follower = Follower(tmp_path, tmp_path / "state")
    (tmp_path / "log.csv").write_text("request_id,timestamp\n", encoding="utf-8")
    changed = (tmp_path / "log.csv").stat().st_mtime
    names = [p.name for p in follower.pieces(changed + 1) if p.name == "log.csv"]
    assert names == []
    pieces = [p for p in follower.pieces(changed + SETTLED + 1) if p.name == "log.csv"]
    assert len(pieces) == 1
    follower.done(pieces)
    assert not [p for p in follower.pieces(changed + 99) if p.name == "log.csv"]


def test_a_broken_file_does_not_stop_the_others(tmp_path: Path) -> None:
    logs, out = tmp_path / "logs", tmp_path / "out"
    logs.mkdir()
    (logs / "bad.txt").write_bytes(b"\0\1\2")
    os.utime(logs / "bad.txt", (1, 1))
    (logs / "good.jsonl").write_bytes(line(1))
    done = watch(logs, out=out, once=True)
    assert list(done.problems) == ["bad.txt"]
    assert len(kept(out)) == 1


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        watch(tmp_path / "none", out=tmp_path / "out", once=True)


def test_killed_at_any_moment_nothing_is_lost_and_nothing_counts_twice(tmp_path: Path) -> None:
    logs, out = tmp_path / "logs", tmp_path / "out"
    logs.mkdir()
    rnd, total = random.Random(5), 6_000

    def write() -> None:
        with (logs / "app.jsonl").open("ab") as file:
            for number in range(total):
                file.write(line(number))
                if number % 100 == 0:
                    file.flush()
                    time.sleep(0.04)

    writer = threading.Thread(target=write)
    writer.start()
    command = [COMMAND, "watch", str(logs), "--out", str(out), "--quiet"]
    kills = 0
    while writer.is_alive() or kills < 4:
        process = subprocess.Popen(command)
        time.sleep(rnd.uniform(1.2, 3.0))
        assert process.poll() is None, "it ended by itself"
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    writer.join()
    done = watch(logs, out=out, once=True)
    assert not done.problems
    keys = kept(out)
    assert len(keys) == len(set(keys)) == total
    assert (out / "rejected.jsonl").read_bytes() == b""


def test_killed_after_it_acknowledged_posted_logs_it_has_them(tmp_path: Path) -> None:
    logs, out, number = tmp_path / "logs", tmp_path / "out", free_port()
    command = [COMMAND, "watch", str(logs), "--out", str(out), "--quiet"]
    process = subprocess.Popen([*command, "--listen", str(number)])
    golden = Path(__file__).parent / "readers/golden/otlp.jsonl"
    spans = golden.read_bytes().splitlines()
    try:
        wait_for(lambda: call(number, "/healthz").status == 200)
        for request in range(20):
            assert call(number, "/v1/logs", line(request)).status == 200
        assert call(number, "/v1/logs", line(3)).status == 200  # sent twice, as after a timeout
        assert [call(number, "/v1/traces", span).status for span in spans] == [200] * len(spans)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    Intake(logs)  # the next run listens again
    watch(logs, out=out, once=True)
    spanned = sum(batch.requests.num_rows for batch in open_log([golden]))
    assert spanned > 0
    keys = kept(out)
    assert len(keys) == len(set(keys)) == 20 + spanned


def test_what_a_killed_run_took_in_and_did_not_seal_is_scanned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs, out = tmp_path / "logs", tmp_path / "out"
    logs.mkdir()
    (logs / "app.jsonl").write_bytes(b"".join(line(number) for number in range(30)))

    def killed(_self: Watch) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as gone:
        gone.setattr(Watch, "scan_if_due", killed)
        with pytest.raises(KeyboardInterrupt):
            watch(logs, out=out, once=True)
    assert kept(out) == []
    watch(logs, out=out, once=True)
    assert len(kept(out)) == 30


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return simulate(preset("small"), tmp_path_factory.mktemp("small"), seed=0)


def test_a_scan_publishes_what_is_in_force_and_a_later_one_goes_on(
    provider: Any, tmp_path: Path
) -> None:
    logs, out = tmp_path / "logs", tmp_path / "out"
    logs.mkdir()
    rows = provider.log.read_bytes().splitlines(keepends=True)
    half = len(rows) // 2
    (logs / "log.jsonl").write_bytes(b"".join(rows[:half]))
    first = watch(logs, out=out, accounts=provider.accounts, once=True)
    assert first.snapshot.sequence == 1
    again = watch(logs, out=out, accounts=provider.accounts, once=True)
    assert again.snapshot.sequence == 1
    with (logs / "log.jsonl").open("ab") as file:
        file.writelines(rows[half:])
    second = watch(logs, out=out, accounts=provider.accounts, once=True)
    assert second.snapshot.sequence == 2
    assert load_snapshot(out / "snapshot.json") == second.snapshot
    assert second.snapshot.as_of is not None
    assert first.snapshot.as_of is not None
    assert second.snapshot.as_of > first.snapshot.as_of
    known = {campaign.campaign_id for campaign in second.snapshot.campaigns}
    assert {s.campaign_id for s in second.snapshot.standings} <= known


def test_between_scans_of_everything_what_has_grown_is_looked_at(
    provider: Any, tmp_path: Path
) -> None:
    logs, out = tmp_path / "logs", tmp_path / "out"
    logs.mkdir()
    rows = provider.log.read_bytes().splitlines(keepends=True)
    ends = [0, *(len(rows) * part // 10 for part in (7, 8)), len(rows)]
    seen = []
    for begin, end in pairwise(ends):
        with (logs / "log.jsonl").open("ab") as file:
            file.writelines(rows[begin:end])
        done = watch(logs, out=out, accounts=provider.accounts, once=True, keep_index=True)
        seen.append((done.snapshot.sequence, head_of(out).population.requests))
    # a seventh more is no quarter, and two tenths later it is time to look at everything
    assert [sequence for sequence, _ in seen] == [1, 2, 3]
    assert seen[0][1] == seen[1][1] < seen[2][1] == len(kept(out))


def test_a_log_unlike_those_of_the_calibration_is_said_and_entered(
    provider: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLWATCH_SIGNING_KEY", "7a" * 32)
    packaged = load_calibration().calibration
    ours = tmp_path / "ours.json"
    rhythm = {"rhythm": Range(low=9, high=10, logs=100)}
    kinds = tuple(msgspec.structs.replace(kind, habits=rhythm) for kind in packaged.kinds)
    ours.write_bytes(dump_calibration(msgspec.structs.replace(packaged, name="ours", kinds=kinds)))
    logs, ledger = tmp_path / "logs", tmp_path / "ledger"
    logs.mkdir()
    (logs / "log.jsonl").write_bytes(provider.log.read_bytes())
    told: list[str] = []
    out = tmp_path / "out"
    done = watch(logs, out=out, once=True, calibration=ours, ledger=ledger, told=told.append)
    assert done.calibrated is not None
    assert "rhythm" in done.calibrated.outside
    assert any("unlike those of calibration ours: " in line and "rhythm" in line for line in told)
    *_, last = (one for one in Ledger(ledger).entries() if one.kind == "scan")
    assert last.payload["calibration"] == done.calibrated.cited
    assert last.payload["outside"] == list(done.calibrated.outside)


def test_the_ledger_says_which_policy_sentenced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLWATCH_SIGNING_KEY", "7a" * 32)
    logs, ledger, policy = tmp_path / "logs", tmp_path / "ledger", tmp_path / "policy.toml"
    logs.mkdir()
    (logs / "app.jsonl").write_bytes(b"".join(line(number * 80) for number in range(1_000)))
    entered: list[dict[str, Any]] = []
    for version in ("one", "one", "two"):
        policy.write_text(f'version = "{version}"\n')
        out = tmp_path / f"out-{len(entered)}"
        watch(logs, out=out, once=True, ledger=ledger, policy=policy)
        *_, last = (one for one in Ledger(ledger).entries() if one.kind == "scan")
        entered.append(last.payload["policy"])
    assert [one["version"] for one in entered] == ["one", "one", "two"]
    assert entered[0] == entered[1]
    assert entered[0]["digest"] != entered[2]["digest"]


def test_consumed_files_go_once_they_are_taken_in(tmp_path: Path) -> None:
    logs, out = tmp_path / "logs", tmp_path / "out"
    logs.mkdir()
    (logs / "one.jsonl").write_bytes(line(1) + line(2))
    (logs / "torn.jsonl").write_bytes(line(3) + line(4)[:20])
    watch(logs, out=out, once=True, consume=True)
    assert [path.name for path in logs.iterdir()] == ["torn.jsonl"]
    assert len(kept(out)) == 3
