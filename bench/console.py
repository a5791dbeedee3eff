"""How quick the console is: `python -m bench.console`.

A case of 25,000 members behind 28.8 million requests is opened in Chromium, with and without the
browser's cache; then sign-ups arrive at a fixed rate, and each is timed from the moment at which it
was due. The server is a process of its own, as in production.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import numpy as np
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import insert
from tests import invented_scan
from tests.report import invented

from stillwatch.cases import Role, Storage, api_tokens, login, people
from stillwatch.cases.actors import system
from stillwatch.cases.importing import import_scan
from stillwatch.cases.models import Signup
from stillwatch.sketch import SketchKey

PASSWORD = "a long and simple sentence"  # noqa: S105 - of a database that lives a minute
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
SIZE = "performance.getEntriesByType('navigation')[0].decodedBodySize"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=25_000)
    parser.add_argument("--known", type=int, default=100_000, help="sign-ups seen before")
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--no-pages", action="store_true", help="measure sign-ups alone")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STILLWATCH_KEY"] = invented_scan.KEY.secret.hex()
        database = str(Path(folder) / "cases.db")
        session, token = fill(Path(folder), database, wanted.members, wanted.known)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [str(Path(sys.executable).with_name("stillwatch")), "console"]
        command += ["--database", database, "--port", str(port)]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url)
            print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {sys.version[:7]}")
            if not wanted.no_pages:
                paint(url, session, wanted.members)
            asyncio.run(sign_up(port, token, 10, 1))  # the first ones compile
            before = processor_seconds(server.pid)
            asyncio.run(sign_up(port, token, wanted.rate, wanted.seconds))
            used = processor_seconds(server.pid) - before
            number = wanted.rate * wanted.seconds
            print(f"the server's processor time: {1000 * used / number:.2f} ms a sign-up")
        finally:
            server.terminate()
            server.wait()


def processor_seconds(pid: int) -> float:
    """What a process has used of all cores so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill(folder: Path, database: str, members: int, known: int) -> tuple[str, str]:
    """A database with the case, sign-ups of a month, a user and a token."""
    storage = Storage(database, key=SketchKey(invented_scan.KEY.secret))
    storage.migrate()
    made = invented_scan.campaign("c-large", tuple(f"acct_{n:08x}" for n in range(members)))
    made = replace(
        made, requests=28_800_000, links=invented.links(np.random.default_rng(1), 300, 900)
    )
    results, accounts = invented_scan.write(folder / "scan", made, clear=1000)
    started = time.perf_counter()
    import_scan(storage, results, actor=system("bench"), accounts=accounts)
    print(f"import of {members:,} members: {time.perf_counter() - started:.1f} s")
    with storage.write(system("bench")) as unit:
        _, link = people.invite(unit, "ada", Role.INVESTIGATOR)
        people.set_password(unit, link, PASSWORD)
        _, token = api_tokens.make(unit, "bench", ["signups"])
    remember(storage, known)
    session = login.log_in(storage, "ada", PASSWORD, "127.0.0.0/24")
    storage.close()
    return session, token


def remember(storage: Storage, known: int) -> None:
    """Sign-ups of the last weeks, so that there is something to compare with."""
    rng = np.random.default_rng(2)
    now = storage.clock()
    ages = np.sort(rng.uniform(0, 30 * 86400, known))
    tokens = rng.integers(-(2**62), 2**62, (known, 4))
    for start in range(0, known, 5000):
        rows = [
            {
                "reference": f"old-{n}",
                "at": now - timedelta(seconds=float(ages[n])),
                "email_domain": "gmail.com" if n % 3 else f"company{n % 5000}.example",
                "mailbox": int(tokens[n, 0]),
                "payment": int(tokens[n, 1]),
                "device": int(tokens[n, 2]),
                "network": int(tokens[n % 20000, 3]),
                "address_kind": "unknown",
                "level": "email",
                "score": 0.0,
                "reasons": [],
            }
            for n in range(start, min(known, start + 5000))
        ]
        with storage.write(system("bench")) as unit:
            unit.session.execute(insert(Signup), rows)


def wait_for(url: str) -> None:
    """Until the server answers."""
    for _ in range(300):
        try:
            httpx2.get(f"{url}/login", timeout=1)
        except httpx2.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the console did not start")


def paint(url: str, session: str, members: int) -> None:
    """First contentful paint of the case page, as Chromium reports it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        cold = [opened(browser.new_context(), url, session) for _ in range(5)]
        context = browser.new_context()
        warm = [opened(context, url, session) for _ in range(10)]
        browser.close()
    for name, found in (("cold", cold), ("warm", warm[1:])):
        times = [one[0] for one in found]
        print(
            f"case page with {members:,} members, first contentful paint, {name} cache: median "
            f"{statistics.median(times):.0f} ms, worst {max(times):.0f} ms; "
            f"page {found[0][1] / 1000:.0f} kB"
        )


def opened(context: object, url: str, session: str) -> tuple[float, int]:
    """First paint in milliseconds and size of the page."""
    context.add_cookies([{"name": "stillwatch", "value": session, "url": url}])  # type: ignore[attr-defined]
    page: Page = context.new_page()  # type: ignore[attr-defined]
    page.goto(f"{url}/cases/1")
    while not page.evaluate("performance.getEntriesByName('first-contentful-paint').length"):
        time.sleep(0.02)  # Playwright's own waiting needs eval, which the page forbids
    found = page.evaluate(PAINT), page.evaluate(SIZE)
    page.close()
    return found


async def sign_up(port: int, token: str, rate: int, seconds: int) -> None:
    """Send sign-ups at a rate; a late answer delays no later request."""
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    took: list[float] = []
    loop = asyncio.get_running_loop()

    async def one(number: int, due: float) -> None:
        while idle and idle[-1][0].at_eof():  # the server closes what was idle for long
            idle.pop()
        pair = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps(
            {
                "reference": f"r-{rate}-{number}",
                "email": f"p{number}@gmail.com",
                "payment_fingerprint": f"pm_{number % 5000}",
                "device": f"d{number}",
                "address": f"198.51.{number % 100}.{number % 250}",
            }
        ).encode()
        head = (
            f"POST /v1/signups HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        pair[1].write(head.encode() + body)
        answer = await pair[0].readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(answer.decode())
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await pair[0].readexactly(length)
        took.append(loop.time() - due)
        idle.append(pair)

    await one(-1, loop.time())
    took.clear()
    begun = loop.time()
    tasks = []
    for number in range(rate * seconds):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        tasks.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*tasks)
    p50, p99, worst = (1000 * float(np.quantile(took, q)) for q in (0.5, 0.99, 1))
    print(
        f"sign-ups at {rate} a second for {seconds} s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
        f"worst {worst:.1f} ms"
    )


if __name__ == "__main__":
    main()
