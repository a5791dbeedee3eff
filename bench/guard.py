"""How fast are decisions, beside the least that a server could do, and does memory stay bounded?

    HTTP      `stillwatch serve` beside a bare uvicorn handler that parses the same JSON
    process   `Guard.decide` alone, processor time
    Redis     `Guard.decide_shared` beside bare GCRA script calls with the same client
    soak      simulated hours of traffic with everything in it, with memory by simulated hour

`--only soak` and the like measure a part. HTTP needs `wrk`, Redis `redis-server` (apt-get install
wrk redis-server).
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from bench.scan import machine
from bench.soak import soak

from stillwatch.guard import Ask, Guard, Traces, parse_policy
from stillwatch.guard.store.redis import RedisStore
from stillwatch.serving.calm import calm

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

KEY = "5c" * 32
RESULTS = Path("bench-results/guard.json")
SECONDS = 6
CONNECTIONS = 32
POLICY = 'mode = "enforce"\n[history]\nfloor = 1000000000\n'
LIMITED = POLICY + '[limits.account]\nrequests = "1000000/1s"\n'
BODY: dict[str, object] = {
    "account_id": "acct_0123456789abcdef",
    "request_id": "req_0123456789abcdef",
    "api_key_id": "key_0123456789abcdef",
    "model": "meridian-2",
    "client_address": "203.0.113.7",
    "user_agent": "python-requests/2.32",
    "tokens": 1_200,
}
CHAT = [
    {"role": "system", "content": "You are a patient tutor of mathematics."},
    {"role": "user", "content": " ".join(f"and what of the word number {i}" for i in range(16))},
]
"""About 110 words, for live detection to sketch."""

NEEDS = {"http": "wrk", "process": "", "redis": "redis-server", "soak": ""}
"""The parts, and the program that each needs."""

ACCOUNTS = 100_000
IDENTIFIERS = ("account_id", "api_key_id", "payment_fingerprint")

BARE = """
import msgspec
from stillwatch.guard import Ask
decoder = msgspec.json.Decoder(Ask)
ANSWER = b'{"action":"allow","pass":true,"reserved":1200}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"46")]

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    message = await receive()
    decoder.decode(message["body"])
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})
"""
SCRIPT = """
wrk.method = "POST"
wrk.body = [==[%s]==]
wrk.headers["Content-Type"] = "application/json"
%s
"""


def main() -> None:
    """Measure, print, and write the figures to `RESULTS`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--soak-hours", type=float, default=0.2, help="simulated hours")
    parser.add_argument("--soak-rate", type=int, default=1_000, help="requests a second")
    parser.add_argument("--only", nargs="+", choices=NEEDS, default=list(NEEDS), help="parts")
    arguments = parser.parse_args()
    chosen = [part for part in NEEDS if part in arguments.only]
    needed = [NEEDS[part] for part in chosen if NEEDS[part]]
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        raise SystemExit(f"install what it measures with: apt-get install {' '.join(missing)}")
    os.environ["STILLWATCH_KEY"] = KEY
    figures: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as name:
        parts: dict[str, Callable[[], object]] = {
            "http": lambda: http(Path(name)),
            "process": process,
            "redis": lambda: redis(Path(name)),
            "soak": lambda: soak(arguments.soak_hours, arguments.soak_rate),
        }
        for part in chosen:
            figures[part] = parts[part]()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


def http(folder: Path) -> dict[str, float]:
    """Throughput of both servers, in turns, and the latency of ours at half of its own."""
    (folder / "policy.toml").write_text(POLICY, encoding="utf-8")
    (folder / "bare.py").write_text(BARE, encoding="utf-8")
    binaries = Path(sys.executable).parent
    ours = [str(binaries / "stillwatch"), "serve", "--policy", str(folder / "policy.toml")]
    bare = [str(binaries / "uvicorn"), "bare:app", "--app-dir", str(folder), "--no-access-log"]
    bare += ["--log-level", "error", "--no-server-header", "--no-date-header"]
    with listening(ours) as one, listening(bare) as other:
        decisions, handled = [], []
        for _ in range(3):
            handled.append(wrk(folder, other)["rate"])
            decisions.append(wrk(folder, one)["rate"])
        rate, least = float(np.median(decisions)), float(np.median(handled))
        pause = 1_000 * CONNECTIONS / (rate / 2)
        half = wrk(folder, one, pause)
        half_bare = wrk(folder, other, pause)
        words = wrk(folder, one, body=BODY | {"messages": CHAT})
    return {
        "decisions_per_second": rate,
        "bare_per_second": least,
        "ratio": round(rate / least, 3),
        "half_load_per_second": half["rate"],
        "half_load_p50_ms": half["p50"],
        "half_load_p99_ms": half["p99"],
        "bare_p99_ms_at_that_load": half_bare["p99"],
        "with_text_per_second": words["rate"],
        "with_text_p99_ms": words["p99"],
    }


