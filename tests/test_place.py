from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.place import Place, is_url

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("where", ["s3://b/p", "file:///p", "GS://b", "abfs://c@a.example/p"])
def test_urls_are_urls(where: str) -> None:
    assert is_url(where)


@pytest.mark.parametrize("where", ["sketches", "/a/b", "-", "s3:/b", "a b://c", Path("/x")])
def test_paths_are_not(where: str | Path) -> None:
    assert not is_url(where)
    assert Place.of(where).local


def test_a_url_is_named_without_its_query() -> None:
    place = Place.of("s3://b/a%20b/?region=eu-west-1&endpoint_override=127.0.0.1:1&scheme=http")
    assert (place.name, place.root) == ("s3://b/a%20b", "b/a b")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://KEY:SECRET@bucket/p", "leave the password out"),
        ("ftp://host/p", r"ftp://host/p: Unrecognized.*a URL begins with s3://"),
        ("file:///a b", r"syntax error.*written with %"),
        ("s3:///p", "Missing bucket name"),
    ],
)
def test_urls_that_cannot_be_used_are_refused(url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        Place.of(url)
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    ("where", "hadoop"),
    [
        ("s3://b/a%20b?region=x", "s3a://b/a b/days/1.parquet"),
        ("gs://b/p/", "gs://b/p/days/1.parquet"),
        ("abfs://c@a.dfs.core.windows.net/p", "abfs://c@a.dfs.core.windows.net/p/days/1.parquet"),
        ("file:///mnt/p", "file:///mnt/p/days/1.parquet"),
        ("/mnt/p", "/mnt/p/days/1.parquet"),
    ],
)
def test_spark_has_names_of_its_own(where: str, hadoop: str) -> None:
    assert Place.of(where).hadoop_path("days/1.parquet") == hadoop


def test_files_are_listed_by_name(tmp_path: Path) -> None:
    place = Place.of(tmp_path.as_uri())
    for name in ("b/2", "b/1", "b/below/3", "top"):
        with place.open_to_write(name) as stream:
            stream.write(name.encode())
    assert list(place.items("b")) == ["b/1", "b/2"]
    assert list(place.items("", recursive=True)) == ["b/1", "b/2", "b/below/3", "top"]
    assert place.items("nowhere") == {}
    assert [item.size for item in place.some("top", "b", "missing").values()] == [3]
    assert place.read("missing") is place.read("top/below") is None
    place.delete("top")
    place.write("b/1", b"new")
    assert (place.read("top"), place.read("b/1")) == (None, b"new")


class _Forbidding(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


@pytest.fixture
def forbidding(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An endpoint that lets nobody do anything."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Forbidding)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "else")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("forbidding")
def test_missing_permission_is_said_in_plain_words() -> None:
    place = Place.of("s3://b/p")
    for use in (
        lambda: place.read("x"),
        lambda: place.items(""),
        lambda: place.some("x"),
        lambda: place.write("x", b""),
        place.need_bucket,
    ):
        with pytest.raises(InputError, match="s3://b/p: no permission; look at the credentials"):
            use()
