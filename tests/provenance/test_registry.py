from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.provenance.registry import SIMILAR, Register, load, save, sketch
from stillwatch.provenance.rows import Origin
from stillwatch.sketch import SketchKey

from .writing import texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KEY = SketchKey(bytes(range(32)))
KNOWN = texts(150)


def register(known: Sequence[str] = KNOWN, key: SketchKey = KEY) -> Register:
    return Register.of("teacher", Origin.GENERATED, [sketch(pa.array(known), key)])


def found(rows: Sequence[str]) -> float:
    """Share of the rows that are near-duplicates of a known text."""
    similarity = register().similarity(sketch(pa.array(rows), KEY))
    return float((similarity > 0).mean())


def test_copies_are_found_and_new_texts_are_not() -> None:
    assert found(KNOWN) == 1.0
    assert found([text.upper() + "!" for text in KNOWN]) == 1.0
    assert found(texts(150, seed=1)) == 0.0


def test_edited_copies_are_found() -> None:
    dice = random.Random(0)
    cut = [" ".join(text.split()[: len(text.split()) * 4 // 5]) for text in KNOWN]
    dropped = [" ".join(w for w in text.split() if dice.random() > 0.1) for text in KNOWN]
    assert found(cut) > 0.9
    assert found(dropped) > 0.9


def test_similarity_is_that_of_the_text_most_like_it() -> None:
    rnd = random.Random(3)
    rows = [
        " ".join(rnd.choice(words) if rnd.random() < 0.02 * i else word for word in words)
        for i, words in enumerate(text.split() for text in KNOWN[:20])
    ]
    known, asked = register().sketches, sketch(pa.array(rows), KEY)
    expected = []
    for bands, tokens in zip(asked.bands, asked.tokens, strict=True):
        mine, best = set(tokens) - {0}, 0.0
        for other in known.tokens[(known.bands == bands).any(axis=1)]:
            theirs = set(other) - {0}
            best = max(best, len(mine & theirs) / max(len(mine), len(theirs)))
        expected.append(best if best >= SIMILAR else 0.0)
    similarity = register().similarity(asked).tolist()
    assert similarity == expected
    assert {0.0, 1.0} < set(similarity)


def test_short_texts_are_nobodys() -> None:
    short = ["Yes, that is right.", "The answer is 42."]
    assert len(register(short)) == 0
    assert not register(short).similarity(sketch(pa.array(short), KEY)).any()


def test_similarity_does_not_depend_on_the_batch() -> None:
    rows = [*KNOWN[:20], *texts(20, seed=2)]
    together = register().similarity(sketch(pa.array(rows), KEY))
    alone = [register().similarity(sketch(pa.array([row]), KEY))[0] for row in rows]
    np.testing.assert_array_equal(together, alone)


def test_register_is_kept_without_text_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "register"
    save(register(), KEY, path)
    back = load(path, KEY)
    assert (back.name, back.origin, len(back)) == ("teacher", Origin.GENERATED, len(KNOWN))
    np.testing.assert_array_equal(back.order, register().order)
    assert all(pa.types.is_integer(column.type.value_type) for column in pq.read_schema(path))


def test_empty_register_comes_back(tmp_path: Path) -> None:
    save(register(["too short"]), KEY, tmp_path / "r")
    assert len(load(tmp_path / "r", KEY)) == 0


def test_another_key_is_told_and_another_file_too(tmp_path: Path) -> None:
    save(register(), KEY, tmp_path / "r")
    with pytest.raises(InputError, match="another key"):
        load(tmp_path / "r", SketchKey(bytes(32)))
    pq.write_table(pa.table({"x": [1]}), tmp_path / "x")
    with pytest.raises(InputError, match="this is no register"):
        load(tmp_path / "x", KEY)
    (tmp_path / "y").write_text("text")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "y", KEY)
