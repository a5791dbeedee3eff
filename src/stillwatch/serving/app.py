"""The HTTP interface: a plain ASGI application, since the hot paths have no time for more."""

from __future__ import annotations

import asyncio
import gzip
import hmac
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch._version import __version__
from stillwatch.errors import InputError
from stillwatch.guard.adapters import forward_auth
from stillwatch.guard.adapters.decide import read_ask, read_settlement, write_decision
from stillwatch.guard.bodies import refused, shape_of
from stillwatch.guard.store import StoreError
from stillwatch.serving.metrics import CONTENT_TYPE, Latency, exposition
from stillwatch.serving.nested import Nested
from stillwatch.standing import Action

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from stillwatch.guard import Ask, Decision
    from stillwatch.serving.service import Service

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Handler = Callable[[Scope, Receive, Send], Awaitable[None]]

SUSPECTED = frozenset({"live", "limit"})
"""Sources of a challenge that somebody must answer: a standing has its request already, and a model
that a level does not open is an offer."""

LARGEST_ASK = 16 << 20
LARGEST_LOG = 64 << 20
_JSON = (b"content-type", b"application/json")
_EMPTY: tuple[bytes, bytes] = (b"content-length", b"0")
_log = logging.getLogger("stillwatch.serving")


class TooLarge(Exception):  # noqa: N818 - it ends in an answer, not in an error
    """A body is larger than the path takes."""


