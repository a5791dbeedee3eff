"""The guard with its files, its store, and the logs that are posted."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stillwatch.errors import InputError
from stillwatch.guard import Ask, Guard, Policy, load_policy
from stillwatch.guard.clock import ServiceClock
from stillwatch.guard.files import POLL, Files
from stillwatch.guard.store import StoreError
from stillwatch.guard.store.memory import MemoryStore
from stillwatch.guard.store.redis import RedisStore
from stillwatch.serving.intake import Intake
from stillwatch.serving.sightings import sightings
from stillwatch.sketch import Sketcher, SketchKey

if TYPE_CHECKING:
    from stillwatch.guard.store import Store
    from stillwatch.serving.settings import Secrets, Settings

AT_A_TIME = 20
"""Requests of a posted log that are looked at before decisions have their turn again."""

STEPPED_BACK = 5.0
"""Seconds by which the clock must have stepped back to be worth a word."""

_log = logging.getLogger("stillwatch.serving")


class Service:
    """Everything behind the HTTP interface.

    Args:
        settings: where the files are.
        secrets: token and address of the store.
        key: of the sketches.
        clock: of the service.

    Raises:
        InputError: a file is broken; at the start that is an error, later the last good one stays.
    """

    def __init__(
        self,
        settings: Settings,
        secrets: Secrets,
        *,
        key: SketchKey,
        clock: ServiceClock | None = None,
    ) -> None:
        self.settings, self.token = settings, secrets.token
        self.clock = clock or ServiceClock()
        self.started = time.monotonic()
        self.last_log = time.monotonic()
        self.store_problem = self.trouble = ""
        self._warming: asyncio.Task[object] | None = None
        store = _store(secrets, key)
        policy = load_policy(Path(settings.policy)) if settings.policy else Policy()
        self._sketcher = Sketcher(key)
        self.guard = Guard(policy, store=store, clock=self.clock, sketcher=self._sketcher)
        self.shared = store.shared
        self.intake = Intake(Path(settings.intake)) if settings.intake else None
        self.files = Files(
            self.guard,
            key.fingerprint,
            policy=settings.policy,
            snapshot=settings.snapshot,
            accounts=settings.accounts,
        )

    async def look_after(self) -> None:
        """Poll the files, close segments, and watch the store, until cancelled."""
        # the first sketch compiles or loads what makes it, which no customer should wait for
        first = asyncio.to_thread(self.guard.trace, Ask(account_id="-", prompt="-"))
        self._warming = asyncio.create_task(first)
        while True:
            try:
                await self._look()
                self.trouble = ""
            except Exception as error:  # such as a full disk; decisions and the next look go on
                _log.exception("looking after files failed")
                self.trouble = f"{type(error).__name__}: {error}"
            await asyncio.sleep(POLL)

    async def _look(self) -> None:
        await asyncio.to_thread(self.files.reload)
        try:
            await self.guard.store.ping()
            self.store_problem = ""
        except StoreError as error:
            if not self.store_problem:
                _log.error("store away", extra={"problem": str(error)})
            self.store_problem = str(error)
        if self.intake is not None:
            for path in await asyncio.to_thread(self.intake.tick):
                await self._observe(path)

    async def _observe(self, path: Path) -> None:
        """Show live detection what was posted, a little at a time."""
        try:
            seen = await asyncio.to_thread(sightings, path, self._sketcher)
        except (InputError, OSError) as error:  # what follows the folder will say it too
            _log.warning("posted log not read", extra={"file": path.name, "problem": str(error)})
            return
        for number, (ask, traces, status) in enumerate(seen):
            self.guard.observe(ask, traces, status)
            if number % AT_A_TIME == 0:
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Close segments and connections."""
        if self.intake is not None:
            self.intake.tick(everything=True)
        await self.guard.store.close()

    def degraded(self) -> dict[str, str]:
        """What is not as it should be, and what that means."""
        found = {f"{name} file": problem for name, problem in self.files.problems.items()}
        if self.store_problem:
            found["store"] = f"{self.store_problem}; budgets are counted in this process alone"
        if self.clock.behind > STEPPED_BACK:
            found["clock"] = (
                f"the system's clock stepped back by {self.clock.behind:.0f} s; time goes on from "
                "where it was"
            )
        if self.trouble:
            found["upkeep"] = f"{self.trouble}; files may be out of date"
        silence = time.monotonic() - self.last_log
        limit = self.settings.log_silence_seconds
        if self.intake is not None and limit and silence > limit:
            found["logs"] = f"no log was posted for {silence:.0f} s; live detection sees nothing"
        return found


def _store(secrets: Secrets, key: SketchKey) -> Store:
    if not secrets.redis_url:
        return MemoryStore()
    return RedisStore.of_key(secrets.redis_url, key)