def wrk(
    folder: Path, port: int, pause: float = 0.0, body: dict[str, object] | None = None
) -> dict[str, float]:
    """Requests a second and latency; with a pause in milliseconds between a connection's."""
    delay = f"function delay() return math.random() * {2 * pause} end" if pause else ""
    script = folder / "post.lua"
    script.write_text(SCRIPT % (json.dumps(body or BODY), delay), encoding="utf-8")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-s", str(script)]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/v1/decide"], capture_output=True, text=True, check=True
    )
    if "Non-2xx" in done.stdout:
        raise SystemExit(f"not all requests were answered with 200:\n{done.stdout}")
    found = {f"p{q}": _milliseconds(done.stdout, q) for q in (50, 99)}
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    return {**found, "rate": float(rate[1]) if rate else 0.0}


def _milliseconds(text: str, quantile: int) -> float:
    found = re.search(rf"{quantile}%\s+([\d.]+)(us|ms|s)", text)
    if found is None:
        raise SystemExit(f"wrk printed no latency:\n{text}")
    return float(found[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[found[2]]


@contextmanager
def listening(command: list[str], flag: str = "--port") -> Iterator[int]:
    """A server on a free port."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    process = subprocess.Popen(
        [*command, flag, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


@calm()
def process(number: int = 50_000) -> dict[str, float]:
    """Processor microseconds of a decision in this process, the best of five.

    Of one account again and again, and of `ACCOUNTS` in turn, which is the worst for caches: with
    live detection every account has a template of its own and every request a body, so each makes
    the guard forget the oldest of what it remembers. Every account has a payer of its own or, which
    costs more, shares one with another. Making the sketches' tuples counts.
    """
    plain, limited = Guard(parse_policy(POLICY)), Guard(parse_policy(LIMITED))
    ask = Ask(**BODY)  # type: ignore[arg-type]
    traces = Traces(((0, 1), (1, 2), (2, 3), (3, 4)), 5, 6, None, 1, True)
    asks = [
        Ask(**(BODY | {name: f"{name}{i:016x}" for name in IDENTIFIERS}))  # type: ignore[arg-type]
        for i in range(ACCOUNTS)
    ]
    pairs = [
        msgspec.structs.replace(ask, payment_fingerprint=f"p{i // 2:016x}")
        for i, ask in enumerate(asks)
    ]
    each = [Traces(((0, i), (1, i), (2, i), (3, i)), 0, 0, None, 1, True) for i in range(ACCOUNTS)]
    fresh = itertools.count()

    def new(given: Traces) -> Traces:
        body = next(fresh)
        return given._replace(body=body, turns=body)

    return {
        "built_in_us": _micros(lambda _: plain.decide(ask), number),
        "with_a_budget_us": _micros(lambda _: limited.decide(ask), number),
        "with_live_detection_us": _micros(lambda _: plain.decide(ask, new(traces)), number),
        "many_accounts_us": _micros(lambda i: plain.decide(asks[i]), ACCOUNTS),
        "many_accounts_with_a_budget_us": _micros(lambda i: limited.decide(asks[i]), ACCOUNTS),
        "many_accounts_with_live_detection_us": _micros(
            lambda i: plain.decide(asks[i], new(each[i])), ACCOUNTS
        ),
        "many_accounts_two_a_payer_us": _micros(
            lambda i: plain.decide(pairs[i], new(each[i])), ACCOUNTS
        ),
    }


def _micros(work: Callable[[int], object], number: int) -> float:
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for i in range(number):
            work(i)
        best = min(best, (time.process_time() - started) / number * 1e6)
    return round(best, 2)


def redis(folder: Path, number: int = 20_000) -> dict[str, float]:
    """Decisions a second on one Redis, beside bare calls of the same script; in turns."""
    server = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with listening(server) as port:
        url = f"redis://127.0.0.1:{port}/0"
        bare, ours = [], []
        for _ in range(3):
            bare.append(asyncio.run(_bare_calls(url, number)))
            ours.append(asyncio.run(_shared_decisions(url, number)))
    return {
        "decisions_per_second": round(float(np.median(ours))),
        "bare_gcra_per_second": round(float(np.median(bare))),
        "ratio": round(float(np.median(ours)) / float(np.median(bare)), 3),
    }


async def _bare_calls(url: str, number: int) -> float:
    from redis.asyncio import Redis  # noqa: PLC0415

    client = Redis.from_url(url)
    text = (resources.files("stillwatch.guard.store") / "take.lua").read_text(encoding="utf-8")
    await client.script_load(text)
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def one(i: int) -> None:
        await client.evalsha(digest, 1, f"bare{{{i % 1000}}}", time.time(), 1e-6, 1.0, 1)

    rate = await _rate(one, number)
    await client.aclose()
    return rate


async def _shared_decisions(url: str, number: int) -> float:
    store = RedisStore(url, secret=b"bench")
    guard = Guard(parse_policy(LIMITED), store=store)
    asks = [Ask(**(BODY | {"account_id": f"a{i}"})) for i in range(1_000)]  # type: ignore[arg-type]

    async def one(i: int) -> None:
        await guard.decide_shared(asks[i % 1_000])

    rate = await _rate(one, number)
    await store.close()
    return rate


async def _rate(one: Callable[[int], Awaitable[None]], number: int) -> float:
    """Calls a second with `CONNECTIONS` under way at a time."""
    numbers = iter(range(number))

    async def work() -> None:
        for i in numbers:
            await one(i)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return number / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
