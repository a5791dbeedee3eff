"""Simulated hours of traffic with everything in it: does the guard's memory stay bounded?

`python -m bench.guard --only soak --soak-hours 24` runs it.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.guard import Ask, Guard, Profile, Settlement, Traces, parse_policy
from stillwatch.guard.clock import ReplayClock
from stillwatch.schema import FAMILY_KEYS, Verdict
from stillwatch.serving.calm import calm
from stillwatch.standing import KnownCampaign, Snapshot, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK, BEGIN = 100_000, 1_780_000_000.0
POPULATION, NEW_ACCOUNTS, APART, FLEET = 300_000, 2, 500, 40
SYSTEM, HEAD = (FAMILY_KEYS.index(name) for name in ("system_key", "head8_key"))
MARK = 1 << 60
"""A template that only the known campaign's members have used."""

POLICY = """
mode = "enforce"
[history]
floor = 1000000000
[limits.account]
requests = "600/1h"
tokens = "600k/1h"
[limits.payment]
tokens = "2M/1h"
[live.joined]
action = "throttle"
"""


@calm()
def soak(hours: float, rate: int) -> dict[str, Any]:
    """Play simulated hours of `Traffic` with live detection as the service does; memory by hour."""
    last = POPULATION + int(hours * 3_600 * NEW_ACCOUNTS)
    known = KnownCampaign(
        campaign_id="c", verdict=Verdict.DISTILLATION, families=(("head8_key", MARK),)
    )
    members = tuple(
        Standing(account_id=f"a{number}", verdict=Verdict.DISTILLATION, campaign_id="c")
        for number in range(0, last, APART)
    )
    fleets = {
        f"o{hour}-{number}": Profile(email_domain=f"{number % 3}.example")
        for hour in range(int(hours) + 1)
        for number in range(FLEET)
    }
    guard = Guard(
        parse_policy(POLICY),
        snapshot=Snapshot(sequence=1, standings=members, campaigns=(known,)),
        profiles=fleets,
        clock=ReplayClock(),
    )
    total = int(hours * 3_600 * rate)
    by_hour: list[dict[str, float]] = []
    before, started = gc.get_stats()[2]["collections"], time.process_time()
    for first in range(0, total, CHUNK):
        traffic = Traffic(first, min(CHUNK, total - first), rate)
        for ask, traces, status, used in traffic:
            decision = guard.decide(ask, traces)
            if used or status:
                guard.settle(
                    Settlement(
                        account_id=ask.account_id,
                        at=ask.at,
                        payment_fingerprint=ask.payment_fingerprint,
                        reserved=decision.reserved,
                        used=used,
                        status=status,
                    ),
                    traces,
                )
        done = min(total, first + CHUNK)
        if done == total or done // (3_600 * rate) > first // (3_600 * rate):
            by_hour.append(
                {
                    "hour": round(done / 3_600 / rate, 2),
                    "resident_mib": resident(),
                    "remembered": sum(guard.remembered.values()),
                    "collections": gc.get_stats()[2]["collections"] - before,
                    "cpu_seconds": round(time.process_time() - started),
                }
            )
            print("soak:", json.dumps(by_hour[-1]), file=sys.stderr, flush=True)
    spent = time.process_time() - started
    acted: Counter[str] = Counter()
    for (action, source, _), count in guard.counts.items():
        acted[f"{action} {source}".strip()] += count
    return {
        "simulated_hours": hours,
        "requests": total,
        "cpu_seconds": round(spent),
        "cpu_us_per_request": round(spent / total * 1e6, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024,
        "by_hour": by_hour,
        "decisions": dict(acted),
        "remembered": guard.remembered,
    }


def resident() -> int:
    """MiB of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() >> 20


class Traffic:
    """Requests of `size` consecutive moments, with everything that live detection looks for.

    Accounts come and go: `NEW_ACCOUNTS` open every second, the newest are the busiest, and each is
    gone after some two days. Up to four have one payer, and eight one template; other templates are
    popular for a while. A quarter of the requests comes with text, sketched, the others as
    `auth_request` sends them, without. One in five goes on with the conversation before it, one in
    a hundred is refused (429 or 5xx) and half of these are tried again by another account, one in
    twenty is settled with other tokens than it reserved. One account in `APART` is a member of a
    known campaign, and every hour an operator's `FLEET` begins to send: one payer, several domains,
    at times the campaign's template.

    Args:
        first: number of the first request.
        size: of them.
        rate: requests a second.
    """

    def __init__(self, first: int, size: int, rate: int) -> None:
        rng = np.random.default_rng((first, size))
        self._number = number = np.arange(first, first + size)
        self._at, self._hour = BEGIN + number / rate, number // (3_600 * rate)
        newest = POPULATION + (number * (NEW_ACCOUNTS / rate)).astype(np.int64)
        ago = (np.minimum(rng.pareto(0.5, size), 1e9) * 500).astype(np.int64) % POPULATION
        self._account = newest - ago
        popular = number // (rate * 60) + (rng.pareto(0.7, size) * 30).astype(np.int64)
        own = POPULATION + (self._account >> 3)
        self._template = np.where(rng.random(size) < 0.05, popular, own)
        self._luck, self._asks = rng.random(size), rng.random(size) < 0.2

    def __iter__(self) -> Iterator[tuple[Ask, Traces | None, int, int]]:
        name, body, turns, asked, refused = "", 0, 0, False, False
        columns = (
            self._number, self._at, self._hour, self._account, self._template, self._luck,
            self._asks,
        )  # fmt: skip
        for number, at, hour, account, stream, luck, wants in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            template, asks = stream, wants
            before, prefix, status, used = name, None, 0, 0
            name, payer = f"a{account}", f"p{account >> 2 if account & 4 else account}"
            if refused and luck < 0.5:
                asks = asked  # the request that another account was refused just now
            else:
                body = number
                if luck < 0.2:
                    prefix, name = turns, before if luck < 0.199 and before else name
                elif luck < 0.202:
                    name, payer, asks = f"o{hour}-{number % FLEET}", f"o{hour}", True
                    template = MARK if luck < 0.2002 else -hour
            refused = luck > 0.99
            if refused:
                status = 429 if luck > 0.995 else 503
            elif luck > 0.94:
                used = 1_500
            ask = Ask(account_id=name, at=at, payment_fingerprint=payer, tokens=1_200)
            families = ((SYSTEM, template), (HEAD, template))
            text = None
            if number & 24 == 8:
                text = Traces(families, body, number, prefix, 1, asks, network=account & 1_023)
            yield ask, text, status, used
            turns, asked = number, asks
