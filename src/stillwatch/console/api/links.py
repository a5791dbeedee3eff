"""For the provider's own portal: a customer's status link, and that an account is gone."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, get, post

from stillwatch.cases import accounts, retention
from stillwatch.cases.actors import Permission
from stillwatch.console.api.bodies import body
from stillwatch.console.visitor import token_holder
from stillwatch.console.web import settings_of, storage_of

AnyRequest = Request[Any, Any, Any]


class Gone(msgspec.Struct, frozen=True):
    """An account that the provider deleted."""

    account_id: str


_DECODER = msgspec.json.Decoder(Gone)


@get("/v1/accounts/link", guards=[token_holder])
async def link(request: AnyRequest) -> dict[str, Any]:
    """The customer's page: status, reason, appeal, verification."""
    account_id = str(request.query_params.get("account_id") or "")
    storage, settings = storage_of(request), settings_of(request)

    def work() -> dict[str, Any]:
        request.state.actor.need(Permission.LINKS)
        with storage.write(request.state.actor) as unit:
            account = accounts.find(unit.session, account_id)
            token = accounts.link(unit, account)
            return {
                "account_id": account_id,
                "action": account.action,
                "url": f"{settings.base_url}/appeal/{token}",
            }

    return await asyncio.to_thread(work)


@post("/v1/accounts/deleted", guards=[token_holder], status_code=200)
async def deleted(request: AnyRequest) -> dict[str, Any]:
    """Note that an account is gone."""
    gone = await body(request, _DECODER)

    def work() -> dict[str, Any]:
        with storage_of(request).write(request.state.actor) as unit:
            account = retention.mark_deleted(unit, gone.account_id)
            return {"account_id": gone.account_id, "deleted": account.deleted_at is not None}

    return await asyncio.to_thread(work)


ROUTES = (link, deleted)
