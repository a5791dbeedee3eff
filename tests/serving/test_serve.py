from __future__ import annotations

import gzip
import json
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stillwatch.standing import Action, Snapshot, Standing, write_snapshot

from .servers import Answer, call, free_port, stillwatch, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY = """
version = "test"
mode = "enforce"
[verify]
url = "https://example.org/verify"
[limits.account]
requests = "3/1h"
tokens = "1000/1h"
"""
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def snapshot(sequence: int = 1, action: Action = Action.VERIFY) -> Snapshot:
    held = Standing(account_id="held", action=action, reason="secret", author="user:kim")
    return Snapshot(sequence=sequence, as_of=NOW, standings=(held,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    (folder / "policy.toml").write_text(POLICY, encoding="utf-8")
    write_snapshot(snapshot(), folder / "snapshot.json")
    settings = 'policy = "policy.toml"\nsnapshot = "snapshot.json"\nintake = "intake"\n'
    (folder / "settings.toml").write_text(settings, encoding="utf-8")
    env = {"STILLWATCH_KEY": "5c" * 32}
    with stillwatch(folder, "--config", str(folder / "settings.toml"), env=env) as (number, _):
        yield number


def test_decisions_are_json(port: int) -> None:
    answers = [call(port, "/v1/decide", {"account_id": "json"}).json for _ in range(4)]
    assert answers[:3] == [{"action": "allow", "pass": True, "reserved": 0}] * 3
    assert answers[3]["action"] == "throttle"
    assert answers[3]["status"] == 429
    assert answers[3]["retry_after"] > 0
    assert "budget of requests" in answers[3]["reason"]
    held = call(port, "/v1/decide", {"account_id": "held"}).json
    assert (held["action"], held["pass"], held["status"]) == ("verify", False, 403)
    assert held["verify_url"] == "https://example.org/verify"
    assert held["author"] == "user:kim"


def test_a_request_that_was_refused_here_and_goes_on_elsewhere_is_noticed(port: int) -> None:
    def ask(account: str, number: int) -> Any:
        asked = "Explain your reasoning step by step, showing all your work, and then answer."
        chat = [{"role": "user", "content": f"{asked} What follows from lemma {number}?"}]
        return call(port, "/v1/decide", {"account_id": account, "messages": chat}).json

    passed = [ask("refused", number)["pass"] for number in range(5)]
    assert passed == [True] * 3 + [False] * 2
    assert ask("elsewhere", 3)["pass"]
    found = ask("elsewhere", 4)
    assert (found["action"], found["source"]) == ("verify", "live")
    assert "refused" in found["reason"]


def test_settling_makes_debt(port: int) -> None:
    ask = {"account_id": "debtor", "tokens": 100}
    reserved = call(port, "/v1/decide", ask).json["reserved"]
    body = {"account_id": "debtor", "reserved": reserved, "used": 5_000, "status": 200}
    assert call(port, "/v1/settle", body).json == {"settled": True}
    assert call(port, "/v1/decide", ask).json["subject"] == "account"


@pytest.mark.parametrize(
    ("body", "problem"),
    [(b"{", "truncated"), ({"account": "x"}, "account_id"), ({"account_id": ""}, "empty")],
)
def test_a_mistake_of_the_gateway_is_named(port: int, body: object, problem: str) -> None:
    answer = call(port, "/v1/decide", body)
    assert answer.status == 400
    assert problem in answer.json["error"]


def test_forward_auth_answers_in_headers(port: int) -> None:
    passed = call(port, "/v1/forward-auth", headers={"X-Account-Id": "forward"})
    assert passed.status == 200
    assert passed.headers["x-stillwatch-action"] == "allow"
    held = call(port, "/v1/forward-auth", headers={"X-Account-Id": "held"})
    assert held.status == 403
    assert held.headers["x-stillwatch-status"] == "403"
    assert held.headers["x-stillwatch-verify-url"] == "https://example.org/verify"
    assert "secret" not in str(held.headers)
    assert call(port, "/v1/forward-auth").status == 400


def test_a_check_answers_a_refusal_as_the_client_is_to_see_it(port: int) -> None:
    def check(account: str, query: str = "", **headers: str) -> Answer:
        sent = {"X-Account-Id": account} | {k.replace("_", "-"): v for k, v in headers.items()}
        return call(port, f"/v1/check{query}", headers=sent)

    passed = [check("checked") for _ in range(3)][-1]
    assert (passed.status, passed.body) == (200, b"")
    assert passed.headers["x-stillwatch-action"] == "allow"
    # there where there is nothing to say, so that a client's own is replaced
    assert passed.headers["x-stillwatch-watermark"] == passed.headers["x-stillwatch-withhold"] == ""
    refused = check("checked")
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json["error"]["code"] == "rate_limit_exceeded"
    # Envoy puts what was asked for into the query, Traefik, Caddy and APISIX into a header
    for other in (
        check("checked", "?/v1/messages"),
        check("checked", X_Forwarded_Uri="/v1/messages"),
    ):
        assert other.json["error"]["type"] == "rate_limit_error"
    held = check("held")
    assert held.status == 403
    assert "https://example.org/verify" in held.json["error"]["message"]
    assert "secret" not in f"{held.headers}{held.body!r}"


@pytest.mark.parametrize(
    ("path", "kind"), [("/v1/chat/completions", "requests"), ("/v1/messages", "rate_limit_error")]
)
def test_a_refusal_has_the_clients_shape(port: int, path: str, kind: str) -> None:
    headers = {"x-stillwatch-action": "throttle", "retry-after": "9", "x-original-uri": path}
    answer = call(port, "/v1/refusal", headers=headers)
    assert answer.status == 429
    assert answer.headers["retry-after"] == "9"
    assert answer.json["error"]["type"] == kind


def test_health_readiness_and_metrics(port: int) -> None:
    health = call(port, "/healthz").json
    assert health["status"] == "ok"
    assert health["mode"] == "enforce"
    assert health["snapshot"]["sequence"] >= 1
    assert health["budgets"] == "of this process alone"
    assert call(port, "/readyz").json == {"ready": True}
    assert call(port, "/v1/decide", {"account_id": "measured"}).json["action"] == "allow"
    text = call(port, "/metrics").body.decode()
    assert 'stillwatch_decisions_total{action="allow",source="none",mode="enforce"}' in text
    assert 'stillwatch_decision_seconds_bucket{le="+Inf"}' in text
    assert call(port, "/nowhere").status == 404


def record(number: int) -> dict[str, object]:
    return {
        "request_id": f"r{number}",
        "timestamp": "2026-06-01T00:00:00Z",
        "account_id": "a",
        "model": "m",
        "prompt": f"What is {number}?",
    }


def test_posted_logs_are_on_the_disk_when_they_are_acknowledged(port: int, folder: Path) -> None:
    assert call(port, "/v1/logs", record(1)).json == {"taken": True}
    lines = b"\n".join(json.dumps(record(n)).encode() for n in (2, 3))
    packed = {"content-encoding": "gzip"}
    assert call(port, "/v1/logs", gzip.compress(lines), packed).status == 200
    indented = json.dumps([record(4), record(5)], indent=2).encode()
    assert call(port, "/v1/logs", indented).status == 200
    kept = b"".join(path.read_bytes() for path in (folder / "intake").glob("*.jsonl"))
    kept += b"".join(path.read_bytes() for path in (folder / "intake").glob(".*.open"))
    for number in range(1, 6):
        assert f'"r{number}"'.encode() in kept
    assert call(port, "/v1/logs", b"nothing that is a log").status == 400
    bomb = gzip.compress(b"0" * (65 << 20))
    assert call(port, "/v1/logs", bomb, packed).status == 413


def test_a_log_source_that_stalls_in_the_middle_holds_up_nobody(port: int, folder: Path) -> None:
    row = json.dumps(record(77)).encode()
    head = b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(row)
    with socket.create_connection(("127.0.0.1", port), 5) as stalled:
        stalled.sendall(head + row[:40])
        answers = [call(port, "/v1/decide", {"account_id": f"s{n}"}) for n in range(20)]
        assert {answer.status for answer in answers} == {200}
        assert call(port, "/v1/logs", record(78)).json == {"taken": True}
        assert call(port, "/healthz").status == 200
        kept = b"".join(path.read_bytes() for path in (folder / "intake").iterdir())
        assert b'"r78"' in kept
        assert b'"r77"' not in kept
        stalled.sendall(row[40:])
        assert stalled.recv(64).startswith(b"HTTP/1.1 200")


def test_otlp_is_answered_as_otlp(port: int) -> None:
    span = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "chat",
        "startTimeUnixNano": "1544712660000000000",
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        ],
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    assert call(port, "/v1/traces", body).json == {}


def test_a_new_snapshot_and_a_new_policy_are_taken_without_a_pause(port: int, folder: Path) -> None:
    def action() -> str:
        found: str = call(port, "/v1/decide", {"account_id": "held"}).json["action"]
        return found

    write_snapshot(snapshot(2, Action.RESTRICT), folder / "snapshot.json")
    wait_for(lambda: action() == "restrict", 10)
    half = (folder / "snapshot.json").read_bytes()[:40]
    (folder / "snapshot.json").write_bytes(half)
    wait_for(lambda: "snapshot file" in call(port, "/healthz").json["degraded"], 10)
    assert action() == "restrict"
    assert call(port, "/readyz").status == 200
    write_snapshot(snapshot(3, Action.VERIFY), folder / "snapshot.json")
    wait_for(lambda: action() == "verify", 10)
    (folder / "policy.toml").write_text(POLICY + "\n[limts]\n", encoding="utf-8")
    wait_for(lambda: "policy file" in call(port, "/healthz").json["degraded"], 10)
    problem = call(port, "/healthz").json["degraded"]["policy file"]
    assert "policy.toml:10" in problem
    assert "limts" in problem
    assert action() == "verify"
    good = POLICY.replace('"test"', '"second"')
    (folder / "policy.toml").write_text(good, encoding="utf-8")
    wait_for(lambda: call(port, "/healthz").json["status"] == "ok", 10)
    assert call(port, "/healthz").json["policy"] == "second"


def test_the_token_is_asked_for(tmp_path: Path) -> None:
    with stillwatch(tmp_path, env={"STILLWATCH_TOKEN": "s3cret"}) as (port, _):
        ask = {"account_id": "a"}
        assert call(port, "/v1/decide", ask).status == 401
        assert call(port, "/v1/decide", ask, {"Authorization": "Bearer wrong"}).status == 401
        assert call(port, "/v1/decide", ask, {"Authorization": "Bearer s3cret"}).status == 200
        headers = {"X-Stillwatch-Token": "s3cret", "X-Account-Id": "a"}
        assert call(port, "/v1/forward-auth", headers=headers).status == 200
        assert call(port, "/healthz").status == 200


def serve(*options: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("stillwatch")), "serve", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_does_not_listen_to_strangers_without_a_token() -> None:
    done = serve(
        "--host",
        "0.0.0.0",  # noqa: S104
        "--port",
        str(free_port()),
    )
    assert done.returncode == 2
    assert "STILLWATCH_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_policy_keeps_it_from_starting(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("mode = 'on'", encoding="utf-8")
    done = serve("--policy", str(tmp_path / "p.toml"), "--port", str(free_port()))
    assert done.returncode == 1
    assert "p.toml:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_says_that_logs_are_missing_and_cannot_be_kept_and_stops_gracefully(
    tmp_path: Path,
) -> None:
    settings = 'intake = "in"\nlog_silence_seconds = 0.2\n'
    (tmp_path / "s.toml").write_text(settings, encoding="utf-8")
    with stillwatch(tmp_path, "-c", str(tmp_path / "s.toml")) as (port, process):
        wait_for(lambda: "logs" in call(port, "/healthz").json["degraded"], 10)
        (tmp_path / "in").rmdir()  # as good as a disk that is full
        unkept = call(port, "/v1/logs", record(1))
        assert unkept.status == 503  # to be sent again
        assert "not kept" in unkept.json["error"]
        assert call(port, "/v1/decide", {"account_id": "a"}).json["pass"]
        (tmp_path / "in").mkdir()
        assert call(port, "/v1/logs", record(1)).json == {"taken": True}
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
    assert len(list((tmp_path / "in").glob("*.jsonl"))) == 1
    for line in (tmp_path / "serve.log").read_text(encoding="utf-8").splitlines():
        assert {"time", "level", "message"} <= json.loads(line).keys()


def test_the_console_is_on_the_same_port_and_publishes_to_the_guard(tmp_path: Path) -> None:
    database = str(tmp_path / "console.db")
    with stillwatch(tmp_path, "--database", database, env={"STILLWATCH_KEY": "5c" * 32}) as (
        number,
        process,
    ):
        page = call(number, "/")
        assert (page.status, page.headers["location"]) == (303, "/login?next=/")
        assert call(number, "/login").status == 200
        assert call(number, "/v1/decide", {"account_id": "new"}).json["action"] == "allow"
        wait_for((tmp_path / "snapshot.json").exists)
        process.send_signal(signal.SIGTERM)
        # the pages end, too; uvicorn then hands the signal on
        assert process.wait(20) in {0, -signal.SIGTERM}
    log = (tmp_path / "serve.log").read_text(encoding="utf-8")
    assert "first administrator: http://127.0.0.1:" in log
