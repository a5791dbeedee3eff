"""Who is at the other end: a user with a session cookie, or a program with a token."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException

from stillwatch.cases import api_tokens, login
from stillwatch.cases.people import actor_of
from stillwatch.sketch.clients import network

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.handlers import BaseRouteHandler
    from litestar.response import Redirect

    from stillwatch.cases.actors import Actor
    from stillwatch.cases.models import User
    from stillwatch.cases.storage import Storage
    from stillwatch.console.settings import Settings

    Connection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Visitor:
    """A user who is logged in."""

    user: User
    actor: Actor


def cookie_name(settings: Settings) -> str:
    """The session cookie: bound to this host where people come by https."""
    return "__Host-stillwatch" if settings.secure else "stillwatch"


async def logged_in(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Guard: a user with a running session.

    Raises:
        NotAuthorizedException: nobody is logged in.
    """
    settings: Settings = connection.app.state.settings
    storage: Storage = connection.app.state.storage
    token = connection.cookies.get(cookie_name(settings), "")
    user = await asyncio.to_thread(login.session_user, storage, token) if token else None
    if user is None:
        raise NotAuthorizedException("log in first")
    connection.state.visitor = Visitor(user, actor_of(user))


async def token_holder(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Guard: a program with a valid API token; what it may do the called function checks.

    Raises:
        NotAuthorizedException: there is no valid token.
    """
    storage: Storage = connection.app.state.storage
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    actor = None
    if scheme.lower() == "bearer" and token:
        actor = api_tokens.known(storage, token)
        if actor is None:
            actor = await asyncio.to_thread(api_tokens.actor_of, storage, token.strip())
    if actor is None:
        raise NotAuthorizedException("send a valid API token as a bearer token")
    connection.state.actor = actor


def client_network(connection: Connection) -> str:
    """The network that a connection comes from, for limits; a proxy's word only if it is ours."""
    settings: Settings = connection.app.state.settings
    peer = connection.client.host if connection.client else ""
    if peer in settings.trusted_proxies:
        forwarded = connection.headers.get("x-forwarded-for", "")
        peer = forwarded.rpartition(",")[2].strip() or peer
    return network(peer) or peer


def with_session(answer: Redirect, settings: Settings, token: str) -> Redirect:
    """An answer that carries the session's cookie."""
    answer.set_cookie(
        Cookie(
            key=cookie_name(settings),
            value=token,
            path="/",
            httponly=True,
            secure=settings.secure,
            samesite="lax",
            max_age=int(login.SESSION_VALID.total_seconds()),
        )
    )
    return answer
