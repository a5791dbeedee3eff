"""Single sign-on against a small provider of the test's own."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import select

from stillwatch.cases.models import User
from stillwatch.console.settings import Oidc

from .conftest import running
from .test_access import csrf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Console

KEY = RSAKey.generate_key(2048, parameters={"kid": "1"})
OTHER_KEY = RSAKey.generate_key(2048, parameters={"kid": "1"})


@dataclass
class Provider:
    """What the provider says, and what it was asked.

    Attributes:
        url: its address.
        claims: what it says of whoever logs in, over the right ones.
        key: that it signs with.
        asked: the last authorisation request.
    """

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEY)
    asked: dict[str, str] = field(default_factory=dict)

    def token(self) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": "console",
            "sub": "subject-1",
            "exp": now + 300,
            "iat": now,
            "nonce": self.asked["nonce"],
            "preferred_username": "Grace H",
            "groups": ["everybody", "abuse-team"],
            **self.claims,
        }
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return {"access_token": "a", "token_type": "Bearer", "id_token": signed}


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def answer(self, value: dict[str, Any], status: int = 200) -> None:
            data = msgspec.json.encode(value)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            if self.path == "/jwks":
                self.answer({"keys": [KEY.as_dict(private=False)]})
            else:
                self.answer(
                    {
                        "issuer": found.url,
                        "authorization_endpoint": f"{found.url}/authorize",
                        "token_endpoint": f"{found.url}/token",
                        "jwks_uri": f"{found.url}/jwks",
                    }
                )

        def do_POST(self) -> None:
            body = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            digest = hashlib.sha256(body["code_verifier"][0].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if challenge != found.asked["code_challenge"] or body["code"] != ["good"]:
                self.answer({"error": "invalid_grant"}, 400)
            else:
                self.answer(found.token())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def sso(tmp_path: Path, provider: Provider) -> Iterator[Console]:
    config = Oidc(
        issuer=provider.url,
        client_id="console",
        client_secret="what the provider knows",
        roles={"abuse-team": "investigator", "leads": "approver"},
    )
    with running(tmp_path, oidc=config) as console:
        yield console


def log_in(
    console: Console, provider: Provider, code: str = "good", **changes: str
) -> httpx2.Response:
    """Walk through the login; `changes` are put into the provider's redirect."""
    with httpx2.Client(base_url=console.url) as client:
        form = {"_csrf_token": csrf(client, "/login"), "next": "/audit"}
        begun = client.post("/oidc/start", data=form)
        assert begun.status_code == 303, begun.text
        asked = parse_qs(urlsplit(begun.headers["location"]).query)
        provider.asked = {name: values[0] for name, values in asked.items()}
        back = {"code": code, "state": provider.asked["state"], **changes}
        answer = client.get("/oidc/callback", params=back)
        if answer.status_code == 303:
            return client.get(answer.headers["location"])
        return answer


def test_a_team_member_logs_in_with_the_role_of_the_claim(sso: Console, provider: Provider) -> None:
    answer = log_in(sso, provider)
    assert (answer.status_code, answer.url.path) == (200, "/audit")
    provider.claims = {"groups": ["abuse-team", "leads"]}
    log_in(sso, provider)
    with sso.storage.read() as session:
        user = session.execute(select(User).where(User.subject == "subject-1")).scalar_one()
        assert (user.name, user.role, user.password) == ("grace-h", "approver", None)


def test_a_name_that_is_taken_is_not_taken_over(sso: Console, provider: Provider) -> None:
    provider.claims = {"preferred_username": "root"}
    assert log_in(sso, provider).status_code == 200
    with sso.storage.read() as session:
        user = session.execute(select(User).where(User.subject == "subject-1")).scalar_one()
        assert (user.name, user.role) == ("root.2", "investigator")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"groups": ["everybody"]},
        {"groups": None},
    ],
)
def test_a_token_that_is_not_for_us_lets_nobody_in(
    sso: Console, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert log_in(sso, provider).status_code == 403


def test_a_token_of_another_key_lets_nobody_in(sso: Console, provider: Provider) -> None:
    provider.key = OTHER_KEY
    assert log_in(sso, provider).status_code == 403


def test_a_wrong_state_or_code_lets_nobody_in(sso: Console, provider: Provider) -> None:
    assert log_in(sso, provider, state="forged").status_code == 403
    assert log_in(sso, provider, code="bad").status_code == 403
    assert httpx2.get(f"{sso.url}/oidc/callback?code=good&state=x").status_code == 403


def test_a_provider_that_is_gone_is_said_so(sso: Console, provider: Provider) -> None:
    with httpx2.Client(base_url=sso.url) as client:
        form = {"_csrf_token": csrf(client, "/login")}
        provider.url, good = "http://127.0.0.1:9", provider.url
        answer = client.post("/oidc/start", data=form)
        provider.url = good
    assert answer.status_code == 403
    assert "another issuer" in answer.text
