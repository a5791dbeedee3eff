"""Texts into the token ids of the model that marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.attribution.observed import Tokenize


def load_tokenizer(path: Path) -> Tokenize:
    """The tokenizer in a `tokenizer.json`, without the special tokens that it would add.

    Raises:
        InputError: it is none.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"is no tokenizer: {error}", file=str(path)) from None

    def tokenize(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    return tokenize
