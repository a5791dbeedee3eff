"""Who gets in, and what they may do: sessions, roles, forged forms, headers, tokens."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from litestar.routes import HTTPRoute
from tests import invented_scan

from stillwatch.cases import api_tokens, webhooks
from stillwatch.console import create_app, load_settings
from stillwatch.console.settings import Settings
from stillwatch.console.web import here
from stillwatch.errors import InputError, UsageError

from .conftest import PASSWORD, WEBHOOK_SECRET, running

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Console

PUBLIC = {"/login", "/setup/{token:str}", "/appeal/{token:str}", "/verify/{token:str}"}
PUBLIC |= {"/oidc/start", "/oidc/callback", "/v1/verification/webhook"}
VALUES = {"{number:int}": "1", "{token:str}": "x", "{kind:str}": "payment", "{key:str}": "1"}


def browser_of(console: Console, name: str | None = None) -> httpx2.Client:
    """A browser without scripts, perhaps logged in."""
    client = httpx2.Client(base_url=console.url, follow_redirects=True)
    if name:
        client.cookies.update(console.cookie(name))
    return client


def csrf(client: httpx2.Client, path: str) -> str:
    """The token of the first form on a page."""
    found = re.search(r'name="_csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None, path
    return found[1]


def send(client: httpx2.Client, page: str, path: str, **form: str) -> httpx2.Response:
    return client.post(path, data={"_csrf_token": csrf(client, page), **form})


def every_route(console: Console) -> list[tuple[str, str]]:
    app = create_app(
        Settings(database="unused", key=invented_scan.KEY, background=False), console.storage
    )
    return [
        (route.path, method)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - {"OPTIONS", "HEAD"}
    ]


def test_nothing_opens_without_login_but_what_is_meant_to(console: Console) -> None:
    console.take_in(invented_scan.campaign("c-1", tuple(f"a{n}" for n in range(9))))
    checked = 0
    with httpx2.Client(base_url=console.url) as client:
        client.get("/login")
        token = client.cookies["stillwatch-csrf"]
        for template, method in every_route(console):
            if template in PUBLIC or template.startswith("/assets"):
                continue
            path = template
            for name, value in VALUES.items():
                path = path.replace(name, value)
            answer = client.request(method, path, headers={"x-csrftoken": token})
            if path.startswith("/v1/"):
                assert answer.status_code == 401, (method, path)
            else:
                where = answer.headers.get("location", "")
                assert (answer.status_code, where[:6]) == (303, "/login"), (method, path)
            checked += 1
    assert checked > 35


def test_a_form_of_another_site_changes_nothing(console: Console) -> None:
    (number,) = console.take_in(invented_scan.campaign("c-1", tuple(f"a{n}" for n in range(9))))
    with browser_of(console, "ada") as client:
        client.get("/")
        for data in ({}, {"_csrf_token": "forged"}):
            answer = client.post(f"/cases/{number}/note", data={"text": "forged", **data})
            assert answer.status_code == 403
        assert "forged" not in client.get(f"/cases/{number}").text


@pytest.mark.parametrize(
    ("name", "path", "form", "status"),
    [
        ("vera", "/cases/1/decide", {"action": "throttle", "reason": "a reason of hers"}, 403),
        ("vera", "/cases/1/note", {"text": "mine"}, 403),
        ("ada", "/people/invite", {"name": "eve", "role": "admin"}, 403),
        ("ada", "/tokens", {"name": "t", "scope": "view"}, 403),
        ("ada", "/account/erase", {"id": "a1", "again": "a1"}, 403),
        ("ada", "/cases/1/decide", {"action": "nonsense", "reason": "a reason of hers"}, 422),
        ("ada", "/cases/1/decide", {"action": "throttle", "reason": "x"}, 422),
        (
            "ada",
            "/cases/1/decide",
            {"action": "throttle", "reason": "long enough", "version": "7"},
            409,
        ),
        ("ada", "/cases/99/note", {"text": "mine"}, 404),
        ("ada", "/account/lift", {"id": "a1", "why": "long enough for it"}, 409),
    ],
)
def test_who_may_not_is_told_so(
    console: Console, name: str, path: str, form: dict[str, str], status: int
) -> None:
    console.take_in(invented_scan.campaign("c-1", tuple(f"a{n}" for n in range(9))))
    with browser_of(console, name) as client:
        answer = send(client, "/", path, **form)
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert 'role="alert"' in answer.text


def test_every_answer_keeps_to_itself(console: Console) -> None:
    with browser_of(console, "ada") as client:
        for path in ("/", "/login", "/no-such-page", "/assets/console.css"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
        assert client.get("/").headers["cache-control"] == "no-store"


def test_login_logout_and_where_it_leads(console: Console) -> None:
    with browser_of(console) as client:
        answer = send(client, "/login", "/login", name="ada", password="wrong", next="/audit")
        assert answer.status_code == 403
        assert "do not match" in answer.text
        answer = send(client, "/login", "/login", name="ada", password=PASSWORD, next="/audit")
        assert answer.url.path == "/audit"
        cookie = next(c for c in client.cookies.jar if c.name == "stillwatch")
        assert cookie.has_nonstandard_attr("HttpOnly")
        answer = send(client, "/", "/logout")
        assert answer.url.path == "/login"
        assert client.get("/audit").url.path == "/login"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", None],
)
def test_no_link_leads_elsewhere_after_login(target: str | None) -> None:
    assert here(target) == "/"


def test_cookies_are_for_https_alone_where_people_come_by_https(tmp_path: Path) -> None:
    chosen = Settings(
        database="x", key=invented_scan.KEY, base_url="https://console.provider.example"
    )
    assert chosen.secure
    app = create_app(chosen, object())  # type: ignore[arg-type]
    assert app.csrf_config is not None
    assert app.csrf_config.cookie_secure


def test_an_administrator_invites_and_the_link_works_once(console: Console) -> None:
    with browser_of(console, "root") as client, browser_of(console) as guest:
        page = send(client, "/people", "/people/invite", name="new", role="viewer").text
        found = re.search(r'id="link">([^<]+)<', page)
        assert found is not None
        path = found[1].removeprefix(console.url)
        assert "New" not in guest.get("/").text
        guest.get(path)
        answer = send(guest, path, path, password=PASSWORD, again="another one")
        assert "differ" in answer.text
        answer = send(guest, path, path, password=PASSWORD, again=PASSWORD)
        assert answer.url.path == "/"
        assert guest.get(path).status_code == 404


def test_tokens_do_what_their_scopes_say(console: Console) -> None:
    console.take_in(invented_scan.campaign("c-1", tuple(f"a{n}" for n in range(9))))
    with console.storage.write(console.actors["root"]) as unit:
        _, links = api_tokens.make(unit, "portal", ["links"])
        _, signups = api_tokens.make(unit, "registration", ["signups"])
    with httpx2.Client(base_url=console.url) as client:

        def as_(secret: str) -> dict[str, str]:
            return {"authorization": f"Bearer {secret}"}

        found = client.get("/v1/accounts/link", params={"account_id": "a1"}, headers=as_(links))
        assert found.json()["url"].startswith(f"{console.url}/appeal/")
        assert client.get(found.json()["url"]).status_code == 200
        refused = client.get("/v1/accounts/link?account_id=a1", headers=as_(signups))
        assert refused.status_code == 403
        person = {"reference": "r-1", "email": "jo@small.example", "address": "192.0.2.7"}
        scored = client.post("/v1/signups", json=person, headers=as_(signups))
        assert scored.json() == {"reference": "r-1", "level": "email", "score": 0, "reasons": []}
        assert client.post("/v1/signups", json=person, headers=as_(links)).status_code == 403
        nonsense: tuple[Any, ...] = ({}, {"reference": 7}, {"reference": ""}, [])
        for bad in (*nonsense, {"reference": "r", "at": "x"}):
            answer = client.post("/v1/signups", json=bad, headers=as_(signups))
            assert answer.status_code == 422, bad
            assert answer.json()["error"]["message"]
        assert client.post("/v1/signups", json=person, headers=as_("swt_no")).status_code == 401


@pytest.mark.parametrize("change", ["", "webhook-signature", "webhook-timestamp", "webhook-id"])
def test_the_webhook_takes_only_what_is_signed(console: Console, change: str) -> None:
    body = json.dumps({"request": "nobody's", "outcome": "passed"}).encode()
    stamp = int(time.time())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(stamp),
        "webhook-signature": webhooks.sign(WEBHOOK_SECRET, "msg_1", stamp, body),
    }
    if change:
        last = "1" if headers[change].endswith("0") else "0"
        headers[change] = headers[change][:-1] + last
    answer = httpx2.post(f"{console.url}/v1/verification/webhook", content=body, headers=headers)
    assert answer.status_code in ({403} if change else {404})


def test_while_the_database_is_away_pages_and_calls_say_so_and_come_back(tmp_path: Path) -> None:
    with running(tmp_path, background=False) as console, browser_of(console, "ada") as client:
        with console.storage.write(console.actors["root"]) as unit:
            _, token = api_tokens.make(unit, "portal", ["signups"])
        headers = {"authorization": f"Bearer {token}"}
        assert client.get("/decisions").status_code == 200
        database = console.folder / "cases.db"
        away = [database.with_name(f"{database.name}{end}") for end in ("", "-wal", "-shm")]
        console.storage.engine.dispose()
        for file in away:
            if file.exists():
                file.rename(file.with_name(f"away-{file.name}"))
        database.mkdir()
        page = client.get("/decisions")
        assert page.status_code == 503
        assert "The database does not answer" in page.text
        call = httpx2.post(f"{console.url}/v1/signups", json={"reference": "r"}, headers=headers)
        assert (call.status_code, "retry-after" in call.headers) == (503, True)
        database.rmdir()
        for file in away:
            moved = file.with_name(f"away-{file.name}")
            if moved.exists():
                moved.rename(file)
        assert client.get("/decisions").status_code == 200
        call = httpx2.post(f"{console.url}/v1/signups", json={"reference": "r"}, headers=headers)
        assert call.json()["level"] == "email"


def test_settings_come_from_a_file_and_secrets_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "console.toml"
    file.write_text('base_url = "https://c.example/"\ncontact = "x@y.example"\n')
    monkeypatch.setenv("STILLWATCH_WEBHOOK_SECRET", "s" * 40)
    made = load_settings("c.db", file)
    assert (made.base_url, made.contact) == ("https://c.example", "x@y.example")
    assert made.webhook_secret == b"s" * 40
    assert "ssss" not in repr(made)
    monkeypatch.setenv("STILLWATCH_WEBHOOK_SECRET", "short")
    with pytest.raises(UsageError, match="32 characters"):
        load_settings("c.db", file)
    file.write_text('base_ulr = "x"\n')
    with pytest.raises(InputError, match="base_ulr"):
        load_settings("c.db", file)
    monkeypatch.delenv("STILLWATCH_DATABASE", raising=False)
    with pytest.raises(UsageError, match="--database"):
        load_settings(None)
