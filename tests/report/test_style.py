"""Contrast of the style sheet's colours, computed as WCAG 2.2 defines it."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

SHEET = files("stillwatch.report").joinpath("assets", "report.css").read_text("utf-8")
TEXT = [
    (ink, ground)
    for ink in ("ink", "quiet", "link", "red", "amber", "grey", "green")
    for ground in ("paper", "card")
] + [("red", "red-soft"), ("amber", "amber-soft"), ("grey", "grey-soft"), ("green", "green-soft"),
     ("ink", "amber-soft"), ("link", "amber-soft")]  # fmt: skip
SHAPES = [(shape, ground) for shape in ("mine", "them", "red") for ground in ("paper", "card")]


def palettes() -> dict[str, dict[str, str]]:
    blocks = [dict(re.findall(r"--([\w-]+):\s*(#\w+)", block))
              for block in re.findall(r":root\s*{(.*?)}", SHEET, re.DOTALL)]  # fmt: skip
    light, dark, paper = blocks
    return {"light": light, "dark": light | dark, "print": light | paper}


def luminance(colour: str) -> float:
    digits = colour[1:7] if len(colour) > 4 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_is_right() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_text_and_shapes_stand_out(scheme: str) -> None:
    palette = palettes()[scheme]
    weak = [(*pair, contrast(palette[pair[0]], palette[pair[1]])) for pair in TEXT]
    assert not [entry for entry in weak if entry[2] < 4.5]
    faint = [(*pair, contrast(palette[pair[0]], palette[pair[1]])) for pair in SHAPES]
    assert not [entry for entry in faint if entry[2] < 3]
