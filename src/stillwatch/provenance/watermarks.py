"""Tests for watermarks that others bring: which rows bear a mark that only one model's key makes?

Provenance knows no watermark itself. An installed package names a function under the entry point
group `stillwatch.watermarks`; `--watermark NAME=KEYFILE` calls it with the key's file, and asks
what it returns for a p-value of each text. The null is a text that was written without the key, so
a small p-value is evidence of the marked model and a large one of nothing.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from stillwatch.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

GROUP = "stillwatch.watermarks"


class WatermarkTest(Protocol):
    """A test for one watermark under one key."""

    def p_values(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """For each text, how likely one written without the key bears the mark as strongly.

        Texts are given and not token ids, because a training set has lost the tokens of whichever
        model wrote it: the test tokenises as its watermark does. A text that is too short to tell
        has p = 1. P-values must be valid (super-uniform under the null) for each text by itself,
        repeated windows of tokens counted once.
        """


def open_watermark(given: str) -> tuple[str, WatermarkTest]:
    """The test that ``NAME=KEYFILE`` names, and its name.

    Raises:
        UsageError: the argument has another form, or no installed package has a test of that name.
        InputError: there is no such key file.
    """
    name, parted, key = given.partition("=")
    if not parted or not name or not key:
        raise UsageError(f"--watermark is NAME=KEYFILE, not {given!r}")
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        there = f"there are {', '.join(sorted(known))}" if known else "none is installed"
        raise UsageError(f"no watermark test {name!r}: {there} (see docs/provenance.md)")
    if not Path(key).is_file():
        raise InputError("there is no such key file", file=key)
    opened: Callable[[Path], WatermarkTest] = known[name].load()
    return name, opened(Path(key))
