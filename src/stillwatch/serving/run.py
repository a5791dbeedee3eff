"""Runs the service under uvicorn: logs as JSON lines, graceful shutdown, reload on SIGHUP."""

from __future__ import annotations

import logging
import signal
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import MissingExtraError, UsageError
from stillwatch.serving.calm import calm

if TYPE_CHECKING:
    from stillwatch.serving.app import Application
    from stillwatch.serving.settings import Settings

GRACE = 20
"""Seconds that open requests have to end at a shutdown."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what else the record carries."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        shown: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        shown |= {k: v for k, v in vars(record).items() if k not in _STANDARD}
        if record.exc_info:
            shown["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(shown, enc_hook=str).decode()


def log_to_stderr() -> None:
    """Send every log line to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def server(application: Application, settings: Settings, *, access_log: bool = False) -> Any:
    """A uvicorn server, not started.

    Args:
        application: what answers.
        settings: where to listen.
        access_log: write a line for every request, too.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import uvicorn  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("server", "serving over HTTP") from None
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=access_log,
        timeout_graceful_shutdown=GRACE,
        lifespan="on",
        server_header=False,
        date_header=False,
    )
    return uvicorn.Server(config)


def run(application: Application, settings: Settings, *, access_log: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first.

    Args:
        application: what answers.
        settings: where to listen.
        access_log: write a line for every request, too.

    Raises:
        MissingExtraError: the server is not installed.
        UsageError: the address is taken or not this machine's.
    """
    running = server(application, settings, access_log=access_log)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: application.reload_soon())
    try:
        with calm():
            running.run()
    except SystemExit:  # uvicorn has logged why it could not listen
        address = f"{settings.host}:{settings.port}"
        raise UsageError(f"cannot listen on {address}: is it taken?") from None
