"""Requests into sketches: text and identifiers become keyed columns, so neither need be kept."""

from __future__ import annotations

from stillwatch.sketch.key import SketchKey
from stillwatch.sketch.sketcher import Sketched, Sketcher

__all__ = ["SketchKey", "Sketched", "Sketcher"]
