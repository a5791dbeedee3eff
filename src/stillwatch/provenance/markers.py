"""Which texts have the words by which a model gives itself away?"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@cache
def classes() -> dict[str, str]:
    """Classes of markers and the expression that finds any of each (RE2)."""
    text = (resources.files(__package__) / "markers.toml").read_text("utf-8")
    return {
        name: "|".join(f"(?:{p})" for p in found) for name, found in tomllib.loads(text).items()
    }


def marked(texts: pa.Array) -> dict[str, NDArray[np.bool_]]:
    """For each class, which texts have a marker of it, bool[n]."""
    lower = pc.utf8_lower(texts)
    return {
        name: pc.match_substring_regex(lower, expression).to_numpy(zero_copy_only=False)
        for name, expression in classes().items()
    }
