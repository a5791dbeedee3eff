"""What Prometheus reads."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.serving.service import Service

BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5)
"""Seconds; decisions take tens of microseconds without a shared store."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Latency:
    """A histogram of seconds, cheap enough for every request."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def lines(self, name: str) -> Iterator[str]:
        """In Prometheus's text format."""
        running = 0
        for bound, count in zip((*BUCKETS, float("inf")), self.counts, strict=True):
            running += count
            shown = "+Inf" if bound == float("inf") else f"{bound:g}"
            yield f'{name}_bucket{{le="{shown}"}} {running}'
        yield f"{name}_sum {self.total:.6f}"
        yield f"{name}_count {running}"


def exposition(service: Service, latency: Latency) -> bytes:
    """All metrics in Prometheus's text format, version 0.0.4."""
    lines = ["# TYPE stillwatch_decisions_total counter"]
    for (action, source, enforced), count in sorted(service.guard.counts.items()):
        mode = "enforce" if enforced else "shadow"
        labels = f'action="{action}",source="{source or "none"}",mode="{mode}"'
        lines.append(f"stillwatch_decisions_total{{{labels}}} {count}")
    lines.append("# TYPE stillwatch_decision_seconds histogram")
    lines += latency.lines("stillwatch_decision_seconds")
    lines.append("# TYPE stillwatch_degraded gauge")
    lines += [f'stillwatch_degraded{{what="{what}"}} 1' for what in service.degraded()]
    lines.append("# TYPE stillwatch_remembered gauge")
    for what, size in service.guard.remembered.items():
        lines.append(f'stillwatch_remembered{{what="{what}"}} {size}')
    snapshot = service.guard.snapshot
    single = {
        "stillwatch_snapshot_sequence": snapshot.sequence,
        "stillwatch_snapshot_as_of_seconds": snapshot.as_of.timestamp() if snapshot.as_of else 0,
        "stillwatch_standings": len(snapshot.standings),
        "stillwatch_reloads_total": service.files.reloads,
    }
    for name, value in single.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        lines += [f"# TYPE {name} {kind}", f"{name} {value}"]
    return "\n".join(lines).encode() + b"\n"
