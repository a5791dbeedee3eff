"""Prompts, and what suspects made of them, as JSON Lines.

    {"text": [5, 17, 2, ...]}                              to be read by open weights
    {"prompt": [5, 17, 2, ...]}                            to be answered
    {"text": [5, 17, ...], "predicted": [9, 2, ...]}       what weights predicted at each place
    {"prompt": [5, 17, ...], "answer": [8, 8, ...]}        what came back

Numbers are token ids of the model that marks. Where a tokenizer is at hand they may be texts, but
for `predicted`, which has one token for each token of the text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from stillwatch.attribution.records import parse_records
from stillwatch.errors import InputError
from stillwatch.evidence.canonical import digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stillwatch.attribution.windows import Tokens

Mode = Literal["reading", "samples"]
READING: Mode = "reading"
SAMPLES: Mode = "samples"
Tokenize = Callable[[str], list[int]]

Text = str | list[int]
_LARGEST_TOKEN = 2**31


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    text: Text | None = None
    predicted: list[int] | None = None
    prompt: Text | None = None
    answer: Text | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """Lines of a file.

    Attributes:
        shown: what the suspect was shown, token ids of each line.
        given: what it gave back; empty for a file of prompts.
        digest: SHA-256 of the file.
    """

    shown: list[Tokens]
    given: list[Tokens]
    digest: str

    @property
    def shown_digest(self) -> str:
        """SHA-256 over what was shown, as a JSON list of lists without spaces."""
        return digest(msgspec.json.encode([tokens.tolist() for tokens in self.shown]))


def read_prompts(path: Path, tokenize: Tokenize | None = None) -> tuple[Mode, Observed]:
    """Read a file of prompts; its first line says what they are for.

    Raises:
        InputError: a line is no prompt, or there is none.
    """
    data = path.read_bytes()
    lines = parse_records(data, _Line, file=str(path))
    mode: Mode = READING if lines[0].text is not None else SAMPLES
    shown = []
    for number, line in enumerate(lines, 1):
        wanted, other = (line.text, line.prompt) if mode == READING else (line.prompt, line.text)
        if wanted is None or other is not None or line.predicted or line.answer:
            field = "text" if mode == READING else "prompt"
            raise InputError(f"the line must have {field!r} alone", file=str(path), line=number)
        shown.append(_tokens(wanted, tokenize, path, number))
    return mode, Observed(shown, [], digest(data))


def read_observed(path: Path, mode: Mode, tokenize: Tokenize | None = None) -> Observed:
    """Read what a suspect made of the prompts.

    Raises:
        InputError: a line is not what the mode needs, or there is none.
    """
    data = path.read_bytes()
    shown, given = [], []
    for number, line in enumerate(parse_records(data, _Line, file=str(path)), 1):
        first, second = (
            (line.text, line.predicted) if mode == READING else (line.prompt, line.answer)
        )
        if first is None or second is None:
            names = "'text' and 'predicted'" if mode == READING else "'prompt' and 'answer'"
            raise InputError(f"the line needs {names}", file=str(path), line=number)
        before, after = (_tokens(part, tokenize, path, number) for part in (first, second))
        if mode == READING and len(before) != len(after):
            raise InputError(
                f"{len(after)} predictions for {len(before)} tokens", file=str(path), line=number
            )
        shown.append(before)
        given.append(after)
    return Observed(shown, given, digest(data))


def check_complete(observed: Observed, prompts: Observed, answers: int, path: Path) -> None:
    """Insist that every registered prompt was used as often as registered, and no other.

    Raises:
        InputError: some are missing, were used too often, were never registered, or stand in
            another order (which window counts hangs on it).
    """
    wanted = Counter(tokens.tobytes() for tokens in prompts.shown)
    wanted = Counter({prompt: count * answers for prompt, count in wanted.items()})
    found = Counter(tokens.tobytes() for tokens in observed.shown)
    missing, surplus = (wanted - found).total(), (found - wanted).total()
    if missing or surplus:
        raise InputError(
            f"not the registered prompts: {missing:,} answers are missing and {surplus:,} were "
            "not registered; leaving out what does not fit would make the p-value worthless",
            file=str(path),
        )
    if answers == 1 and observed.shown_digest != prompts.shown_digest:
        raise InputError("the lines are not in the order of the prompts", file=str(path))


def write_lines(path: Path, lines: Sequence[dict[str, list[int]]]) -> None:
    """Write JSON Lines."""
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def _tokens(value: Text, tokenize: Tokenize | None, path: Path, line: int) -> Tokens:
    if isinstance(value, str):
        if tokenize is None:
            raise InputError(
                "texts need the marking model's tokenizer: name it with --tokenizer",
                file=str(path),
                line=line,
            )
        value = tokenize(value)
    if any(not 0 <= token < _LARGEST_TOKEN for token in value):
        raise InputError("a token id is out of range", file=str(path), line=line)
    return np.array(value, dtype=np.int64)
