"""Small charts as SVG, each made of shapes only.

Words stand beside a chart in HTML, so that they keep their size when the chart is squeezed onto a
phone or a page. Colours come from the style sheet by class; what is compared is also told apart by
form (filled against outlined), never by colour alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEIGHT = 100.0
_HEADROOM = 1.04
_LEAST_BAR = 0.6  # per cent of the track: a small share stays visible, nothing stays nothing


def render(root: Element) -> Markup:
    """Turn an SVG tree into markup; ElementTree escapes every text and attribute."""
    return Markup(tostring(root, encoding="unicode"))  # noqa: S704


def canvas(width: float, height: float, label: str, *, stretch: bool = True) -> Element:
    """An empty drawing; one without a label is decoration and hidden from screen readers."""
    root = Element(
        "svg",
        {"viewBox": f"0 0 {_n(width)} {_n(height)}", "class": "plot" if stretch else "graph"},
    )
    if stretch:
        root.set("preserveAspectRatio", "none")
    if label:
        root.set("role", "img")
        root.set("aria-label", label)
    else:
        root.set("aria-hidden", "true")
    return root


def bar(share: float, *, outlined: bool = False) -> Markup:
    """One horizontal bar on its track; `share` of the width, cut to 0..1.

    The number stands beside it as text, so the bar itself is decoration.
    """
    root = canvas(100, 8, "")
    root.set("class", "bar")
    SubElement(root, "rect", {"class": "track", "width": "100", "height": "8"})
    width = min(max(share, 0.0), 1.0) * 100
    if width > 0:
        SubElement(
            root,
            "rect",
            {
                "class": "them" if outlined else "mine",
                "width": _n(max(width, _LEAST_BAR)),
                "height": "8",
            },
        )
    return render(root)


def comparison(value: float, expected: float) -> tuple[Markup, Markup]:
    """Two bars on one scale: this group's, and what honest customers show.

    Negative numbers are drawn by their size; the signs stand in the text.
    """
    most = max(abs(value), abs(expected)) or 1.0
    return bar(abs(value) / most), bar(abs(expected) / most, outlined=True)


def columns(mine: Sequence[float], them: Sequence[float], label: str) -> Markup:
    """Columns for a group with an outline for the population, on one scale.

    Args:
        mine: the group's value a column.
        them: the population's value a column; empty for none.
        label: what a screen reader says.
    """
    root = canvas(len(mine) or 1, _HEIGHT, label)
    top = max((*mine, *them), default=0.0) * _HEADROOM or 1.0
    _grid(root, len(mine) or 1)
    for index, value in enumerate(mine):
        if value > 0:
            size = max(value / top * _HEIGHT, 0.5)
            SubElement(
                root,
                "rect",
                {
                    "class": "mine",
                    "x": _n(index + 0.08),
                    "y": _n(_HEIGHT - size),
                    "width": "0.84",
                    "height": _n(size),
                },
            )
    if them:
        SubElement(root, "path", {"class": "line", "d": _steps(them, top)})
    return render(root)


def area(mine: Sequence[float], them: Sequence[float], label: str) -> Markup:
    """A filled stepped course for a group, with a line for the population, on one scale."""
    length = max(len(mine), 1)
    root = canvas(length, _HEIGHT, label)
    top = max((*mine, *them), default=0.0) * _HEADROOM or 1.0
    _grid(root, length)
    if any(mine):
        outline = _steps(mine, top)
        SubElement(
            root,
            "path",
            {"class": "fill", "d": f"{outline}V{_n(_HEIGHT)}H0Z"},
        )
    if any(them):
        SubElement(root, "path", {"class": "line", "d": _steps(them, top)})
    return render(root)


def _grid(root: Element, width: float) -> None:
    for level in (0.0, 0.5, 1.0):
        y = _n(_HEIGHT * (1 - level / _HEADROOM))
        SubElement(root, "path", {"class": "grid", "d": f"M0 {y}H{_n(width)}"})


def _steps(values: Sequence[float], top: float) -> str:
    heights = [_n(_HEIGHT * (1 - value / top)) for value in values]
    path = [f"M0 {heights[0]}"]
    for index, height in enumerate(heights):
        if index and height != heights[index - 1]:
            path.append(f"V{height}")
        path.append(f"H{index + 1}")
    return "".join(path)


def _n(value: float) -> str:
    """A coordinate in as few characters as a picture needs."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
