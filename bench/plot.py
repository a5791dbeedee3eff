"""Line charts as SVG, readable on a light and on a dark page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 340, 60, 150, 20, 50
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
DASHES = ("", "7 4", "2 3", "9 3 2 3")
GREY = "#7f7f7f"


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its name and its points."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def chart(
    path: Path,
    lines: Sequence[Line],
    *,
    x: str,
    y: str,
    level: tuple[str, float] | None = None,
    logarithmic: bool = False,
) -> None:
    """Write a chart; `level` is a horizontal line with its name, `logarithmic` is about x."""
    scale = math.log10 if logarithmic else float
    xs = [scale(value) for line in lines for value in line.x]
    top = _round_up(max(value for line in lines for value in line.y))
    low, high = min(xs), max(xs)

    def place(at: float, value: float) -> tuple[float, float]:
        across = LEFT + (scale(at) - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        return round(across, 1), round(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12" fill="{GREY}">',
        f"<title>{escape(y)} by {escape(x)}</title>",
    ]
    left, base = place(lines[0].x[0], 0)[0], HEIGHT - BOTTOM
    for i in range(5):
        value = top * i / 4
        height = place(lines[0].x[0], value)[1]
        parts.append(_rule(LEFT, height, WIDTH - RIGHT, "0.4"))
        parts.append(_text(LEFT - 8, height + 4, f"{value:g}", "end"))
    for at in lines[0].x:
        across = place(at, 0)[0]
        parts.append(_text(across, base + 18, f"{at:,g}", "middle"))
    parts.append(_text((left + WIDTH - RIGHT) / 2, HEIGHT - 12, x, "middle"))
    parts.append(
        f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(y)}</text>"
    )
    if level is not None:
        height = place(lines[0].x[0], level[1])[1]
        parts.append(_rule(LEFT, height, WIDTH - RIGHT, "1.2"))
        parts.append(_text(WIDTH - RIGHT + 6, height + 4, level[0], "start"))
    last = -math.inf
    named = sorted(enumerate(lines), key=lambda one: -one[1].y[-1])
    for i, line in named:
        points = [place(at, value) for at, value in zip(line.x, line.y, strict=True)]
        joined = " ".join(f"{across},{height}" for across, height in points)
        parts.append(
            f'<polyline points="{joined}" fill="none" stroke="{COLOURS[i]}" stroke-width="2" '
            f'stroke-dasharray="{DASHES[i]}"/>'
        )
        last = max(points[-1][1] + 4, last + 15)
        parts.append(
            f'<text x="{WIDTH - RIGHT + 6}" y="{last:.1f}" fill="{COLOURS[i]}">'
            f"{escape(line.name)}</text>"
        )
    path.write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")


def _rule(start: float, height: float, end: float, width: str) -> str:
    return (
        f'<line x1="{start}" y1="{height}" x2="{end}" y2="{height}" stroke="{GREY}" '
        f'stroke-width="{width}"/>'
    )


def _text(across: float, height: float, words: str, anchor: str) -> str:
    return f'<text x="{across:.1f}" y="{height:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5, 6, 8, 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 6, 8, 10) if step * power >= value)
