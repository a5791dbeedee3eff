"""ASGI middleware: the guard inside the application that serves the model.

    app.add_middleware(StillwatchMiddleware, guard=guard)

vLLM's `--middleware` takes ``stillwatch.guard.adapters.asgi.VllmMiddleware``; there all comes from
the environment, see `from_environment`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import UsageError
from stillwatch.guard.adapters.forward_auth import FIELDS
from stillwatch.guard.adapters.usage import reader_of
from stillwatch.guard.ask import Ask, Settlement
from stillwatch.guard.bodies import refused, shape_of
from stillwatch.guard.guard import Guard
from stillwatch.guard.policy import Policy, load_policy
from stillwatch.guard.restrict import LENGTH_KEYS, WATERMARK_ARGUMENT, restrict_body
from stillwatch.guard.restrict import headers as restriction_headers
from stillwatch.guard.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from stillwatch.guard.adapters.usage import Usage
    from stillwatch.guard.ask import Traces
    from stillwatch.guard.decision import Decision, Restrictions
    from stillwatch.guard.files import Files

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("stillwatch.guard")

GUARDED = ("/chat/completions", "/completions", "/responses", "/messages")
"""Paths that end so ask a model."""

LARGEST = 64 << 20
"""Bytes of a body that is looked into; a larger one passes with its headers alone judged."""


class StillwatchMiddleware:
    """Asks the guard about every request to a model.

    Args:
        app: what answers.
        guard: decides; `from_environment` if not given.
        account_header: names the account; set by what authenticates clients, never by a client.
        paths: ends of the paths that ask a model.
    """

    def __init__(
        self,
        app: App,
        guard: Guard | None = None,
        account_header: str = FIELDS["account_id"],
        paths: tuple[str, ...] = GUARDED,
    ) -> None:
        self._app = app
        self._files: Files | None = None
        if guard is None:
            guard, self._files = from_environment()
        self._guard = guard
        self._looking: asyncio.Future[None] | None = None
        self._fields = {**FIELDS, "account_id": account_header.lower()}
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http" or not scope["path"].rstrip("/").endswith(self._paths):
            await self._app(scope, receive, send)
            return
        self._look_at_files()
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        body = await _read(receive)
        asked = _object(body)
        ask = self._ask(headers, asked, scope)
        decision, traces = await self._decide(ask)
        if not decision.passes:
            await _refuse(send, decision, scope["path"], headers)
            return
        given = decision.restrictions if decision.enforced else None
        if asked is not None and self.change(asked, given):
            body = msgspec.json.encode(asked)
            scope = {**scope, "headers": _with_length(scope["headers"], len(body))}
        seen = _Seen(send, decision)
        await self._app(scope, _once(body, receive), seen)
        await self._settle(ask, traces, decision, seen)

    def _look_at_files(self) -> None:
        """Have what changed loaded again, in a thread."""
        if self._files is not None and self._files.due():
            loop = asyncio.get_running_loop()
            self._looking = loop.run_in_executor(None, self._files.reload)

    async def _decide(self, ask: Ask) -> tuple[Decision, Traces | None]:
        try:
            traces = await self._guard.traced(ask)
            return await self._guard.decide_shared(ask, traces, route="asgi"), traces
        except Exception:  # a bug of ours must not stop a customer, unless the policy says so
            _log.exception("decision failed")
            return self._guard.failed("asgi"), None

    def change(self, body: dict[str, Any], given: Restrictions | None) -> bool:
        """Change a decoded request in place as the instructions say, if there are any.

        Returns:
            Whether it has to be written anew.
        """
        if given is None:
            return False
        restrict_body(body, given)
        return True

    def _ask(self, headers: dict[str, str], body: dict[str, Any] | None, scope: Scope) -> Ask:
        found = {f: headers[name] for f, name in self._fields.items() if name in headers}
        client = scope.get("client")
        asked = body or {}
        # OpenAI's Responses have input and instructions, Anthropic a system prompt apart
        said = asked.get("messages") or asked.get("input") or asked.get("prompt")
        model, most = asked.get("model"), [asked.get(name) for name in LENGTH_KEYS]
        fields: dict[str, Any] = {
            "account_id": "anonymous",
            "client_address": client[0] if client else None,
            **found,
            "prompt" if isinstance(said, str) else "messages": said,
            "system_prompt": asked.get("system") or asked.get("instructions"),
            "model": model if isinstance(model, str) else found.get("model"),
        }
        return Ask(tokens=max([n for n in most if isinstance(n, int)], default=0), **fields)

    async def _settle(
        self, ask: Ask, traces: Traces | None, decision: Decision, seen: _Seen
    ) -> None:
        used = seen.used if seen.used is not None else decision.reserved
        settlement = Settlement(
            account_id=ask.account_id,
            api_key_id=ask.api_key_id,
            organization_id=ask.organization_id,
            payment_fingerprint=ask.payment_fingerprint,
            verification_level=ask.verification_level,
            reserved=decision.reserved,
            used=used,
            status=seen.status,
        )
        try:
            await self._guard.settle_shared(settlement, traces)
        except StoreError:
            return  # what was reserved stays taken until it fades
        except Exception:  # the answer has been sent
            _log.exception("settling failed")


class VllmMiddleware(StillwatchMiddleware):
    """Also tells vLLM's logits processors which requests to mark, and lets no client say so."""

    def change(self, body: dict[str, Any], given: Restrictions | None) -> bool:
        """See `StillwatchMiddleware.change`."""
        changed = super().change(body, given)
        sent = body.get("vllm_xargs")
        arguments = sent if isinstance(sent, dict) else {}
        claimed = arguments.pop(WATERMARK_ARGUMENT, None) is not None
        if given is None or not given.watermark:
            return changed or claimed
        body["vllm_xargs"] = {**arguments, WATERMARK_ARGUMENT: 1}
        return True


