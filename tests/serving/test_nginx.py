"""The nginx configuration of docs/nginx.md, run by a real nginx before a fake model."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stillwatch.standing import Action, Snapshot, Standing, write_snapshot

from .servers import Answer, block, call, decided, free_port, stillwatch, stop, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parents[2] / "docs/nginx.md"
KEYS = {"Authorization": "Bearer alice-key"}


class Model(BaseHTTPRequestHandler):
    """Answers every chat with what arrived."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        kept = {k.lower(): v for k, v in self.headers.items() if k.lower().startswith("x-")}
        answer = json.dumps({"got": json.loads(body), "headers": kept}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def model() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def nginx(folder: Path, guard: int, upstream: int) -> Iterator[int]:
    """The page's configuration, with the ports of this test."""
    port = free_port()
    site = block(PAGE, "nginx").replace("127.0.0.1:8321", f"127.0.0.1:{guard}")
    site = site.replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")
    site = site.replace("listen 8080", f"listen 127.0.0.1:{port}")
    temp = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temp}{site}\n}}\n",
        encoding="utf-8",
    )
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: call(port, "/").status > 0)
        yield port
    finally:
        stop(process)


def chat(port: int, key: str = "alice-key", path: str = "/v1/chat/completions") -> Answer:
    return call(port, path, {"model": "m"}, {"Authorization": f"Bearer {key}"})


@pytest.mark.binary("nginx", package="nginx-light")
def test_the_page_works_in_shadow_mode_and_enforcing(tmp_path: Path) -> None:
    held = Standing(account_id="bob", action=Action.RESTRICT, reason="r", author="user:kim")
    write_snapshot(Snapshot(sequence=1, standings=(held,)), tmp_path / "snapshot.json")
    policy = tmp_path / "policy.toml"
    shadow = block(PAGE, "toml")
    policy.write_text(shadow, encoding="utf-8")
    options = ("--policy", str(policy), "--snapshot", str(tmp_path / "snapshot.json"))
    with (
        model() as upstream,
        stillwatch(tmp_path, *options) as (guard, _),
        nginx(tmp_path, guard, upstream) as port,
    ):
        assert chat(port, "nobody").status == 401
        assert {chat(port).status for _ in range(5)} == {200}
        seen = decided(tmp_path)
        assert [one["action"] for one in seen] == ["throttle"] * 2
        assert {one["reason"] for one in seen} == {"the account's budget of requests is used up"}
        counted = call(guard, "/metrics").body.decode()
        assert 'action="throttle",source="limit",mode="shadow"} 2' in counted

        acting = f'mode = "enforce"\n{shadow}[restrict]\noutput_tokens = 256\n'
        policy.write_text(acting, encoding="utf-8")
        wait_for(lambda: call(guard, "/healthz").json["mode"] == "enforce", 10)
        refused = chat(port)
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json["error"]["code"] == "rate_limit_exceeded"
        other = chat(port, path="/v1/messages")
        assert other.status == 429
        assert other.json["type"] == "error"
        # a client that names another account is not believed
        spoofed = call(
            port,
            "/v1/chat/completions",
            {"model": "m"},
            {**KEYS, "X-Account-Id": "carol", "X-Stillwatch-Action": "allow"},
        )
        assert spoofed.status == 429
        passed = chat(port, "bob-key").json["headers"]
        assert passed["x-stillwatch-action"] == "restrict"
        assert passed["x-stillwatch-withhold"] == "reasoning, logprobs"
        assert passed["x-stillwatch-max-output-tokens"] == "256"


@pytest.mark.binary("nginx", package="nginx-light")
def test_nginx_fails_open_when_the_guard_is_away(tmp_path: Path) -> None:
    with model() as upstream, nginx(tmp_path, free_port(), upstream) as port:
        assert chat(port).status == 200
