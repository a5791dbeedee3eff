"""How a customer's own traffic looks to a detector, and what to declare so that it is understood.

It gives reasons and never a threshold: docs/selfcheck.md says where that line is drawn.
"""

from __future__ import annotations

from stillwatch.selfcheck.check import Check, selfcheck

__all__ = ["Check", "selfcheck"]
