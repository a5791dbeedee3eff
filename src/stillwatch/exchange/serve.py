"""The TAXII collection on a port, over the book of what was shared."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from stillwatch.errors import MissingExtraError, UsageError
from stillwatch.exchange.book import FILE, load_book, packages_of
from stillwatch.exchange.stix import to_stix
from stillwatch.exchange.taxii import Taxii

if TYPE_CHECKING:
    from pathlib import Path

TOKEN_VARIABLE = "STILLWATCH_TAXII_TOKEN"  # noqa: S105 - its name
FEWEST_CHARACTERS = 16


class Objects:
    """The STIX objects of a book, made again when the book has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[int, int] | None = None
        self._objects: list[dict[str, Any]] = []

    def __call__(self) -> list[dict[str, Any]]:
        """The objects there are now."""
        path = self._folder / FILE
        status = path.stat() if path.exists() else None
        now = (status.st_mtime_ns, status.st_size) if status else None
        if now != self._seen:
            packages = packages_of(load_book(self._folder))
            self._objects = json.loads(to_stix(packages))["objects"] if packages else []
            self._seen = now
        return self._objects


def application(folder: Path) -> Taxii:
    """The collection over a book.

    Raises:
        UsageError: there is no token, or it is too short to be one.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    if len(token) < FEWEST_CHARACTERS:
        raise UsageError(
            f"{TOKEN_VARIABLE} must hold a token of {FEWEST_CHARACTERS} characters or more; make "
            "one with: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return Taxii(Objects(folder), token)


def serve(folder: Path, host: str, port: int) -> None:
    """Serve until interrupted.

    Raises:
        UsageError: there is no token.
        MissingExtraError: the server is not installed.
    """
    app = application(folder)
    try:
        import uvicorn  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("share", "serving TAXII") from None
    uvicorn.run(app, host=host, port=port, log_level="warning", lifespan="off")
