from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from stillwatch.attribution.canaries import (
    canary_test,
    lot_digest,
    make_canaries,
    read_canaries,
    read_scores,
    write_canaries,
)
from stillwatch.errors import InputError, UsageError

from .conftest import key_of

if TYPE_CHECKING:
    from pathlib import Path


def test_canaries_are_unique_and_the_key_draws_the_lot() -> None:
    canaries = make_canaries(key_of("a"))
    assert len({c.text for c in canaries}) == len({c.value for c in canaries}) == 1_016
    assert sum(c.served for c in canaries) == 16
    assert canaries == make_canaries(key_of("a"))
    other = make_canaries(key_of("b"))
    assert not {c.value for c in canaries} & {c.value for c in other}
    assert lot_digest(canaries) != lot_digest(other)


def test_a_suspect_that_learned_half_of_them_is_found() -> None:
    canaries = make_canaries(key_of("a"), served=12, unused=300)
    rng = np.random.default_rng(0)
    scores = {c.name: rng.normal(-30, 3) for c in canaries}
    for canary in [c for c in canaries if c.served][::2]:
        scores[canary.name] += 20
    found = canary_test(canaries, scores)
    assert found.p < 0.01
    assert found.best == pytest.approx(np.log2(301))


def test_p_values_of_the_innocent_are_uniform_with_ties_too() -> None:
    rng = np.random.default_rng(1)
    p = []
    for draw in range(300):
        canaries = make_canaries(key_of(f"lot {draw}"), served=4, unused=40)
        scores = {c.name: float(rng.integers(12)) for c in canaries}
        p.append(canary_test(canaries, scores).p)
    counts = [(np.array(p) <= level).sum() for level in (0.05, 0.2, 0.5)]
    # an exact test with ties keeps its level; the bounds are 99.9 % of binomials with 300 draws
    most = [int(stats.binom.ppf(0.999, 300, level)) for level in (0.05, 0.2, 0.5)]
    assert all(count <= bound for count, bound in zip(counts, most, strict=True))
    assert counts[2] > 110


def test_all_canaries_have_to_be_scored() -> None:
    canaries = make_canaries(key_of("a"), served=2, unused=20)
    scores = {c.name: 0.0 for c in canaries}
    assert canary_test(canaries, scores).p == 1
    with pytest.raises(UsageError, match="1 canaries have no score"):
        canary_test(canaries, {k: v for k, v in scores.items() if k != "canary-0003"})
    with pytest.raises(UsageError, match="canary-0004"):
        canary_test(canaries, scores | {"canary-0004": float("nan")})
    with pytest.raises(UsageError, match="served"):
        make_canaries(key_of("a"), served=0)


def test_files_come_back_and_are_closed_to_others(tmp_path: Path) -> None:
    canaries = make_canaries(key_of("a"), served=2, unused=20)
    path = tmp_path / "canaries.jsonl"
    write_canaries(path, canaries)
    assert read_canaries(path) == canaries
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text('{"name":"a","score":1}\n{"name":"a","score":2}\n')
    with pytest.raises(InputError, match=r":2: 'a' has two scores"):
        read_scores(path)
    path.write_text('{"name":"a"}\n')
    with pytest.raises(InputError, match=":1: "):
        read_scores(path)
    path.write_text("")
    with pytest.raises(InputError, match="empty"):
        read_scores(path)
