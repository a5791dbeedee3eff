from __future__ import annotations

import numpy as np
import pytest

from stillwatch.attribution.example import World
from stillwatch.attribution.keys import Mark, MarkKey

SECRET = b"\x22" * 32


def key_of(epoch: str) -> MarkKey:
    return MarkKey.derive(SECRET, Mark(epoch=epoch))


@pytest.fixture(scope="session")
def world() -> World:
    """A language, its teacher, and the key of its answers."""
    return World.of(np.random.default_rng(1), key_of("2026-11"))
