"""`stillwatch serve`: the guard as an HTTP service, with intake of logs, health and metrics."""

from __future__ import annotations

from stillwatch.serving.app import Application
from stillwatch.serving.service import Service
from stillwatch.serving.settings import Settings, load_settings

__all__ = ["Application", "Service", "Settings", "load_settings"]
