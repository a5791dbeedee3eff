"""Real servers for tests: on loopback, on free ports, stopped at the end."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

STARTUP = 20.0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Answer:
    """An HTTP answer, read whole."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(
    port: int,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
) -> Answer:
    """One request; a body that is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes | type(None)) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        verb = method or ("GET" if data is None else "POST")
        connection.request(verb, path, data, dict(headers or {}))
        return Answer(connection.getresponse())
    finally:
        connection.close()


def wait_for(ready: Callable[[], bool], seconds: float = STARTUP) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("the server did not become ready in time")


def decided(folder: Path) -> list[dict[str, Any]]:
    """The decisions in the log of a `stillwatch` that was started in `folder`."""
    lines = (folder / "serve.log").read_text(encoding="utf-8").splitlines()
    return [one["decision"] for one in map(json.loads, lines) if one["message"] == "decided"]


def block(page: Path, language: str, number: int = 0) -> str:
    """A code block of a documentation page."""
    text = page.read_text(encoding="utf-8")
    found: str = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[number]
    return found


def stop(process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
    if process.poll() is None:
        process.send_signal(how)
    process.wait(30)


@contextmanager
def stillwatch(
    folder: Path, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`stillwatch serve` on a free port, and its process; its log is `folder`/serve.log."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("stillwatch")), "serve", "--port", str(port)]
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, *options], stderr=log, stdout=log, env=os.environ | dict(env or {})
        )
        try:
            wait_for(lambda: call(port, "/healthz").status == 200)
            yield port, process
        finally:
            stop(process)


@contextmanager
def redis(
    folder: Path, port: int | None = None, *, options: Sequence[str] = ()
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A Redis on a free port that keeps nothing."""
    port = port or free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(
        [*command, "--appendonly", "no", "--dir", str(folder), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:

        def answers() -> bool:
            with socket.create_connection(("127.0.0.1", port), 1) as one:
                one.sendall(b"PING\r\n")
                return one.recv(64).startswith(b"+PONG")

        wait_for(answers)
        yield port, process
    finally:
        stop(process)
