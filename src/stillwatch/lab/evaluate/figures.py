"""Plots of an evaluation, in the style of the report: shapes only, words beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import SubElement

import numpy as np

from stillwatch.report.charts import canvas, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from stillwatch.lab.evaluate.statistics import Rate

_SIZE = 100.0


def power_curve(rates: Sequence[Rate], label: str) -> Markup:
    """Shares from 0 to 1 over equally spaced settings, with a band for their intervals."""
    root = canvas(_SIZE, _SIZE, label)
    _grid(root)
    places = np.linspace(0, _SIZE, len(rates)) if len(rates) > 1 else np.array([_SIZE / 2])
    upper = [_point(x, rate.high) for x, rate in zip(places, rates, strict=True)]
    lower = [_point(x, rate.low) for x, rate in zip(places, rates, strict=True)]
    SubElement(root, "path", {"class": "band", "d": f"M{'L'.join(upper + lower[::-1])}Z"})
    course = [_point(x, rate.value) for x, rate in zip(places, rates, strict=True)]
    SubElement(root, "path", {"class": "course", "d": f"M{'L'.join(course)}"})
    return render(root)


def calibration(p_values: Sequence[float], label: str) -> Markup:
    """The distribution function of p-values over the diagonal of a uniform one.

    A valid test stays on or below the diagonal.
    """
    root = canvas(_SIZE, _SIZE, label)
    _grid(root)
    SubElement(root, "path", {"class": "line", "d": f"M{_point(0, 0)}L{_point(_SIZE, 1)}"})
    ordered = np.sort(np.clip(p_values, 0, 1))
    path, height = [_point(0, 0)], 0.0
    for index, p in enumerate(ordered, start=1):
        path.append(_point(p * _SIZE, height))
        height = index / len(ordered)
        path.append(_point(p * _SIZE, height))
    path.append(_point(_SIZE, height))
    SubElement(root, "path", {"class": "course", "d": f"M{'L'.join(path)}"})
    return render(root)


def _grid(root: object) -> None:
    for level in (0.0, 0.5, 1.0):
        place = f"M0 {_SIZE * (1 - level):g}H{_SIZE:g}"
        SubElement(root, "path", {"class": "grid", "d": place})  # type: ignore[arg-type]


def _point(x: float, share: float) -> str:
    return f"{x:.2f} {_SIZE * (1 - share):.2f}"
