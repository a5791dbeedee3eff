"""Says that the tests beside it do not run where PyTorch is missing, or fails for it."""

from __future__ import annotations

from importlib.util import find_spec


def test_pytorch_is_installed(torch_needed: None) -> None:
    assert find_spec("torch") is not None
