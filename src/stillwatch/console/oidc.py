"""Single sign-on by OpenID Connect: authorisation code with PKCE, by Authlib.

State, nonce and code verifier travel in a short-lived signed cookie, so that any replica can finish
what another began. Roles come from a claim at every login; who has none of them stays out.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

import httpx2
import msgspec
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey
from litestar import Request, get, post
from litestar.datastructures import Cookie
from litestar.response import Redirect
from sqlalchemy import select

from stillwatch.cases import login, people
from stillwatch.cases.actors import Role, system
from stillwatch.cases.errors import ForbiddenError, NotFoundError, UnavailableError
from stillwatch.cases.keys import derived
from stillwatch.cases.models import User
from stillwatch.console.visitor import with_session
from stillwatch.console.web import here, read_form, settings_of, storage_of

if TYPE_CHECKING:
    from joserfc.jwk import KeySetSerialization

    from stillwatch.cases.storage import Unit
    from stillwatch.console.settings import Oidc, Settings

STARTED_COOKIE = "stillwatch-oidc"
MINUTES = 10
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""Signatures that an ID token may have; never a shared secret, never none."""

SKEW_SECONDS = 60

AnyRequest = Request[Any, Any, Any]


class Started(msgspec.Struct, frozen=True):
    """A login that has begun."""

    state: str
    nonce: str
    verifier: str
    target: str
    until: int


@post("/oidc/start", status_code=303)
async def start(request: AnyRequest) -> Redirect:
    """Send the browser to the provider."""
    settings = settings_of(request)
    config = _configured(settings)
    form = await read_form(request)
    started = Started(
        state=generate_token(32),
        nonce=generate_token(32),
        verifier=generate_token(64),
        target=here(form.text("next")),
        until=int(time.time()) + 60 * MINUTES,
    )
    metadata = await asyncio.to_thread(_metadata, config)
    url, _ = _client(settings, config).create_authorization_url(
        metadata["authorization_endpoint"],
        state=started.state,
        nonce=started.nonce,
        code_verifier=started.verifier,
    )
    answer = Redirect(url, status_code=303)
    answer.set_cookie(
        Cookie(
            key=STARTED_COOKIE,
            value=_seal(settings, started),
            path="/oidc",
            httponly=True,
            secure=settings.secure,
            samesite="lax",
            max_age=60 * MINUTES,
        )
    )
    return answer


@get("/oidc/callback")
async def callback(request: AnyRequest) -> Redirect:
    """Take what the provider says, and log in."""
    settings = settings_of(request)
    config = _configured(settings)
    started = _unseal(settings, request.cookies.get(STARTED_COOKIE, ""))
    if request.query_params.get("state") != started.state:
        raise ForbiddenError("this login was not begun here: try again")
    if problem := request.query_params.get("error"):
        raise ForbiddenError(f"the provider refused: {str(problem)[:100]}")
    url = str(request.url)

    def work() -> str:
        claims = _claims(settings, config, url, started)
        with storage_of(request).write(system("oidc")) as unit:
            return login.open_session(unit, _user(unit, config, claims))

    token = await asyncio.to_thread(work)
    answer = with_session(Redirect(started.target, status_code=303), settings, token)
    answer.delete_cookie(STARTED_COOKIE, path="/oidc")
    return answer


def role_of(config: Oidc, claims: dict[str, Any]) -> Role:
    """The strongest role that the claim maps to.

    Raises:
        ForbiddenError: it maps to none.
    """
    given = claims.get(config.role_claim) or []
    words = [given] if isinstance(given, str) else [str(one) for one in given]
    roles = [Role(config.roles[word]) for word in words if word in config.roles]
    if not roles:
        raise ForbiddenError("your account at the provider has no role here")
    return max(roles, key=list(Role).index)


def _configured(settings: Settings) -> Oidc:
    if settings.oidc is None:
        raise NotFoundError("single sign-on is not set up")
    return settings.oidc


def _client(settings: Settings, config: Oidc) -> OAuth2Client:
    return OAuth2Client(
        client_id=config.client_id,
        client_secret=config.client_secret,
        scope="openid profile email",
        redirect_uri=f"{settings.base_url}/oidc/callback",
        code_challenge_method="S256",
        timeout=10,
    )


