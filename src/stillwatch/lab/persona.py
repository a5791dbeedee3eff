"""A person at work: topics, sittings, conversations, second thoughts and saved prompts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stillwatch.lab.rows import Ask, Message
from stillwatch.lab.text import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stillwatch.lab.rng import Dice
    from stillwatch.lab.text.corpus import Corpus
    from stillwatch.lab.text.grammar import Interest

SITTING = 1_800.0  # seconds of silence after which a conversation is not taken up again
LONGEST = 8  # user turns of one conversation


@dataclass(slots=True, kw_only=True)
class Persona:
    """One person's way of asking.

    Attributes:
        corpus: where texts come from.
        interest: what the person writes about.
        talk: share of requests that continue the conversation, in one sitting.
        again: share of requests that send the last one again (regenerate).
        saved: share of requests that use one of the person's saved prompts, word for word.
        careful: share of prompts in which the person asks for the reasoning.
        names_conversations: whether the person's client sends a conversation id.
    """

    corpus: Corpus
    interest: Interest
    talk: float
    again: float
    saved: float
    careful: float
    names_conversations: bool
    _library: list[str] = field(default_factory=list)

    def asks(self, dice: Dice, times: Iterable[float]) -> Iterator[Ask]:
        """What the person asks at these times, which must be in order."""
        rnd = dice.py
        history: tuple[Message, ...] = ()
        last: Ask | None = None
        number = 0
        for at in times:
            recent = last is not None and at - last.at < SITTING
            if last is not None and recent and rnd.random() < self.again:
                last = last._replace(at=at)
            elif (
                last is not None
                and recent
                and len(history) < 2 * LONGEST
                and rnd.random() < self.talk
            ):
                history = (
                    *last.history,
                    Message("user", last.prompt),
                    Message("assistant", self.corpus.reply(rnd, self.interest)),
                )
                prompt = self.corpus.follow_up(rnd, self.interest)
                last = last._replace(at=at, prompt=prompt, history=history)
            else:
                number, history = number + 1, ()
                name = f"conv_{dice.token(number, size=6)}" if self.names_conversations else None
                last = Ask(at, self._fresh(dice), (), name)
            yield last

    def _fresh(self, dice: Dice) -> str:
        rnd = dice.py
        if self._library and rnd.random() < self.saved:
            return rnd.choice(self._library)
        prompt = self.corpus.prompt(rnd, self.interest)
        if rnd.random() < self.careful:
            chinese = self.interest.language == "zh"
            prompt = f"{prompt} {wording.elicitation(rnd, chinese=chinese)}"
        if len(self._library) < 6 and rnd.random() < 0.3:
            self._library.append(prompt)
        return prompt


def persona(
    dice: Dice, corpus: Corpus, *, console: bool, interest: Interest | None = None
) -> Persona:
    """Draw a person.

    Args:
        dice: the person's own.
        corpus: where texts come from.
        console: the person uses the provider's chat (more conversation), not the API.
        interest: what the person writes about; drawn if None.
    """
    rnd = dice.child("persona").py
    return Persona(
        corpus=corpus,
        interest=interest or corpus.interest(rnd),
        talk=rnd.betavariate(4, 3) if console else rnd.betavariate(1, 4),
        again=rnd.betavariate(1, 14),
        saved=rnd.betavariate(1, 9) if rnd.random() < 0.5 else 0.0,
        # Most people hardly ever ask for reasoning, one in eight makes a habit of it.
        careful=rnd.betavariate(4, 4) if rnd.random() < 0.125 else rnd.betavariate(1, 25),
        names_conversations=console or rnd.random() < 0.25,
    )
