"""The application: routes, guards, templates, and the workers that run beside it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from litestar import Litestar, Router
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.logging import LoggingConfig
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig

from stillwatch.cases.errors import CaseError
from stillwatch.cases.keys import derived
from stillwatch.cases.storage import Storage
from stillwatch.console import access, api, customer
from stillwatch.console.pages import ROUTES
from stillwatch.console.previews import Previews
from stillwatch.console.scoring import Scoring
from stillwatch.console.security import harden
from stillwatch.console.templating import engine
from stillwatch.console.visitor import logged_in
from stillwatch.console.web import on_case_error, on_http_error, on_surprise
from stillwatch.console.workers import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from os import PathLike
    from pathlib import Path

    from stillwatch.console.settings import Settings

MOST_BYTES = 1 << 20
"""Largest body that is read: the longest note and appeal fit many times."""


def create_app(settings: Settings, storage: Storage | None = None) -> Litestar:
    """The console, the customers' pages and the people's side of the API.

    Args:
        settings: of the deployment.
        storage: an opened database, migrated; opened from the settings where not given.

    Returns:
        An ASGI application.
    """
    opened = storage or Storage(settings.database, key=settings.key, rules=settings.rules)
    workers = Workers(opened, settings.snapshot)
    previews = Previews(settings.key)
    scoring = Scoring(opened)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        if settings.background:
            workers.start()
        try:
            yield
        finally:
            workers.stop()
            previews.stop()
            scoring.close()
            if storage is None:
                opened.close()

    inside = Router(path="/", route_handlers=list(ROUTES), guards=[logged_in])
    return Litestar(
        route_handlers=[
            inside,
            *access.ROUTES,
            *customer.ROUTES,
            *api.ROUTES,
            create_static_files_router(path="/assets", directories=_asset_folders()),
        ],
        state=State(
            {
                "settings": settings,
                "storage": opened,
                "workers": workers,
                "previews": previews,
                "scoring": scoring,
            }
        ),
        lifespan=[lifespan],
        before_send=[harden],
        csrf_config=CSRFConfig(
            secret=derived(settings.key, "csrf").hex(),
            cookie_name="stillwatch-csrf",
            cookie_secure=settings.secure,
            cookie_httponly=True,
            cookie_samesite="strict",
            exclude=["^/v1/"],
        ),
        template_config=TemplateConfig(instance=engine()),
        exception_handlers={
            CaseError: on_case_error,
            HTTPException: on_http_error,
            Exception: on_surprise,
        },
        request_max_body_size=MOST_BYTES,
        logging_config=LoggingConfig(log_exceptions="never"),  # `on_surprise` logs
        openapi_config=None,
        debug=False,
        pdb_on_exception=False,
    )


def _asset_folders() -> list[Path | PathLike[Any] | str]:
    return [
        str(files("stillwatch.console").joinpath("assets")),
        str(files("stillwatch.report").joinpath("assets")),
    ]
