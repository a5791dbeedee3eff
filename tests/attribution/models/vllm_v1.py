"""The adapter for vLLM, with a stand-in for the interface that vLLM documents."""

from __future__ import annotations

import sys
from enum import Enum, auto
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from stillwatch.attribution.keys import Mark, MarkKey
from stillwatch.attribution.models.marking import RedGreen
from stillwatch.errors import UsageError

from ..conftest import SECRET, key_of

if TYPE_CHECKING:
    from pathlib import Path

KEY = key_of("2026-11")
ROWS, VOCABULARY = 4, 100


class MoveDirectionality(Enum):
    UNIDIRECTIONAL = auto()
    SWAP = auto()


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    interface = ModuleType("vllm.v1.sample.logits_processor")
    interface.LogitsProcessor = object  # type: ignore[attr-defined]
    interface.MoveDirectionality = MoveDirectionality  # type: ignore[attr-defined]
    for name in ("vllm", "vllm.v1", "vllm.v1.sample"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    monkeypatch.delitem(sys.modules, "stillwatch.attribution.models.vllm", raising=False)
    KEY.export(tmp_path / "key.json")
    monkeypatch.setenv("STILLWATCH_MARK_EXPORT", str(tmp_path / "key.json"))
    from stillwatch.attribution.models.vllm import RedGreenV1

    return RedGreenV1


def params(mark: Any = None) -> Any:
    return SimpleNamespace(extra_args=None if mark is None else {"stillwatch_mark": mark})


def batch(**changes: Any) -> Any:
    return SimpleNamespace(**({"removed": [], "added": [], "moved": []} | changes))


def marked_as(text: list[int]) -> torch.Tensor:
    return RedGreen(KEY)(torch.tensor([text]), torch.zeros(1, VOCABULARY))[0]


def test_requests_that_ask_are_marked_as_in_transformers(processor: Any) -> None:
    one = processor(None, "cpu", False)
    output: list[int] = []
    added = [
        (0, params(), [1, 2], []),
        (1, params(1), [3, 4, 5], output),
        (2, params("1"), None, []),
    ]
    one.update_state(batch(added=added))
    assert not one.is_argmax_invariant()
    logits = one.apply(torch.zeros(ROWS, VOCABULARY))
    assert not logits[[0, 2, 3]].any()  # the last has no context yet
    assert torch.equal(logits[1], marked_as([3, 4, 5]))
    output.append(9)
    one.update_state(None)
    assert torch.equal(one.apply(torch.zeros(ROWS, VOCABULARY))[1], marked_as([5, 9]))
    output.extend([8, 7])
    assert torch.equal(one.apply(torch.zeros(ROWS, VOCABULARY))[1], marked_as([8, 7]))


def test_marks_follow_requests_through_the_batch(processor: Any) -> None:
    one = processor(None, "cpu", False)
    one.update_state(batch(added=[(0, params(1), [1, 2], []), (1, params(1), [3, 4], [])]))
    one.update_state(batch(moved=[(0, 1, MoveDirectionality.SWAP)]))
    logits = one.apply(torch.zeros(ROWS, VOCABULARY))
    assert torch.equal(logits[0], marked_as([3, 4]))
    assert torch.equal(logits[1], marked_as([1, 2]))
    one.update_state(batch(removed=[0], moved=[(1, 0, MoveDirectionality.UNIDIRECTIONAL)]))
    logits = one.apply(torch.zeros(ROWS, VOCABULARY))
    assert torch.equal(logits[0], marked_as([1, 2]))
    assert not logits[1:].any()
    one.update_state(batch(added=[(0, params(), [1, 2], [])]))  # replaces, and does not ask
    assert not one.apply(torch.zeros(ROWS, VOCABULARY)).any()


def test_what_it_cannot_do_is_told(
    processor: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    processor.validate_params(params(1))
    with pytest.raises(ValueError, match="0 or 1"):
        processor.validate_params(params("yes"))
    MarkKey.derive(SECRET, Mark(epoch="e", scheme="synthid")).export(tmp_path / "key.json")
    with pytest.raises(UsageError, match="red-green"):
        processor(None, "cpu", False)
    monkeypatch.delenv("STILLWATCH_MARK_EXPORT")
    with pytest.raises(UsageError, match="must name the key"):
        processor(None, "cpu", False)
