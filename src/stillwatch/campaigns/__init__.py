"""Candidates, nulls and verdicts: mine, test on data not used for mining, decide, explain."""

from __future__ import annotations

from stillwatch.campaigns.concealment import Traits
from stillwatch.campaigns.detect import Detection, detect

__all__ = ["Detection", "Traits", "detect"]
