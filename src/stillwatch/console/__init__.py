"""The investigators' console and the people's side of the API, as one ASGI application."""

from stillwatch.console.app import create_app
from stillwatch.console.settings import Settings, load_settings

__all__ = ["Settings", "create_app", "load_settings"]
