from __future__ import annotations

from tests.signals.conftest import table

__all__ = ["table"]
