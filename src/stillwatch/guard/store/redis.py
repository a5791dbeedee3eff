"""Budgets in Redis, shared by several replicas.

One script call a subject, whose keys carry one hash tag, so it works on a cluster's terms. Calls
that wait at the same time go out in one pipeline. A request that one subject refuses gets back what
the others had given. Names are keyed hashes: Redis learns no account.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import suppress
from importlib import resources
from typing import TYPE_CHECKING, Any, Self

from stillwatch.errors import MissingExtraError
from stillwatch.guard.bounded import Bounded
from stillwatch.guard.store import Refusal, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.guard.store import Charge
    from stillwatch.sketch import SketchKey

TIMEOUT = 0.25
"""Seconds that a call may take: a slow store must not make every customer wait."""

REST = 0.5
"""Seconds after a failure in which the store is not asked again."""

NAMES = 200_000
"""Names whose hash is remembered."""

_Call = tuple[str, list[str], list[float]]


def _script(name: str) -> str:
    return (resources.files("stillwatch.guard.store") / name).read_text(encoding="utf-8")


class RedisStore:
    """See `Store`.

    Args:
        url: such as ``redis://host:6379/0`` or ``rediss://…``.
        secret: names are hashed with it; the same for all replicas.
        prefix: of all keys.

    Raises:
        MissingExtraError: the client library is not installed.
    """

    shared = True

    def __init__(self, url: str, *, secret: bytes, prefix: str = "stillwatch:") -> None:
        try:
            from redis import exceptions  # noqa: PLC0415
            from redis.asyncio import Redis  # noqa: PLC0415
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415
        except ImportError:
            raise MissingExtraError("redis", "keeping budgets in Redis") from None
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self._failures = (exceptions.RedisError, OSError, asyncio.TimeoutError)
        self._missing = exceptions.NoScriptError
        self._secret, self._prefix = secret, prefix
        self._names: Bounded[tuple[str, str], str] = Bounded(NAMES)
        self._scripts = {name: _script(f"{name}.lua") for name in ("take", "settle")}
        self._hashes = {
            name: hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
            for name, text in self._scripts.items()
        }
        self._queue: list[tuple[list[_Call], asyncio.Future[list[Any]]]] = []
        self._sender: asyncio.Task[None] | None = None
        self._rest_until = 0.0

    @classmethod
    def of_key(cls, url: str, key: SketchKey) -> Self:
        """The store of a deployment, whose replicas all have its key."""
        return cls(url, secret=hashlib.blake2b(b"store", key=key.secret, digest_size=32).digest())

    async def take(self, charges: Sequence[Charge], now: float) -> Refusal | None:
        """See `Store`."""
        groups = _by_subject(charges)
        calls = [self._take(group, now) for group in groups]
        results = await self._ask(calls)
        refusal, given = None, []
        for group, (which, wait) in zip(groups, results, strict=True):
            if not which:
                given += group
            elif refusal is None or float(wait) > refusal.retry_after:
                charge = group[which - 1]
                refusal = Refusal(charge.subject, charge.unit, float(wait))
        if refusal is not None and given:
            await self.settle([charge._replace(cost=-charge.cost) for charge in given], now)
        return refusal

    async def settle(self, charges: Sequence[Charge], now: float) -> None:
        """See `Store`."""
        calls = []
        for group in _by_subject(charges):
            numbers = [now]
            for charge in group:
                numbers += (charge.interval, charge.cost)
            calls.append(("settle", [self._key(charge) for charge in group], numbers))
        await self._ask(calls)

    async def ping(self) -> None:
        """See `Store`."""
        try:
            await self._redis.ping()
        except self._failures as error:
            raise StoreError(f"Redis does not answer: {error}") from None

    async def close(self) -> None:
        """See `Store`."""
        if self._sender is not None:
            with suppress(asyncio.CancelledError):
                await self._sender
        await self._redis.aclose()

    def _take(self, group: list[Charge], now: float) -> _Call:
        numbers = [now]
        for charge in group:
            numbers += (charge.interval, charge.tolerance, charge.cost)
        return "take", [self._key(charge) for charge in group], numbers

    def _key(self, charge: Charge) -> str:
        name = (charge.subject, charge.owner)
        tag = self._names.get(name)
        if tag is None:
            text = f"{charge.subject}\0{charge.owner}".encode()
            tag = hashlib.blake2b(text, key=self._secret[:64], digest_size=12).hexdigest()
            self._names.put(name, tag)
        return f"{self._prefix}{{{tag}}}{charge.unit}"

    async def _ask(self, calls: list[_Call]) -> list[Any]:
        """Send calls with whatever else is waiting; return their results."""
        if time.monotonic() < self._rest_until:
            raise StoreError("Redis was away a moment ago")
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._queue.append((calls, future))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())
        return await future

    async def _send(self) -> None:
        """Send what is waiting, in one pipeline after the other, until nothing is."""
        while self._queue:
            waiting, self._queue = self._queue, []
            calls = [call for group, _ in waiting for call in group]
            try:
                results = await self._pipeline(calls)
            except Exception as error:  # whatever it is, nobody may wait for an answer for ever
                self._rest_until = time.monotonic() + REST
                for _, future in waiting:
                    if not future.done():
                        future.set_exception(StoreError(f"Redis does not answer: {error}"))
                continue
            begin = 0
            for group, future in waiting:
                if not future.done():
                    future.set_result(results[begin : begin + len(group)])
                begin += len(group)

    async def _pipeline(self, calls: list[_Call]) -> list[Any]:
        try:
            return await self._execute(calls)
        except self._missing:  # Redis was restarted, and its scripts are gone; nothing was run
            for text in self._scripts.values():
                await self._redis.script_load(text)
            return await self._execute(calls)

    async def _execute(self, calls: list[_Call]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for name, keys, numbers in calls:
            pipeline.evalsha(self._hashes[name], len(keys), *keys, *map(repr, numbers))
        results: list[Any] = await pipeline.execute()
        return results


def _by_subject(charges: Sequence[Charge]) -> list[list[Charge]]:
    groups: dict[tuple[str, str], list[Charge]] = {}
    for charge in charges:
        groups.setdefault((charge.subject, charge.owner), []).append(charge)
    return list(groups.values())