class _Seen:
    """Passes an answer on, adds the instructions, and reads the usage that the answer tells."""

    def __init__(self, send: Send, decision: Decision) -> None:
        self._send = send
        self._extra = _instructions(decision)
        self._usage: Usage | None = None
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            kind = dict(message.get("headers", ())).get(b"content-type", b"")
            self._usage = reader_of(kind)
            message = {**message, "headers": [*message.get("headers", ()), *self._extra]}
        elif self._usage is not None:
            self._usage.feed(message.get("body", b""))
        await self._send(message)

    @property
    def used(self) -> float | None:
        """Tokens that the answer says it took; None where it does not say."""
        return self._usage.total if self._usage is not None else None


def from_environment() -> tuple[Guard, Files]:
    """A guard and the files that it goes by, as the environment says.

    `STILLWATCH_POLICY`, `STILLWATCH_SNAPSHOT` and `STILLWATCH_ACCOUNTS` name the files; with
    `STILLWATCH_KEY` or `STILLWATCH_KEY_FILE` text is sketched for live detection, and with
    `STILLWATCH_REDIS_URL`, too, budgets are shared.

    Raises:
        InputError: a file is broken.
        UsageError: the key is malformed, or missing where budgets are to be shared.
    """
    # reading files and sketching bring Arrow and Numba with them
    from stillwatch.guard.files import Files  # noqa: PLC0415
    from stillwatch.guard.store.redis import RedisStore  # noqa: PLC0415
    from stillwatch.sketch import Sketcher, SketchKey  # noqa: PLC0415
    from stillwatch.sketch.key import PLACE  # noqa: PLC0415

    policy, snapshot, accounts, redis = (
        os.environ.get(f"STILLWATCH_{name}", "")
        for name in ("POLICY", "SNAPSHOT", "ACCOUNTS", "REDIS_URL")
    )
    key = SketchKey.load() if PLACE.given else None
    if redis and key is None:
        raise UsageError("STILLWATCH_REDIS_URL needs STILLWATCH_KEY, the same for all replicas")
    guard = Guard(
        load_policy(Path(policy)) if policy else Policy(),
        store=RedisStore.of_key(redis, key) if redis and key else None,
        sketcher=Sketcher(key) if key else None,
    )
    fingerprint = key.fingerprint if key else None
    return guard, Files(guard, fingerprint, policy=policy, snapshot=snapshot, accounts=accounts)


def _instructions(decision: Decision) -> list[tuple[bytes, bytes]]:
    found = {"x-stillwatch-action": decision.effective.value}
    if decision.restrictions is not None and decision.enforced:
        found.update(restriction_headers(decision.restrictions))
    return [(name.encode(), value.encode()) for name, value in found.items()]


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _object(body: bytes) -> dict[str, Any] | None:
    if len(body) > LARGEST:
        return None
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _once(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_length(headers: list[tuple[bytes, bytes]], size: int) -> list[tuple[bytes, bytes]]:
    kept = [(k, v) for k, v in headers if k.lower() != b"content-length"]
    return [*kept, (b"content-length", str(size).encode())]


async def _refuse(send: Send, decision: Decision, path: str, headers: dict[str, str]) -> None:
    answer = refused(decision, shape_of(path, headers))
    raw = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.json})
