from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.guard.quantities import Duration, Rate


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3_600), ("14d", 1_209_600)]
)
def test_durations(text: str, seconds: float) -> None:
    assert Duration.parse(text).seconds == seconds
    assert Duration.parse(str(Duration.parse(text))) == Duration.parse(text)


def test_rates() -> None:
    rate = Rate.parse("2M/1h burst 50k")
    assert (rate.count, rate.period, rate.burst) == (2e6, 3_600, 5e4)
    assert Rate.parse("60/m") == Rate.parse("60/1m")
    assert Rate.parse("600/1m").burst == 600


@pytest.mark.parametrize("text", ["", "5", "5/", "5 per minute", "0/1m", "-1/1m", "5/1y", "5/1m b"])
def test_what_is_no_rate_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"rate|allows nothing"):
        Rate.parse(text)


@given(st.integers(1, 10**6), st.integers(1, 999), st.sampled_from("smhd"), st.integers(1, 10**6))
def test_a_rate_survives_being_written(count: int, period: int, unit: str, burst: int) -> None:
    rate = Rate.parse(f"{count}/{period}{unit} burst {burst}")
    again = Rate.parse(str(rate))
    assert again.interval == pytest.approx(rate.interval, rel=1e-4)
    assert again.tolerance == pytest.approx(rate.tolerance, rel=1e-4)


def test_quantities_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Rate.parse("1/1s").count = 5
