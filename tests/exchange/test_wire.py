"""What goes over a wire: TAXII with a real client, webhooks with a real receiver, PSI."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import requests
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from taxii2client.v21 import Server, as_pages

from stillwatch.errors import InputError, UsageError
from stillwatch.exchange.book import Book, save_book
from stillwatch.exchange.ocsf import cloud_event
from stillwatch.exchange.psi import Asker, answer
from stillwatch.exchange.serve import TOKEN_VARIABLE, application
from stillwatch.exchange.taxii import COLLECTION, Taxii
from stillwatch.exchange.webhook import Webhook, signature

from .packages import package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "a-token-of-some-length"


@pytest.fixture
def collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    book = Book()
    book.share(package())
    save_book(book, tmp_path)
    config = uvicorn.Config(application(tmp_path), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def test_real_client_reads_the_collection(collection: str, tmp_path: Path) -> None:
    server = Server(f"{collection}/taxii2/", user="partner", password=TOKEN)
    (found,) = server.api_roots[0].collections
    assert (found.can_read, found.can_write) == (True, False)
    objects = found.get_objects()["objects"]
    assert {o["type"] for o in objects} >= {"campaign", "indicator", "sighting"}
    pages = [page["objects"] for page in as_pages(found.get_objects, per_request=4)]
    assert sum(map(len, pages)) == len(objects)
    assert len(pages) > 2
    campaigns = found.get_objects(type="campaign")["objects"]
    assert [o["type"] for o in campaigns] == ["campaign"]
    one = found.get_object(campaigns[0]["id"])["objects"]
    assert one == campaigns
    assert len(found.get_manifest()["objects"]) == len(objects)
    assert found.object_versions(campaigns[0]["id"])["versions"] == ["2026-06-06T10:00:00.000000Z"]
    assert found.get_objects(added_after="2026-06-07T00:00:00Z").get("objects", []) == []
    book = Book()
    book.share(package())
    book.revoke("k-0123456789ab", "an error", "2026-06-08T00:00:00Z")
    save_book(book, tmp_path)
    later = found.get_objects(added_after="2026-06-07T00:00:00Z")["objects"]
    assert any(o["type"] == "indicator" and o["revoked"] for o in later)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/taxii2/", {"Authorization": "Bearer wrong"}, 401),
        ("GET", "/taxii2/", {"Authorization": "Basic !!!"}, 401),
        ("GET", "/taxii2/", {"Accept": "text/html"}, 406),
        ("POST", f"/api/collections/{COLLECTION}/objects/", {}, 405),
        ("DELETE", f"/api/collections/{COLLECTION}/objects/x/", {}, 405),
        ("GET", "/api/collections/other/", {}, 404),
        ("GET", f"/api/collections/{COLLECTION}/objects/x/", {}, 404),
        ("GET", f"/api/collections/{COLLECTION}/objects/?limit=many", {}, 400),
        ("GET", "/../../etc/passwd", {}, 404),
    ],
)
def test_wrong_requests_are_answered(
    collection: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    given = {"Authorization": f"Bearer {TOKEN}"} | headers
    done = requests.request(method, collection + path, headers=given, timeout=10)
    assert done.status_code == status
    assert done.json()["http_status"] == str(status)


NAMES = st.sampled_from(["limit", "next", "added_after", "match[id]"])


@settings(max_examples=100)
@given(
    st.text(max_size=80),
    st.dictionaries(NAMES, st.lists(st.text(max_size=20), min_size=1)),
)
def test_any_request_is_answered(path: str, query: dict[str, list[str]]) -> None:
    app = Taxii(lambda: [{"id": "a--1", "type": "a", "modified": "2026-01-01T00:00:00Z"}], TOKEN)
    headers = {"authorization": f"Bearer {TOKEN}"}
    for start in ("/", f"/api/collections/{COLLECTION}/", "/api/"):
        assert app.respond("GET", start + path, headers, query).status in {200, 400, 404}


def test_collection_needs_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "short")
    with pytest.raises(UsageError, match="16 characters"):
        application(tmp_path)


class Receiver(BaseHTTPRequestHandler):
    """Answers with the statuses that the test wants, and keeps what came."""

    statuses: list[int]
    came: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.came.append((dict(self.headers.items()), body))
        self.send_response(self.statuses.pop(0) if self.statuses else 204)
        self.send_header("location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving(*statuses: int) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    handler = type("Once", (Receiver,), {"statuses": list(statuses), "came": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", handler.came  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def hook(url: str, tmp_path: Path, waits: list[float]) -> Webhook:
    return Webhook(url, b"\x01" * 32, tmp_path / "sent.json", wait=waits.append)


def test_event_is_signed_tried_again_and_sent_once(tmp_path: Path) -> None:
    waits: list[float] = []
    event = cloud_event(package())
    with receiving(503, 429, 204) as (url, came):
        done = hook(url, tmp_path, waits).send([event])
        assert (done.arrived, done.failed) == ((event[0],), ())
        again = hook(url, tmp_path, waits).send([event])
        assert (again.arrived, again.known) == ((), (event[0],))
    assert waits == [1.0, 2.0]
    assert len(came) == 3
    headers = {name.lower(): value for name, value in came[-1][0].items()}
    assert headers["content-type"].startswith("application/cloudevents+json")
    expected = signature(b"\x01" * 32, event[0], int(headers["webhook-timestamp"]), came[-1][1])
    assert headers["webhook-signature"] == expected
    assert {body for _, body in came} == {event[1]}


@pytest.mark.parametrize(("status", "tries"), [(400, 1), (302, 1), (500, 5)])
def test_failure_is_told(tmp_path: Path, status: int, tries: int) -> None:
    with receiving(*[status] * 9) as (url, came):
        done = hook(url, tmp_path, []).send([cloud_event(package())])
    assert done.failed == ((cloud_event(package())[0], f"HTTP {status}"),)
    assert len(came) == tries


def test_receiver_that_is_gone_is_told(tmp_path: Path) -> None:
    done = hook("http://127.0.0.1:9/", tmp_path, []).send([cloud_event(package())])
    assert "refused" in done.failed[0][1].lower()


@pytest.mark.parametrize("url", ["http://example.com/", "file:///etc/passwd", "ftp://x/"])
def test_events_go_over_https_only(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="https only"):
        hook(url, tmp_path, [])


def networks(first: int, last: int) -> list[str]:
    return [f"203.0.{i}.0/24" for i in range(first, last)]


@pytest.mark.parametrize("reveal", [False, True])
def test_intersection_is_found_and_nothing_else_is_told(reveal: bool) -> None:
    asker = Asker(networks(0, 40), reveal=reveal)
    request = asker.request()
    given = answer(request, networks(30, 90), reveal=True)
    count, found = asker.read(given)
    assert count == 10
    assert found == (tuple(sorted(networks(30, 40))) if reveal else ())
    for network in networks(0, 90):
        assert network.encode() not in request
        assert network.encode() not in given


def test_who_answers_decides_how_much_is_told() -> None:
    asker = Asker(networks(0, 40), reveal=True)
    with pytest.raises(UsageError, match="--reveal"):
        answer(asker.request(), networks(0, 40))


def test_too_many_or_too_few_are_refused() -> None:
    with pytest.raises(UsageError, match="4 elements"):
        Asker(networks(0, 4))
    with pytest.raises(UsageError, match="100001 elements"):
        Asker([str(i) for i in range(100_001)])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_an_error(data: bytes) -> None:
    asker: Any = Asker(networks(0, 10))
    for call in (lambda: answer(data, networks(0, 10)), lambda: asker.read(data)):
        with suppress(InputError, UsageError):
            call()
