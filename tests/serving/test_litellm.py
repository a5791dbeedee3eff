"""A real LiteLLM proxy with our handler, before a fake OpenAI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from stillwatch.readers import open_log
from stillwatch.standing import Action, Snapshot, Standing, write_snapshot

from .servers import Answer, block, call, decided, free_port, stillwatch, stop, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/litellm.md"
LITELLM = ROOT / ".venv-litellm/bin/litellm"

AUTH = """
from litellm.proxy._types import UserAPIKeyAuth

async def authenticate(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, user_id=api_key.removeprefix("sk-"))
"""
CONFIG = """
model_list:
  - model_name: m
    litellm_params:
      model: openai/m
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: none
{plugged}  drop_params: true
  num_retries: 0
general_settings:
  master_key: sk-0c1f5b0d9a7e4c62b8d3f1e6a4507b93
  custom_auth: auth.authenticate
"""
POLICY = """
mode = "enforce"
[verify]
url = "https://example.org/verify"
[limits.account]
requests = "3/1h"
[restrict]
output_tokens = 64
"""


@pytest.fixture(scope="module")
def litellm() -> Path:
    if not LITELLM.exists():
        reason = "LiteLLM is not installed: make .venv-litellm/stamp"
        if os.environ.get("STILLWATCH_REQUIRE_BINARIES") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return LITELLM


class OpenAI(BaseHTTPRequestHandler):
    """Remembers what it is asked, and answers."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append(body)
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_780_000_000,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": "four"},
                }
            ],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
        }
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def proxy(command: Path, folder: Path, guard: int) -> Iterator[int]:
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), OpenAI)
    thread = threading.Thread(target=upstream.serve_forever)
    thread.start()
    (folder / "auth.py").write_text(AUTH, encoding="utf-8")
    config = CONFIG.format(upstream=upstream.server_port, plugged=block(PAGE, "yaml"))
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    copying = ["sh", "-ec", block(PAGE, "sh", 1)]
    subprocess.run(copying, cwd=folder, env=os.environ | {"PATH": path}, check=True)
    port = free_port()
    env = os.environ | {
        "STILLWATCH_URL": f"http://127.0.0.1:{guard}",
        "STILLWATCH_TIMEOUT": "5",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        "NO_PROXY": "127.0.0.1",
    }
    with (folder / "litellm.log").open("wb") as log:
        process = subprocess.Popen(
            [str(command), "--config", "config.yaml", "--port", str(port), "--host", "127.0.0.1"],
            cwd=folder,
            env=env,
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(lambda: call(port, "/health/liveliness").status == 200, 90)
            yield port
        finally:
            stop(process)
            upstream.shutdown()
            upstream.server_close()
            thread.join()


def chat(port: int, account: str, **body: Any) -> Answer:
    asked = {"model": "m", "messages": [{"role": "user", "content": "Two and two?"}], **body}
    headers = {"Authorization": f"Bearer sk-{account}", "Content-Type": "application/json"}
    return call(port, "/v1/chat/completions", asked, headers)


def test_the_handler_in_a_real_proxy(litellm: Path, tmp_path: Path) -> None:
    standings = (
        Standing(account_id="harvester", action=Action.RESTRICT, author="user:kim"),
        Standing(account_id="unknown", action=Action.VERIFY, author="user:kim"),
    )
    write_snapshot(Snapshot(sequence=1, standings=standings), tmp_path / "snapshot.json")
    (tmp_path / "policy.toml").write_text(block(PAGE, "toml"), encoding="utf-8")
    settings = tmp_path / "stillwatch.toml"
    settings.write_text(
        'policy = "policy.toml"\nsnapshot = "snapshot.json"\nintake = "intake"\n', encoding="utf-8"
    )
    with (
        stillwatch(tmp_path, "--config", str(settings)) as (guard, process),
        proxy(litellm, tmp_path, guard) as port,
    ):
        # in shadow mode nobody notices, and the log says what would have been, and why
        assert {chat(port, "carol").status for _ in range(4)} == {200}
        assert chat(port, "unknown").status == 200
        throttled, held = decided(tmp_path)
        assert throttled["reason"] == "the account's budget of requests is used up"
        assert (held["action"], held["author"]) == ("verify", "user:kim")

        (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
        wait_for(lambda: call(guard, "/healthz").json["mode"] == "enforce", 10)
        # throttled with what a client library obeys
        answers = [chat(port, "alice") for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert answers[0].json["choices"][0]["message"]["content"] == "four"
        assert int(answers[3].headers["retry-after"]) > 0
        assert "Too many requests" in answers[3].json["error"]["message"]

        challenged = chat(port, "unknown")
        assert challenged.status == 403
        assert "https://example.org/verify" in challenged.json["error"]["message"]

        OpenAI.asked.clear()
        restricted = chat(port, "harvester", n=4, logprobs=True, top_logprobs=5, max_tokens=4_000)
        assert restricted.status == 200
        (asked,) = OpenAI.asked
        assert asked["max_tokens"] == 64
        assert asked["n"] == 1
        assert "logprobs" not in asked
        assert "top_logprobs" not in asked
        # in the open: the client is told what it goes without
        assert restricted.headers["x-stillwatch-action"] == "restrict"
        changed = set(restricted.headers["x-stillwatch-changed"].split(", "))
        assert changed == {"logprobs", "top_logprobs", "n", "max_tokens"}

        def intake() -> list[Path]:
            return sorted((tmp_path / "intake").glob("*.jsonl"))

        wait_for(lambda: bool(intake()), 30)
        deadline = time.monotonic() + 20
        rows: list[dict[str, Any]] = []
        while len(rows) < 4 and time.monotonic() < deadline:
            time.sleep(0.5)
            rows = [
                row
                for batch in open_log([str(path) for path in intake()])
                for row in batch.requests.to_pylist()
            ]
        # the guard goes away: the proxy lets pass, also whom it would have refused
        stop(process)
        assert chat(port, "alice").status == 200
    accounts = {row["account_id"] for row in rows}
    assert {"alice", "harvester"} <= accounts
    assert all(row["prompt"] == "Two and two?" for row in rows)
