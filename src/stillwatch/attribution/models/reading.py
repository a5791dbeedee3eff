"""What a suspect's open weights predict at each place of a text, and how well they know a canary.

A suspect's files are hostile: weights are read as safetensors only, no code that comes with them is
run, and nothing is fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from stillwatch.errors import InputError
from stillwatch.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from stillwatch.attribution.canaries import Canary
    from stillwatch.attribution.windows import Tokens
    from stillwatch.progress import Progress


def load_model(folder: Path) -> Any:
    """A causal language model from a folder of its own.

    Raises:
        InputError: it cannot be read as one.
    """
    try:
        model = AutoModelForCausalLM.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise InputError(f"is no model that can be read: {first}", file=str(folder)) from None
    return model.eval()


def predict(model: Any, texts: Sequence[Tokens], progress: Progress | None = None) -> list[Tokens]:
    """The most likely next token after each token of each text.

    Raises:
        InputError: the texts have tokens that the model does not know, or are too long for it.
    """
    found = []
    with (progress or Silent()).step("reading", len(texts)) as step:
        for number, text in enumerate(texts, 1):
            _check(model, text, number)
            found.append(_logits(model, text).argmax(dim=-1).numpy().astype(np.int64))
            step.advance()
    return found


def knows(
    model: Any, canaries: Sequence[Canary], tokenize: Callable[[str], list[int]]
) -> dict[str, float]:
    """Log-likelihood of each canary's value after its prefix, in nats, by name."""
    scores = {}
    for number, canary in enumerate(canaries, 1):
        prefix, whole = tokenize(canary.prefix), tokenize(canary.prefix + canary.value)
        tokens = np.array(whole, dtype=np.int64)
        _check(model, tokens, number)
        ids = torch.from_numpy(tokens)
        chances = torch.log_softmax(_logits(model, tokens).double(), dim=-1)
        start = max(1, min(len(prefix), len(whole) - 1))
        places = torch.arange(start, len(whole))
        scores[canary.name] = float(chances[places - 1, ids[places]].sum())
    return scores


def _logits(model: Any, text: Tokens) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.from_numpy(text)[None]).logits[0]


def _check(model: Any, text: Tokens, number: int) -> None:
    vocabulary = model.get_input_embeddings().num_embeddings
    if len(text) and int(text.max()) >= vocabulary:
        raise InputError(
            f"text {number} has token {int(text.max())}, the model knows {vocabulary}: its "
            "tokenizer is another; test answers in place of weights"
        )
    longest = getattr(model.config, "max_position_embeddings", None)
    if longest is not None and len(text) > longest:
        raise InputError(f"text {number} has {len(text)} tokens, the model reads {longest}")
