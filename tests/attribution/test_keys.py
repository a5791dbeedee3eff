from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from stillwatch.attribution import redgreen
from stillwatch.attribution.keys import Mark, MarkKey
from stillwatch.errors import InputError, UsageError

from .conftest import SECRET, key_of

if TYPE_CHECKING:
    from pathlib import Path

MARK = Mark(epoch="2026-11")


@pytest.mark.parametrize(
    "other",
    [
        replace(MARK, epoch="2026-12"),
        replace(MARK, scheme="synthid"),
        replace(MARK, context=3),
        replace(MARK, green=0.5),
        replace(MARK, bias=1.0),
    ],
)
def test_each_epoch_and_each_way_to_mark_has_a_key_of_its_own(other: Mark) -> None:
    assert MarkKey.derive(SECRET, MARK) == MarkKey.derive(SECRET, MARK)
    assert MarkKey.derive(SECRET, other).secret != MarkKey.derive(SECRET, MARK).secret
    assert MarkKey.derive(SECRET, other).commitment != MarkKey.derive(SECRET, MARK).commitment


def test_a_commitment_binds_to_key_and_parameters() -> None:
    key = MarkKey.derive(SECRET, MARK)
    assert MarkKey(MARK, key.secret).commitment == key.commitment
    assert MarkKey(MARK, b"\x00" * 32).commitment != key.commitment
    assert MarkKey(replace(MARK, bias=1.5), key.secret).commitment != key.commitment


def test_no_representation_shows_a_key() -> None:
    key = key_of("2026-11")
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)


def test_decoys_differ_from_the_key_and_from_each_other() -> None:
    key = key_of("2026-11")
    secrets = {key.secret, *(key.decoy(i).secret for i in range(200))}
    assert len(secrets) == 201
    assert key.decoy(5) == key.decoy(5)


def test_words_are_uniform_and_of_one_purpose() -> None:
    key = key_of("2026-11")
    words = key.words("a", 900)
    bits = np.unpackbits(words.view(np.uint8)).mean()
    assert bits == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(900 * 64))
    assert not np.isin(key.words("b", 900), words).any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"scheme": "caesar"},
        {"context": 0},
        {"green": 1.0},
        {"bias": 0.0},
        {"depth": 61},
        {"epoch": ""},
        {"epoch": "a\x1b[2J"},
    ],
)
def test_what_makes_no_mark_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Mark(**({"epoch": "e"} | wrong))


def test_parameters_come_back() -> None:
    for mark in (MARK, replace(MARK, scheme="synthid", depth=12)):
        assert Mark.of(mark.parameters) == mark
    with pytest.raises(UsageError):
        Mark.of({"epoch": "e", "colour": "red"})


def test_green_is_the_share_that_was_asked_for_and_hangs_on_context_and_key() -> None:
    vocabulary = np.arange(50_000)[None, :]
    contexts = np.array([[1, 2], [2, 1], [1, 3]])
    green = redgreen.green(redgreen.seeds(contexts, key_of("a"))[:, None], vocabulary, 0.25)
    other = redgreen.green(redgreen.seeds(contexts[:1], key_of("b"))[:, None], vocabulary, 0.25)
    bound = 4 * np.sqrt(0.25 * 0.75 / 50_000)
    assert np.abs(green.mean(axis=1) - 0.25).max() < bound
    for one, two in ((green[0], green[1]), (green[0], green[2]), (green[0], other[0])):
        assert (one & two).mean() == pytest.approx(0.0625, abs=4 * np.sqrt(0.0625 / 50_000))


def test_an_exported_key_comes_back_and_is_closed_to_others(tmp_path: Path) -> None:
    key, path = key_of("2026-11"), tmp_path / "key.json"
    key.export(path)
    assert MarkKey.read(path) == key
    path.chmod(0o644)
    with pytest.raises(InputError, match="open to other users"):
        MarkKey.read(path)
    key.export(path)  # closes what was open
    assert MarkKey.read(path) == key
    path.write_bytes(b'{"epoch":"2026-11"}')
    path.chmod(0o600)
    with pytest.raises(InputError, match="no exported key"):
        MarkKey.read(path)
    path.write_bytes(b"[]")
    with pytest.raises(InputError, match="no exported key"):
        MarkKey.read(path)
