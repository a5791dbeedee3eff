"""The online decision: policy, budgets that follow the operator, live detection, and gateways.

The guard reads what `standing` publishes and its own counters, and nothing else of Stillwatch's
results.
"""

from __future__ import annotations

from stillwatch.guard.ask import Ask, Profile, Settlement, Traces
from stillwatch.guard.decision import Decision, Restrictions
from stillwatch.guard.guard import Guard
from stillwatch.guard.policy import Policy, load_policy, parse_policy
from stillwatch.guard.profiles import profiles_of

__all__ = [
    "Ask",
    "Decision",
    "Guard",
    "Policy",
    "Profile",
    "Restrictions",
    "Settlement",
    "Traces",
    "load_policy",
    "parse_policy",
    "profiles_of",
]
