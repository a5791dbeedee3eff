from __future__ import annotations

from typing import TYPE_CHECKING

import numba

from stillwatch.sketch import jit

if TYPE_CHECKING:
    import pytest


def double(x: int) -> int:
    return 2 * x


def test_kernels_compile_where_nothing_can_be_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[dict[str, bool]] = []

    def without_a_cache(**options: bool) -> object:
        tried.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**options)

    monkeypatch.setattr(jit, "njit", without_a_cache)
    assert jit.kernel(double)(21) == 42
    assert [bool(options.get("cache")) for options in tried] == [True, False]
