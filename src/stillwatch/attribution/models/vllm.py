r"""The red-green mark inside vLLM, by its v1 interface for logits processors.

    VLLM_USE_V2_MODEL_RUNNER=0 STILLWATCH_MARK_EXPORT=key.json vllm serve MODEL \\
        --logits-processors stillwatch.attribution.models.vllm:RedGreenV1

A request is marked whose `vllm_xargs` has `stillwatch_mark` set to 1, as the guard's
`VllmMiddleware` sets it for restricted requests; others are left alone. Model runner V2, which vLLM
takes on a GPU, has another interface: set VLLM_USE_V2_MODEL_RUNNER=0. What was checked in which
release is in docs/attribution.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vllm.v1.sample.logits_processor import LogitsProcessor, MoveDirectionality

from stillwatch.attribution.keys import RED_GREEN, MarkKey
from stillwatch.attribution.models.marking import raise_green
from stillwatch.errors import UsageError
from stillwatch.guard.restrict import WATERMARK_ARGUMENT

if TYPE_CHECKING:
    import torch

EXPORT = "STILLWATCH_MARK_EXPORT"
"""Names the file that `stillwatch attribute key --export` wrote."""


class RedGreenV1(LogitsProcessor):  # type: ignore[misc]
    """Marks the rows of requests that ask for it; see vLLM's `LogitsProcessor`.

    Raises:
        UsageError: no key is named, or one of another scheme.
    """

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Refuse a wish that is none.

        Raises:
            ValueError: the argument is neither 0 nor 1.
        """
        if _wish(sampling_params) not in (None, 0, 1, "0", "1"):
            raise ValueError(f"{WATERMARK_ARGUMENT} is 0 or 1")

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:  # noqa: ARG002
        named = os.environ.get(EXPORT)
        if not named:
            raise UsageError(f"{EXPORT} must name the key: stillwatch attribute key --export FILE")
        self._key = MarkKey.read(Path(named))
        if self._key.mark.scheme != RED_GREEN:
            raise UsageError(f"vLLM marks by {RED_GREEN}, the key is for {self._key.mark.scheme}")
        self._marked: dict[int, tuple[list[int], list[int]]] = {}

    def is_argmax_invariant(self) -> bool:
        """No: a raised token can become the most likely."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow requests that come, go and move; their output lists grow by themselves."""
        if batch_update is None:
            return
        for row in batch_update.removed:
            self._marked.pop(row, None)
        for row, params, prompt, output in batch_update.added:
            self._marked.pop(row, None)
            if _wish(params) in (1, "1"):
                self._marked[row] = (list(prompt or ()), output)
        for start, end, direction in batch_update.moved:
            here, there = self._marked.pop(start, None), self._marked.pop(end, None)
            if here is not None:
                self._marked[end] = here
            if direction == MoveDirectionality.SWAP and there is not None:
                self._marked[start] = there

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Raise green tokens in the marked rows, in place."""
        width = self._key.mark.context
        for row, (prompt, output) in self._marked.items():
            tail = output[-width:]
            if len(tail) < width:
                tail = (prompt + tail)[-width:]
            raise_green(logits[row], tail, self._key)
        return logits


def _wish(params: Any) -> Any:
    return (params.extra_args or {}).get(WATERMARK_ARGUMENT)
