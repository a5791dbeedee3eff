"""A real test for a real mark: red-green lists over words (Kirchenbauer et al. 2023)."""

from __future__ import annotations

import hashlib
import random
from importlib.metadata import EntryPoint, EntryPoints
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from stillwatch.errors import InputError, UsageError
from stillwatch.provenance import watermarks
from stillwatch.provenance.rows import Origin
from stillwatch.provenance.tracing import trace
from stillwatch.provenance.watermarks import open_watermark

from .writing import texts, write_jsonl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

WORDS = sorted({word.lower() for text in texts(60) for word in text.split() if word.isalpha()})


def green(key: bytes, before: str, word: str) -> bool:
    digest = hashlib.blake2b(f"{before} {word}".encode(), key=key, digest_size=1).digest()
    return digest[0] < 128


class RedGreen:
    """Counts green words; a pair of words counts once, and half of them are green by chance."""

    def __init__(self, file: Path) -> None:
        self._key = file.read_bytes()

    def p_values(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return np.array([self._p(text.lower().split()) for text in texts])

    def _p(self, words: list[str]) -> float:
        pairs = set(pairwise(words))
        found = sum(green(self._key, *pair) for pair in pairs)
        return float(stats.binom.sf(found - 1, len(pairs), 0.5)) if pairs else 1.0


def write_marked(key: bytes, length: int, dice: random.Random) -> str:
    """A text whose every word is the green one of two where there is one."""
    said = [dice.choice(WORDS)]
    while len(said) < length:
        choice = dice.sample(WORDS, 2)
        said.append(next((w for w in choice if green(key, said[-1], w)), choice[0]))
    return " ".join(said)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("red-green", f"{__name__}:RedGreen", watermarks.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda _: RedGreen)
    monkeypatch.setattr(watermarks, "entry_points", lambda group: EntryPoints([point]))


@pytest.mark.usefixtures("installed")
def test_marked_rows_are_the_models_and_others_stay_unknown(tmp_path: Path) -> None:
    key, other = tmp_path / "key", tmp_path / "other"
    key.write_bytes(b"k" * 32)
    other.write_bytes(b"o" * 32)
    dice = random.Random(0)
    marked = [write_marked(key.read_bytes(), 240, dice) for _ in range(30)]
    plain = [" ".join(dice.choices(WORDS, k=240)) for _ in range(300)]
    path = write_jsonl(
        tmp_path / "a.jsonl",
        [{"text": t, "source": "marked"} for t in marked]
        + [{"text": t, "source": "plain"} for t in plain],
    )
    found = {s.name: s for s in trace(path, watermarks=[f"red-green={key}"]).sources}
    assert found["marked"].bases == {"generated: watermark red-green": 30}
    # a text of chance convinces with p < 3e-6: none of 330 does, but for once in a thousand seeds
    assert found["plain"].verdicts == {Origin.UNKNOWN: 300}
    wrong = trace(path, watermarks=[f"red-green={other}"]).total
    assert wrong.verdicts == {Origin.UNKNOWN: 330}


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="NAME=KEYFILE"):
        open_watermark("red-green")
    with pytest.raises(UsageError, match="none is installed"):
        open_watermark(f"red-green={tmp_path}")


@pytest.mark.usefixtures("installed")
def test_missing_key_and_unknown_test_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such key file"):
        open_watermark(f"red-green={tmp_path / 'key'}")
    with pytest.raises(UsageError, match="there are red-green"):
        open_watermark(f"blue={tmp_path / 'key'}")
