"""Verification over HTTP: requests for it, and the vendor's signed reports."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, post

from stillwatch.cases import verification, webhooks
from stillwatch.cases.actors import Actor
from stillwatch.cases.errors import ForbiddenError
from stillwatch.console.api.bodies import body
from stillwatch.console.visitor import token_holder
from stillwatch.console.web import settings_of, storage_of

AnyRequest = Request[Any, Any, Any]
VENDOR = Actor("webhook:vendor", frozenset())


class Asked(msgspec.Struct, frozen=True):
    """Who is to verify, and what."""

    account_id: str
    reason: str = "asked by a program"
    wanted: str | None = None


_DECODER = msgspec.json.Decoder(Asked)


@post("/v1/verification/requests", guards=[token_holder], status_code=200)
async def ask(request: AnyRequest) -> dict[str, Any]:
    """Open a request, as the guard does when it answers `verify` by itself."""
    asked = await body(request, _DECODER)
    storage, settings = storage_of(request), settings_of(request)

    def work() -> dict[str, Any]:
        with storage.write(request.state.actor) as unit:
            found = verification.request_step_up(
                unit, asked.account_id, reason=asked.reason, wanted=asked.wanted
            )
            link = verification.verify_link(unit.key, found.id)
            return {
                "request": link,
                "wanted": found.wanted,
                "state": found.state,
                "expires_at": found.expires_at.isoformat(),
                "url": f"{settings.base_url}/verify/{link}",
            }

    return await asyncio.to_thread(work)


@post("/v1/verification/webhook", status_code=200)
async def webhook(request: AnyRequest) -> dict[str, Any]:
    """Take the vendor's report. A repeated call is answered and changes nothing."""
    secret = settings_of(request).webhook_secret
    if secret is None:
        raise ForbiddenError("webhooks are not set up: STILLWATCH_WEBHOOK_SECRET is missing")
    storage = storage_of(request)
    data = await request.body()
    identifier = webhooks.check(secret, request.headers, data, storage.clock())

    def work() -> dict[str, Any]:
        with storage.write(VENDOR) as unit:
            found = webhooks.take(unit, identifier, data)
            return {"duplicate": found is None, "state": found.state if found else None}

    return await asyncio.to_thread(work)


ROUTES = (ask, webhook)
