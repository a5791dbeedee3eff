"""The service in a thread of another command: it takes posted logs, and decides too."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stillwatch.errors import UsageError
from stillwatch.serving.app import Application
from stillwatch.serving.run import server
from stillwatch.serving.service import Service
from stillwatch.serving.settings import Secrets, Settings
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STARTUP = 10.0
"""Seconds in which it must have begun to listen."""


@contextmanager
def listening(intake: Path, port: int, snapshot: Path) -> Iterator[None]:
    """Serve on 127.0.0.1 while the block runs.

    Args:
        intake: folder for posted logs.
        port: to listen on.
        snapshot: what is in force, taken whenever it is published.

    Raises:
        MissingExtraError: the server is not installed.
        UsageError: the port is taken.
    """
    settings = Settings(port=port, intake=str(intake), snapshot=str(snapshot))
    service = Service(settings, Secrets.load(), key=SketchKey.load())
    running = server(Application(service), settings)
    running.install_signal_handlers = lambda: None
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    begun = time.monotonic()
    while not running.started:
        if not thread.is_alive() or time.monotonic() - begun > STARTUP:
            raise UsageError(f"cannot listen on 127.0.0.1:{port}: is it taken?")
        time.sleep(0.02)
    try:
        yield
    finally:
        running.should_exit = True
        thread.join()
