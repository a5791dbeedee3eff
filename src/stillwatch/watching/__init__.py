"""Continuous scanning: follow a folder of logs, keep sketches by day, rescan, publish.

folder ─follow▶ new records ─ingest▶ sketches ─scan▶ verdicts ─publish▶ snapshot.json
"""

from __future__ import annotations

from stillwatch.watching.watch import Watch, watch

__all__ = ["Watch", "watch"]
