"""Lists in pages: the database counts and cuts, a page never holds the whole list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sqlalchemy import func, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litestar import Request
    from sqlalchemy.orm import Session

ROWS = 50
MOST_PAGES = 100_000


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a list.

    Attributes:
        rows: of this page.
        total: of the whole list.
        number: of this page, from 1.
        pages: how many there are.
        path: of the list, with its filters.
        query: the filters.
    """

    rows: Sequence[Any]
    total: int
    number: int
    pages: int
    path: str
    query: dict[str, str]

    def link(self, number: int) -> str:
        """The address of another page of the same list."""
        return f"{self.path}?{urlencode({**self.query, 'page': number})}"

    def with_(self, **changed: str) -> str:
        """The address of the list with other filters."""
        query = {name: value for name, value in {**self.query, **changed}.items() if value}
        return f"{self.path}?{urlencode(query)}" if query else self.path

    @property
    def first(self) -> int:
        """Number of the first row shown, from 1."""
        return (self.number - 1) * ROWS + 1 if self.total else 0

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return min(self.number * ROWS, self.total)


def paged(
    session: Session,
    query: Any,
    request: Request[Any, Any, Any],
    *,
    path: str | None = None,
    filters: dict[str, str] | None = None,
    total: int | None = None,
    scalars: bool = False,
) -> Page:
    """Fetch the page of a list that a request asks for.

    Args:
        session: the database.
        query: a select of the whole list, in order.
        request: its query names the page.
        path: of the list; the request's where not given.
        filters: what the list is filtered by, for the links.
        total: rows of the whole list, where it is known.
        scalars: whether rows are single values.
    """
    if total is None:
        counted = query.order_by(None).subquery()
        total = session.execute(select(func.count()).select_from(counted)).scalar_one()
    pages = max(1, -(-total // ROWS))
    number = min(max(1, _number(request.query_params.get("page"))), pages)
    result = session.execute(query.limit(ROWS).offset((number - 1) * ROWS))
    rows = result.scalars().all() if scalars else result.all()
    kept = {name: value for name, value in (filters or {}).items() if value}
    return Page(rows, total, number, pages, path or request.url.path, kept)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 7 else 1


def text_filter(request: Request[Any, Any, Any], name: str, limit: int = 200) -> str:
    """A filter as typed, cut to a length that means something."""
    return str(request.query_params.get(name) or "").strip()[:limit]


def like(text: str) -> str:
    r"""A prefix as a LIKE pattern, its wildcards taken literally; escaped by a backslash."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"