def _metadata(config: Oidc) -> dict[str, Any]:
    found = _fetch(f"{config.issuer}/.well-known/openid-configuration")
    if found.get("issuer") != config.issuer:
        raise ForbiddenError("the provider's metadata name another issuer")
    return found


def _fetch(url: str) -> dict[str, Any]:
    try:
        answer = httpx2.get(url, timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise UnavailableError("the single sign-on provider does not answer") from error
    return found


def _claims(settings: Settings, config: Oidc, url: str, started: Started) -> dict[str, Any]:
    """The claims of the ID token that the code is good for, checked (OpenID Connect Core 3.1.3.7).

    Raises:
        ForbiddenError: the code or the token is not good.
    """
    metadata = _metadata(config)
    try:
        with _client(settings, config) as client:
            token = client.fetch_token(
                metadata["token_endpoint"],
                authorization_response=url,
                state=started.state,
                code_verifier=started.verifier,
            )
        keys = KeySet.import_key_set(cast("KeySetSerialization", _fetch(metadata["jwks_uri"])))
        decoded = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS)
        jwt.JWTClaimsRegistry(
            now=int(time.time()),
            leeway=SKEW_SECONDS,
            iss={"essential": True, "value": config.issuer},
            aud={"essential": True, "value": config.client_id},
            sub={"essential": True},
            exp={"essential": True},
            nonce={"essential": True, "value": started.nonce},
        ).validate(decoded.claims)
    except (OAuthError, JoseError, KeyError, ValueError) as error:
        raise ForbiddenError(f"the provider's answer cannot be trusted: {error}"[:200]) from error
    except httpx2.HTTPError as error:
        raise UnavailableError("the single sign-on provider does not answer") from error
    return dict(decoded.claims)


def _user(unit: Unit, config: Oidc, claims: dict[str, Any]) -> User:
    """The user of a subject, made at the first login; the role is the claim's at every login."""
    role, subject = role_of(config, claims), str(claims["sub"])
    user = unit.session.execute(
        select(User).where(User.issuer == config.issuer, User.subject == subject)
    ).scalar_one_or_none()
    if user is None:
        user = User(
            name=_free_name(unit, claims),
            role=role,
            issuer=config.issuer,
            subject=subject,
            created_at=unit.now,
        )
        unit.session.add(user)
        unit.session.flush()
        unit.record(
            "user.sso", f"user:{user.id}", f"{user.name} as {role}", user=user.id, role=role
        )
    if user.disabled_at is not None:
        raise ForbiddenError("this user is shut out")
    if user.role != role:
        user.role = role
        unit.record(
            "user.role", f"user:{user.id}", f"{user.name} is {role}", user=user.id, role=role
        )
    return user


def _free_name(unit: Unit, claims: dict[str, Any]) -> str:
    """A name for a new user that nobody has: an existing local user is never taken over."""
    wished = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
    base = people.usable_name(wished)
    taken = set(unit.session.execute(select(User.name).where(User.name.like(f"{base}%"))).scalars())
    return next(
        name
        for name in (base, *(f"{base}.{number}" for number in range(2, 1000)))
        if name not in taken
    )


def _seal(settings: Settings, started: Started) -> str:
    return jwt.encode(
        {"alg": "HS256"}, {"login": msgspec.to_builtins(started)}, _cookie_key(settings)
    )


def _unseal(settings: Settings, sealed: str) -> Started:
    try:
        claims = jwt.decode(sealed, _cookie_key(settings), algorithms=["HS256"]).claims
        started = msgspec.convert(claims.get("login"), Started)
    except (JoseError, ValueError, msgspec.ValidationError):
        raise ForbiddenError("this login was not begun here: try again") from None
    if started.until < time.time():
        raise ForbiddenError("this login took too long: try again")
    return started


def _cookie_key(settings: Settings) -> OctKey:
    return OctKey.import_key(derived(settings.key, "oidc cookie"))


ROUTES = (start, callback)
