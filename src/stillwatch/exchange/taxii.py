"""A TAXII 2.1 server with one collection that can be read: what was shared, as STIX 2.1.

A small ASGI application over a function that gives the objects, so that partners' clients can poll
it. Everybody needs a token; nothing can be written.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

MEDIA = "application/taxii+json;version=2.1"
ROOT = "api"
COLLECTION = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
PAGE = 500

_ACCEPTED = re.compile(
    r"application/(taxii\+json|stix\+json|\*)(;\s*version=2\.1)?|\*/\*", re.IGNORECASE
)


@dataclass(frozen=True)
class Answer:
    """A response: status, JSON value, further headers."""

    status: int
    value: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Taxii:
    """The application.

    Attributes:
        objects: gives the STIX objects there are now.
        token: that clients send as a bearer token, or as the password of basic authentication.
        title: for people.
    """

    objects: Callable[[], Sequence[Mapping[str, Any]]]
    token: str
    title: str = "Stillwatch"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        if scope["type"] != "http":
            return
        await receive()
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        query = urllib.parse.parse_qs(scope["query_string"].decode("latin-1"))
        answer = self.respond(scope["method"], scope["path"], headers, query)
        body = json.dumps(answer.value).encode()
        sent = [("content-type", MEDIA), ("content-length", str(len(body))), *answer.headers]
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(k.encode(), v.encode()) for k, v in sent],
            }
        )
        shown = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": shown})

    def respond(
        self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, list[str]]
    ) -> Answer:
        """The answer to a request."""
        if not self._may_read(headers.get("authorization", "")):
            return _error(401, "a token is needed", (("www-authenticate", 'Basic realm="taxii"'),))
        accept = headers.get("accept", "*/*")
        if not any(_ACCEPTED.fullmatch(part.strip()) for part in accept.split(",")):
            return _error(406, f"only {MEDIA} is served")
        if method not in {"GET", "HEAD"}:
            return _error(405, "this collection can only be read", (("allow", "GET, HEAD"),))
        parts = [part for part in path.split("/") if part]
        if parts[:1] == ["taxii2"]:
            return Answer(200, self._discovery()) if len(parts) == 1 else _error(404, "not found")
        if parts[:1] != [ROOT]:
            return _error(404, "not found")
        return self._root(parts[1:], query)

    def _may_read(self, authorization: str) -> bool:
        kind, _, given = authorization.partition(" ")
        if kind.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError, ValueError):
                return False
        return hmac.compare_digest(given.strip().encode(), self.token.encode())

    def _discovery(self) -> dict[str, Any]:
        return {"title": self.title, "api_roots": [f"/{ROOT}/"], "default": f"/{ROOT}/"}

    def _root(self, parts: list[str], query: Mapping[str, list[str]]) -> Answer:
        if not parts:
            value = {"title": self.title, "versions": [MEDIA], "max_content_length": 0}
            return Answer(200, value)
        if parts[0] != "collections" or (len(parts) > 1 and parts[1] != COLLECTION):
            return _error(404, "not found")
        if len(parts) == 1:
            return Answer(200, {"collections": [self._collection()]})
        if len(parts) == 2:
            return Answer(200, self._collection())
        return self._contents(parts[2:], query)

    def _collection(self) -> dict[str, Any]:
        return {
            "id": COLLECTION,
            "title": "Distillation campaigns",
            "description": "Keyed indicators of model distillation campaigns, with their evidence.",
            "can_read": True,
            "can_write": False,
            "media_types": ["application/stix+json;version=2.1"],
        }

    def _contents(self, parts: list[str], query: Mapping[str, list[str]]) -> Answer:
        try:
            found = _filtered(self.objects(), query)
            limit = min(max(int(query.get("limit", [str(PAGE)])[0]), 1), PAGE)
            start = max(int(query.get("next", ["0"])[0]), 0)
        except ValueError:
            return _error(400, "limit and next are whole numbers")
        if parts[0] == "objects" and len(parts) > 1:
            found = [o for o in found if o["id"] == parts[1]]
            if not found:
                return _error(404, "no such object")
        page, more = found[start : start + limit], start + limit < len(found)
        following: dict[str, Any] = {"more": more}
        if more:
            following["next"] = str(start + limit)
        headers: tuple[tuple[str, str], ...] = ()
        if page:
            headers = (
                ("x-taxii-date-added-first", _added(page[0])),
                ("x-taxii-date-added-last", _added(page[-1])),
            )
        if parts == ["manifest"]:
            return Answer(200, following | {"objects": [_entry(o) for o in page]}, headers)
        if parts[0] == "objects" and len(parts) == 3 and parts[2] == "versions":
            versions = sorted({_version(o) for o in page})
            return Answer(200, {"more": False, "versions": versions}, headers)
        if parts[0] == "objects" and len(parts) <= 2:
            return Answer(200, following | {"objects": [dict(o) for o in page]}, headers)
        return _error(404, "not found")


def _filtered(
    objects: Sequence[Mapping[str, Any]], query: Mapping[str, list[str]]
) -> list[Mapping[str, Any]]:
    """Objects by `added_after` and `match[...]`, in the order in which they were added."""
    found = sorted(objects, key=lambda o: (_added(o), o["id"]))
    if after := query.get("added_after"):
        found = [o for o in found if _added(o) > _sixes(after[0])]
    for name in ("id", "type", "spec_version"):
        if wanted := query.get(f"match[{name}]"):
            values = set(wanted[0].split(","))
            found = [o for o in found if str(o.get(name, "2.1")) in values]
    return found


def _version(thing: Mapping[str, Any]) -> str:
    return _sixes(str(thing.get("modified") or thing.get("created") or "2026-01-01T00:00:00Z"))


def _added(thing: Mapping[str, Any]) -> str:
    return _version(thing)


def _sixes(moment: str) -> str:
    """A moment with six digits of a second, so that texts compare like moments."""
    whole, _, fraction = moment.rstrip("Z").partition(".")
    return f"{whole}.{fraction[:6]:0<6}Z"


def _entry(thing: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": thing["id"],
        "date_added": _added(thing),
        "version": _version(thing),
        "media_type": "application/stix+json;version=2.1",
    }


def _error(status: int, title: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(status, {"title": title, "http_status": str(status)}, headers)
