"""Detection between scans: evidence that a single pass over the traffic can see.

Everything here is bounded in memory, works in event time, and only ever raises friction for a
while. Each module asks one question; `Detector` puts them together.
"""

from __future__ import annotations

from stillwatch.guard.live.detector import Detector, Flag

__all__ = ["Detector", "Flag"]
