from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import pytest

from stillwatch.errors import InputError
from stillwatch.guard import Ask, parse_policy
from stillwatch.guard.clock import ServiceClock
from stillwatch.readers import open_log
from stillwatch.serving import Service, Settings
from stillwatch.serving.intake import Intake, as_lines
from stillwatch.serving.settings import Secrets
from stillwatch.sketch import SketchKey
from stillwatch.standing import Action

if TYPE_CHECKING:
    from pathlib import Path


def record(number: int) -> dict[str, object]:
    return {
        "request_id": f"r{number}",
        "timestamp": "2026-06-01T00:00:00Z",
        "account_id": "a",
        "model": "m",
        "prompt": "What?",
    }


def test_what_was_taken_can_be_read(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    intake.take(json.dumps(record(1), indent=2).encode())
    intake.take(b"\n".join(json.dumps(record(n)).encode() for n in (2, 3)))
    intake.take(json.dumps([record(4), record(5)]).encode())
    assert not list(tmp_path.glob("*.jsonl"))  # still open
    intake.tick(everything=True)
    (segment,) = tmp_path.glob("*.jsonl")
    ids = [r["request_id"] for b in open_log([segment]) for r in b.requests.to_pylist()]
    assert sorted(ids) == ["r1", "r2", "r3", "r4", "r5"]


def test_a_crash_leaves_all_that_was_acknowledged_and_no_torn_line(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    intake.take(json.dumps(record(1)).encode())
    (opened,) = tmp_path.glob(".*.open")
    with opened.open("ab") as file:
        file.write(json.dumps(record(2)).encode()[:30])
    for left in intake._segments.values():
        left.file.close()
    Intake(tmp_path)  # the next process
    (segment,) = tmp_path.glob("*.jsonl")
    assert segment.read_bytes() == as_lines(json.dumps(record(1)).encode())


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="formats"):
        Intake(tmp_path).take(b'{"hello": 1}')


def test_live_detection_sees_what_is_posted(tmp_path: Path) -> None:
    key = SketchKey.load()
    service = Service(Settings(intake=str(tmp_path)), Secrets(), key=key)
    assert service.intake is not None
    for number, status, account in ((1, 429, "x"), (1, 200, "y"), (2, 429, "x"), (2, 200, "y")):
        asked = "Explain your reasoning step by step, showing all your work, and then answer."
        row = record(len(list(tmp_path.iterdir()))) | {
            "request_id": f"{number}-{account}",
            "account_id": account,
            "status": status,
            "prompt": f"{asked} What follows from lemma {number}?",
        }
        service.intake.take(json.dumps(row).encode())
    (path,) = service.intake.tick(everything=True)
    asyncio.run(service._observe(path))
    policy = parse_policy('mode = "enforce"')
    service.guard.apply_policy(policy)
    assert service.guard.decide(Ask(account_id="y")).action is Action.VERIFY
    assert service.guard.decide(Ask(account_id="z")).action is Action.ALLOW


def test_health_tells_of_a_silent_log_and_of_a_clock_that_stepped_back(tmp_path: Path) -> None:
    wall, monotonic = [1_780_000_000.0], [100.0]
    clock = ServiceClock(lambda: wall[0], lambda: monotonic[0])
    settings = Settings(intake=str(tmp_path), log_silence_seconds=0.01)
    service = Service(settings, Secrets(), key=SketchKey.load(), clock=clock)
    time.sleep(0.02)
    assert "no log was posted" in service.degraded()["logs"]
    service.last_log = time.monotonic() + 60
    assert service.degraded() == {}
    wall[0] -= 3_600
    assert "3600 s" in service.degraded()["clock"]
    assert service.guard.decide(Ask(account_id="a")).passes


def test_trouble_with_files_is_said_and_does_not_end_the_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(Settings(intake=str(tmp_path)), Secrets(), key=SketchKey.load())
    seen: list[dict[str, str]] = []

    async def look() -> None:
        seen.append(service.degraded())
        if len(seen) == 1:
            raise OSError("no space left on device")
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(service, "_look", look)
    monkeypatch.setattr("stillwatch.serving.service.POLL", 0)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(service.look_after())
    assert [sorted(one) for one in seen] == [[], ["upkeep"], []]
    assert "no space left" in seen[1]["upkeep"]
    assert "looking after files failed" in caplog.text
