"""How a harvest words its tasks, and how it dresses them as conversations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from stillwatch.lab.rows import Ask, Message
from stillwatch.lab.text import wording

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from stillwatch.lab.rng import Dice
    from stillwatch.lab.text.corpus import Corpus

Wording = Literal["fixed", "templates", "paraphrase", "bare"]
Task = Literal["reasoning", "grading"]
_HAN = re.compile(r"[\u4e00-\u9fff]{3}")
DRESSED_TURNS = 5  # tasks of one dressed conversation


@dataclass(slots=True, kw_only=True)
class Voice:
    """How one account words its tasks.

    Attributes:
        wording: what stays the same from task to task; see `Harvest.wording`.
        task: what is wanted.
        brief: short answers are wanted.
        wrappers: the account's templates, where it has any.
        rubrics: the account's grading templates.
    """

    wording: Wording
    task: Task
    brief: bool
    wrappers: list[tuple[str, str]]
    rubrics: list[tuple[str, str, str]]

    def say(self, rnd: random.Random, corpus: Corpus, task: str) -> str:
        """The prompt for one task."""
        if self.task == "grading":
            fresh = self.wording in ("paraphrase", "bare")
            head, middle, tail = wording.rubric(rnd) if fresh else rnd.choice(self.rubrics)
            return f"{head}{task}{middle.format(a=corpus.reply(rnd), b=corpus.reply(rnd))}{tail}"
        if self.wording in ("fixed", "templates"):
            head, tail = rnd.choice(self.wrappers)
            return f"{head}{task}{tail}"
        if self.wording == "bare":
            return task
        said = wording.elicitation(rnd, chinese=bool(_HAN.search(task)), brief=self.brief)
        return f"{said} {task}" if rnd.random() < 0.5 else f"{task}\n{said}"


class Script:
    """An operator's program: it gives each account its voice.

    Args:
        wording: see `Harvest.wording`.
        task: what is wanted.
        brief: short answers are wanted.
        templates: of each account.
        rnd: the operator's own.
        pool: templates that the operator wrote for all; 0 writes new ones for each account.
    """

    def __init__(
        self,
        *,
        wording: Wording,
        task: Task,
        brief: bool,
        templates: int,
        rnd: random.Random,
        pool: int,
    ) -> None:
        self._wording: Wording = wording
        self._task: Task = task
        self._brief, self._templates = brief, templates
        self._pool = [self._write(rnd) for _ in range(pool)]

    def _write(self, rnd: random.Random) -> tuple[tuple[str, str], tuple[str, str, str]]:
        return wording.wrapper(rnd, brief=self._brief), wording.rubric(rnd)

    def of_account(self, rnd: random.Random) -> Voice:
        """The voice of one account."""
        own = (
            rnd.sample(self._pool, min(self._templates, len(self._pool)))
            if self._pool
            else [self._write(rnd) for _ in range(self._templates)]
        )
        return Voice(
            wording=self._wording,
            task=self._task,
            brief=self._brief,
            wrappers=[wrapper for wrapper, _ in own],
            rubrics=[rubric for _, rubric in own],
        )


@dataclass(slots=True)
class Dressing:
    """Wraps one account's tasks into conversations with a beginning and small talk."""

    corpus: Corpus
    dice: Dice
    _number: int = 0
    _open: Ask | None = None
    _left: int = field(default=0)

    def wrap(self, at: float, prompt: str) -> Iterator[Ask]:
        """The requests that a task becomes: mostly one, with a greeting before where one starts."""
        rnd = self.dice.py
        if self._open is None or self._left == 0:
            self._number += 1
            self._left = rnd.randint(1, DRESSED_TURNS)
            small_talk = self.corpus.prompt(rnd, self.corpus.interest(rnd, topics=1))
            name = f"conv_{self.dice.token(self._number, size=6)}"
            self._open = Ask(max(0.0, at - rnd.uniform(20, 200)), small_talk, (), name)
            yield self._open
        said = Message("user", self._open.prompt)
        answered = Message("assistant", self.corpus.reply(rnd))
        history = (*self._open.history, said, answered)
        self._open = Ask(at, prompt, history, self._open.conversation)
        self._left -= 1
        yield self._open
