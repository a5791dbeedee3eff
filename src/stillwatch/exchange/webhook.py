"""Delivering events to a webhook: signed, tried again, and never twice.

Signatures follow Standard Webhooks: HMAC-SHA256 over id, time stamp and body. What arrived is
noted in a file, so that the next run sends only what is new; receivers drop the rest by the
event's id.
"""

from __future__ import annotations

import hmac
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.canonical import b64
from stillwatch.secret import SecretPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

PLACE = SecretPlace("STILLWATCH_WEBHOOK_KEY", "STILLWATCH_WEBHOOK_KEY_FILE", "webhook-key")

TRIES = 5
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
TIMEOUT = 15.0
MAX_REMEMBERED = 100_000

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: events go where they were sent and nowhere else."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def signature(key: bytes, event: str, at: int, body: bytes) -> str:
    """The signature of a delivery, as in the header `webhook-signature`."""
    message = f"{event}.{at}.".encode() + body
    return f"v1,{b64(hmac.digest(key, message, 'sha256'))}"


@dataclass(frozen=True)
class Delivery:
    """What came of sending: ids that arrived, that had arrived before, and that failed with why."""

    arrived: tuple[str, ...]
    known: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Webhook:
    """Where events go.

    Attributes:
        url: https, or http on this machine.
        key: signs.
        memory: file of the ids that arrived.
        wait: sleeps between tries.
        clock: seconds since the epoch.
    """

    url: str
    key: bytes
    memory: Path
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
            raise UsageError(f"{self.url}: events are sent over https only")

    def send(self, events: Iterable[tuple[str, bytes]]) -> Delivery:
        """Send events that have not arrived yet."""
        seen = self._remembered()
        arrived: list[str] = []
        known: list[str] = []
        failed: list[tuple[str, str]] = []
        for name, body in events:
            if name in seen:
                known.append(name)
            elif why := self._deliver(name, body):
                failed.append((name, why))
            else:
                arrived.append(name)
                seen[name] = None
                self._remember(seen)
        return Delivery(tuple(arrived), tuple(known), tuple(failed))

    def _deliver(self, name: str, body: bytes) -> str:
        """Try a few times; why it failed, or nothing."""
        pause, why = FIRST_WAIT, ""
        for attempt in range(TRIES):
            if attempt:
                self.wait(pause)
                pause = min(2 * pause, LONGEST_WAIT)
            why, again = self._try(name, body)
            if not why or not again:
                break
        return why

    def _try(self, name: str, body: bytes) -> tuple[str, bool]:
        at = int(self.clock())
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self.url,
            data=body,
            headers={
                "Content-Type": "application/cloudevents+json; charset=utf-8",
                "webhook-id": name,
                "webhook-timestamp": str(at),
                "webhook-signature": signature(self.key, name, at, body),
            },
            method="POST",
        )
        opener = urllib.request.build_opener(_Staying)
        try:
            with opener.open(request, timeout=TIMEOUT):
                return "", False
        except urllib.error.HTTPError as error:
            with error:
                return f"HTTP {error.code}", error.code in _AGAIN
        except (urllib.error.URLError, OSError) as error:
            return str(getattr(error, "reason", error)), True

    def _remembered(self) -> dict[str, None]:
        if not self.memory.exists():
            return {}
        try:
            return dict.fromkeys(json.loads(self.memory.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise InputError(f"is damaged: {error}", file=str(self.memory)) from None

    def _remember(self, seen: dict[str, None]) -> None:
        partial = self.memory.with_name(f"{self.memory.name}.partial")
        with partial.open("w", encoding="utf-8") as file:
            json.dump(list(seen)[-MAX_REMEMBERED:], file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.memory)
