"""What a harvest asks: a queue of tasks, and the words around each."""

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


def work_queue(
    dice: Dice, corpus: Corpus, count: int, *, resampled: float, plain: bool
) -> Iterator[str]:
    """The tasks of a harvest in the order in which they are sent.

    Args:
        dice: the queue's own.
        corpus: where tasks come from.
        count: how many are sent.
        resampled: share of them that were sent before (the operator wants a second answer).
        plain: leave out tasks that carry somebody's template.
    """
    rnd = dice.child("resample").py
    again = [n > 0 and rnd.random() < resampled for n in range(count)]
    fresh = corpus.queue(dice.child("tasks"), count - sum(again), plain=plain)
    used = 0
    for repeat in again:
        if repeat:
            yield fresh[rnd.randrange(used)]
        else:
            used += 1
            yield fresh[used - 1]


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


def voice(rnd: random.Random, kind: Wording, task: Task, *, brief: bool, templates: int) -> Voice:
    """Draw a voice; accounts that share a script share its voice."""
    many = 1 if kind == "fixed" else templates
    return Voice(
        wording=kind,
        task=task,
        brief=brief,
        wrappers=[wording.wrapper(rnd, brief=brief) for _ in range(many)],
        rubrics=[wording.rubric(rnd) for _ in range(many)],
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
