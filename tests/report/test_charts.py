from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.report import charts

if TYPE_CHECKING:
    from markupsafe import Markup

SIZES = st.floats(0, 1e12)


def parsed(svg: Markup) -> ET.Element:
    return ET.fromstring(str(svg))  # noqa: S314  # our own drawing


def width_of(svg: Markup) -> float:
    filled = [rect for rect in parsed(svg).iter("rect") if rect.get("class") != "track"]
    return sum(float(rect.get("width", "0")) for rect in filled)


@pytest.mark.parametrize(("share", "width"), [(0, 0), (0.5, 50), (1, 100), (3, 100), (-1, 0)])
def test_a_bar_is_as_long_as_its_share_and_stays_on_its_track(share: float, width: float) -> None:
    assert width_of(charts.bar(share)) == width


def test_a_tiny_share_is_still_seen() -> None:
    assert 0 < width_of(charts.bar(1e-9)) < 1


def test_two_bars_share_one_scale_and_differ_in_form() -> None:
    mine, them = charts.comparison(0.2, 0.8)
    assert (width_of(mine), width_of(them)) == (25, 100)
    assert 'class="mine"' in mine
    assert 'class="them"' in them
    assert width_of(charts.comparison(0, 0)[0]) == 0
    assert width_of(charts.comparison(-4, 2)[0]) == 100


@given(st.lists(SIZES, min_size=1, max_size=50), st.booleans())
def test_columns_and_areas_stay_inside_their_frame(values: list[float], compared: bool) -> None:
    for draw in (charts.columns, charts.area):
        root = parsed(draw(values, values if compared else (), "label"))
        for rect in root.iter("rect"):
            top, size = float(rect.get("y", "")), float(rect.get("height", ""))
            assert top >= 0
            assert top + size == pytest.approx(100, abs=0.02)
        for path in root.iter("path"):
            assert not re.search(r"V-|nan|inf", path.get("d", ""))


def test_labels_are_escaped_and_reach_the_screen_reader() -> None:
    svg = charts.columns([1], (), '"><script>')
    assert "<script>" not in svg
    assert parsed(svg).get("aria-label") == '"><script>'
    assert parsed(svg).get("role") == "img"
    assert parsed(charts.bar(0.5)).get("aria-hidden") == "true"


def test_no_days_are_an_empty_frame() -> None:
    assert not list(parsed(charts.columns((), (), "nothing")).iter("rect"))
    assert "fill" not in charts.area((), (), "nothing").replace("nothing", "")
