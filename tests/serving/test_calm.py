from __future__ import annotations

import gc
import sys
import weakref

from stillwatch.serving.calm import calm


class Ring:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.own = self


def test_what_is_loaded_is_left_alone_and_new_garbage_is_found() -> None:
    before = gc.get_threshold(), sys.getswitchinterval()
    with calm():
        assert gc.get_freeze_count() > 1_000
        assert sys.getswitchinterval() < before[1]
        counted = gc.get_stats()[2]["collections"]
        ring = weakref.ref(Ring())
        held: list[list[int]] = [[] for _ in range(100_000)]
        assert ring() is None, f"no look at {len(held)} new objects"
        assert gc.get_stats()[2]["collections"] == counted
    assert (gc.get_threshold(), sys.getswitchinterval()) == before
    assert gc.get_freeze_count() == 0
