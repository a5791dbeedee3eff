"""Where training data comes from: which rows are original, which a model made, which nobody knows.

    dataset ─▶ rows ─▶ evidence ─▶ verdicts ─▶ manifest, bill of materials, report, gate
    card ──────────────▲
    registered answers ┘

A verdict other than `unknown` needs a declaration or evidence whose error was measured.
"""

from __future__ import annotations

from stillwatch.provenance.tracing import Trace, trace

__all__ = ["Trace", "trace"]