class Application:
    """Dispatches requests by path.

    Args:
        service: what decides.
        pages: answers every path that is not ours, such as the console; None for 404.
        challenged: told account and reason where the guard asks for verification by itself.
    """

    def __init__(
        self,
        service: Service,
        pages: Handler | None = None,
        challenged: Callable[[str, str], None] | None = None,
    ) -> None:
        self._service, self._pages, self._challenged = service, pages, challenged
        self.latency = Latency()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._token = service.token.encode()
        self._bearer = b"Bearer " + self._token
        fields = {**forward_auth.FIELDS, **service.settings.headers}
        self._fields = {name: header.lower() for name, header in fields.items()}
        self._guarded: dict[str, Handler] = {
            "/v1/decide": self._decide,
            "/v1/settle": self._settle,
            "/v1/forward-auth": self._forward_auth,
            "/v1/check": self._check,
            "/v1/refusal": self._refusal,
            "/v1/logs": self._take_log,
            "/v1/traces": self._take_log,
        }
        self._open: dict[str, Handler] = {
            "/healthz": self._health,
            "/readyz": self._ready,
            "/metrics": self._metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        path = scope.get("path", "")
        if scope["type"] != "http":
            await self._elsewhere(scope, receive, send)
            return
        handler = self._guarded.get(path)
        if handler is not None:
            await self._guard(handler, scope, receive, send)
            return
        await self._open.get(path, self._elsewhere)(scope, receive, send)

    def _admitted(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"authorization" and hmac.compare_digest(value, self._bearer):
                return True
            if name == b"x-stillwatch-token" and hmac.compare_digest(value, self._token):
                return True
        return False

    async def _guard(self, handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._token and not self._admitted(scope):
                await _send_json(send, 401, b'{"error":"the token is missing or wrong"}')
            else:
                await handler(scope, receive, send)
        except InputError as error:
            await _send_json(send, 400, msgspec.json.encode({"error": str(error)}))
        except TooLarge:
            await _send_json(send, 413, b'{"error":"the body is too large"}')

    async def _decision(self, ask: Ask, route: str) -> Decision:
        """Decide, whatever happens: a bug of ours must not stop a customer, unless told to."""
        started, guard = time.perf_counter(), self._service.guard
        try:
            traces = await guard.traced(ask) if ask.prompt or ask.messages else None
            if self._service.shared:
                decision = await guard.decide_shared(ask, traces, route=route)
            else:
                decision = guard.decide(ask, traces)
        except Exception:  # last line of defence; the log has it
            _log.exception("decision failed")
            decision = guard.failed(route)
        self.latency.add(time.perf_counter() - started)
        if (
            self._challenged is not None
            and decision.effective is Action.VERIFY
            and decision.source in SUSPECTED
        ):
            self._challenged(ask.account_id, decision.reason)
        if decision.source or decision.degraded:
            _log.info("decided", extra={"decision": decision, "request": ask.request_id})
        return decision

    async def _decide(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        message = await receive()  # mostly the whole body comes at once
        body = await _rest(message, receive, LARGEST_ASK) if message.get("more_body") else None
        ask = read_ask(message["body"] if body is None else body)
        answer = write_decision(await self._decision(ask, "decide"))
        length = (b"content-length", b"%d" % len(answer))
        await send({"type": "http.response.start", "status": 200, "headers": (_JSON, length)})
        await send({"type": "http.response.body", "body": answer})

    async def _settle(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        settlement = read_settlement(await _body(receive, LARGEST_ASK))
        try:
            await self._service.guard.settle_shared(settlement)
        except StoreError as error:
            # what was reserved stays taken; the caller can do nothing about it
            body = msgspec.json.encode({"settled": False, "degraded": str(error)})
            await _send_json(send, 202, body)
            return
        except Exception:  # a bug of ours is nothing that a gateway could mend
            _log.exception("settling failed")
            await _send_json(send, 202, b'{"settled":false,"degraded":"settling failed"}')
            return
        await _send_json(send, 200, b'{"settled":true}')

    async def _forward_auth(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        ask = forward_auth.ask_of(_headers(scope), self._fields)
        status, headers = forward_auth.answer(await self._decision(ask, "forward-auth"))
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await _answer(send, status, [*raw, _EMPTY], b"")

    async def _check(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Forward authentication for gateways that hand a refusal on to the client as it is."""
        headers = _headers(scope)
        ask = forward_auth.ask_of(headers, self._fields)
        decision = await self._decision(ask, "forward-auth")
        if decision.passes:
            given = forward_auth.passed(decision)
            raw = [(name.encode(), value.encode()) for name, value in given.items()]
            await _answer(send, forward_auth.ALLOWED, [*raw, _EMPTY], b"")
            return
        # Envoy says what was asked for in the path, which its prefix makes the query
        path = forward_auth.uri_of(headers) or scope.get("query_string", b"").decode("latin-1")
        await _refuse(send, decision, path, headers)

    async def _refusal(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """The body for a client, for gateways that cannot make one of the answer's headers."""
        headers = _headers(scope)
        action = headers.get("x-stillwatch-action", "")
        if action not in {Action.THROTTLE, Action.VERIFY, Action.SUSPEND}:
            raise InputError(f"there is no refusal by the action {action[:40]!r}")
        wait = headers.get("retry-after", "")
        decision = self._service.guard.worded(
            Action(action), retry_after=float(wait) if wait.isdecimal() else 0.0
        )
        await _refuse(send, decision, forward_auth.uri_of(headers), headers)

    async def _take_log(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = self._service
        if service.intake is None:
            raise InputError("this service takes no logs: its settings name no `intake` folder")
        headers = _headers(scope)
        body = await _body(receive, LARGEST_LOG)
        if headers.get("content-encoding", "") == "gzip":
            body = _unpacked(body)
        try:
            name = await asyncio.to_thread(service.intake.take, body)
        except OSError as error:  # such as a full disk: whoever sends it is to send it again
            _log.error("posted log not kept", extra={"problem": str(error)})
            await _send_json(send, 503, msgspec.json.encode({"error": f"not kept: {error}"}))
            return
        service.last_log = time.monotonic()
        if headers.get("content-type", "").startswith("application/x-protobuf"):
            # OTLP/HTTP asks for an answer in the request's encoding; the empty message is empty
            await _answer(send, 200, [(b"content-type", b"application/x-protobuf")], b"")
            return
        await _send_json(send, 200, b"{}" if name.startswith("otlp") else b'{"taken":true}')

    async def _health(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Alive, and what is degraded; always 200 while this process can answer."""
        service, guard = self._service, self._service.guard
        degraded = service.degraded()
        budgets = "shared by all replicas" if service.shared else "of this process alone"
        body = {
            "status": "degraded" if degraded else "ok",
            "version": __version__,
            "degraded": degraded,
            "mode": guard.policy.mode,
            "policy": guard.policy.version,
            "snapshot": {
                "sequence": guard.snapshot.sequence,
                "as_of": guard.snapshot.as_of,
                "standings": len(guard.snapshot.standings),
            },
            "budgets": budgets,
        }
        await _send_json(send, 200, msgspec.json.encode(body))

    async def _ready(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Ready unless a route fails closed while the store is away."""
        service = self._service
        fail = service.guard.policy.fail
        closed = fail.default == "closed" or "closed" in fail.routes.values()
        ready = not (service.store_problem and closed)
        body = b'{"ready":true}' if ready else b'{"ready":false}'
        await _send_json(send, 200 if ready else 503, body)

    async def _metrics(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        headers = [(b"content-type", CONTENT_TYPE.encode())]
        await _answer(send, 200, headers, exposition(self._service, self.latency))

    async def _elsewhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._pages is not None:
            await self._pages(scope, receive, send)
        elif scope["type"] == "http":
            await _send_json(send, 404, b'{"error":"there is nothing here"}')

    def reload_soon(self) -> None:
        """Load all files again, from a signal handler."""
        loop = self._loop
        if loop is not None:
            reload = partial(self._service.files.reload, force=True)
            loop.call_soon_threadsafe(loop.run_in_executor, None, reload)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._loop = asyncio.get_running_loop()
        pages = Nested(self._pages) if self._pages is not None else None
        if pages is not None:
            await pages.start()
        caretaker = asyncio.create_task(self._service.look_after())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        caretaker.cancel()
        if pages is not None:
            await pages.stop()
        await self._service.close()
        await send({"type": "lifespan.shutdown.complete"})


def _headers(scope: Scope) -> dict[str, str]:
    return {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}


async def _body(receive: Receive, largest: int) -> bytes:
    return await _rest(await receive(), receive, largest)


async def _rest(message: Message, receive: Receive, largest: int) -> bytes:
    """A body of which the first message has come."""
    parts = bytearray(message.get("body", b""))
    while message.get("more_body") and len(parts) <= largest:
        message = await receive()
        parts += message.get("body", b"")
    if len(parts) > largest:
        raise TooLarge
    return bytes(parts)


def _unpacked(body: bytes) -> bytes:
    """A gzip body; no more of it than a log may have, however well it was packed."""
    import io  # noqa: PLC0415

    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            found = file.read(LARGEST_LOG + 1)
    except (OSError, EOFError) as error:
        raise InputError(f"the gzip body is damaged: {error}") from None
    if len(found) > LARGEST_LOG:
        raise TooLarge
    return found


async def _refuse(send: Send, decision: Decision, path: str, headers: dict[str, str]) -> None:
    answer = refused(decision, shape_of(path, headers))
    raw = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await _answer(send, answer.status, raw, answer.json)


async def _send_json(send: Send, status: int, body: bytes) -> None:
    await _answer(send, status, [_JSON], body)


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    kept = [h for h in headers if h[0] != b"content-length"]
    await send({"type": "http.response.start", "status": status, "headers": [*kept, length]})
    await send({"type": "http.response.body", "body": body})
