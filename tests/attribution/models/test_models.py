"""The checks beside this file, which need PyTorch, in one process of their own.

Every worker of a parallel run reads every test module, and importing PyTorch and transformers takes
seconds each time; so their modules are not named as tests, and one process imports them once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHECKS = ("marking.py", "reading.py", "vllm_v1.py")
IN_VLLM = "vllm_engine.py"


def test_checks_with_pytorch_pass() -> None:
    if any(find_spec(name) is None for name in ("torch", "transformers")):
        reason = "PyTorch is not installed: make .venv/torch.stamp"
        if os.environ.get("STILLWATCH_REQUIRE_BINARIES") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    run(*CHECKS)
    assert {p.name for p in HERE.glob("*.py")} == {
        *CHECKS, IN_VLLM, "__init__.py", "test_models.py",
    }  # fmt: skip


def test_checks_inside_vllm_pass() -> None:
    if find_spec("vllm") is None:
        pytest.skip("vLLM is not installed; docs/attribution.md says how to run this")
    run(IN_VLLM, "-W", "ignore")  # what it leaves open at the end


def run(*given: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
        + [str(HERE / one) if one.endswith(".py") else one for one in given],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTEST_ADDOPTS": ""},
        cwd=HERE.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
