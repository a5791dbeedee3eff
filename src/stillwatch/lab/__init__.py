"""The lab: a simulated provider with ground truth, and how well a result agrees with it."""

from __future__ import annotations

from stillwatch.lab.scenario import Scenario, load_scenario, preset, presets
from stillwatch.lab.score import CampaignScore, FoundScore, GroupScore, Score, score
from stillwatch.lab.simulate import Simulation, simulate

__all__ = [
    "CampaignScore",
    "FoundScore",
    "GroupScore",
    "Scenario",
    "Score",
    "Simulation",
    "load_scenario",
    "preset",
    "presets",
    "score",
    "simulate",
]
