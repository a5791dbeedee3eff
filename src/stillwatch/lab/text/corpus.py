"""Where the texts of a simulation come from: the grammar alone, or a file of real prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stillwatch.lab.text.grammar import Grammar, Interest

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from stillwatch.lab.rng import Dice

BENCHMARKS = ("arrow", "basalt", "cobalt")
"""Public benchmarks of the simulated world: everyone can download them, labs and operators too."""

BENCHMARK_SIZE = 1_200
PUBLIC_SHARE = 0.15
"""Share of a harvest that is taken from public benchmarks."""


class Corpus(Protocol):
    """Texts for people, for harvests, for benchmarks and for labelling."""

    def interest(self, rnd: random.Random, *, topics: int | None = None) -> Interest:
        """Draw what one person writes about."""

    def prompt(self, rnd: random.Random, interest: Interest) -> str:
        """One prompt of that person."""

    def follow_up(self, rnd: random.Random, interest: Interest) -> str:
        """A later turn of a conversation of that person."""

    def reply(self, rnd: random.Random, interest: Interest | None = None) -> str:
        """What the model answered."""

    def queue(self, dice: Dice, count: int, *, plain: bool) -> Sequence[str]:
        """`count` tasks in random order that no two of are equal: an operator's work queue.

        Args:
            dice: names the queue.
            count: how many.
            plain: leave out tasks that carry somebody's template already.
        """

    def benchmark(self, name: str) -> Sequence[str]:
        """The questions of a public benchmark, in their published order."""

    def record(self, rnd: random.Random, interest: Interest) -> str:
        """A text that a labelling customer wants classified, such as a review or a ticket."""


class OwnText:
    """Texts from the grammar.

    Args:
        dice: the same dice invent the same topics and benchmarks.
    """

    def __init__(self, dice: Dice) -> None:
        self.grammar = Grammar(dice)
        self._dice = dice
        self._benchmarks: dict[str, list[str]] = {}

    def interest(self, rnd: random.Random, *, topics: int | None = None) -> Interest:
        """See `Corpus`."""
        return self.grammar.interest(rnd, topics=topics)

    def prompt(self, rnd: random.Random, interest: Interest) -> str:
        """See `Corpus`."""
        return self.grammar.prompt(rnd, interest)

    def follow_up(self, rnd: random.Random, interest: Interest) -> str:
        """See `Corpus`."""
        return self.grammar.follow_up(rnd, interest)

    def reply(self, rnd: random.Random, interest: Interest | None = None) -> str:
        """See `Corpus`."""
        return self.grammar.reply(rnd, interest)

    def queue(self, dice: Dice, count: int, *, plain: bool) -> Sequence[str]:  # noqa: ARG002
        """See `Corpus`; the grammar's tasks carry no template."""
        rnd = dice.py
        public = [text for name in BENCHMARKS for text in self.benchmark(name)]
        items = dict.fromkeys(rnd.sample(public, min(len(public), int(PUBLIC_SHARE * count))))
        while len(items) < count:
            items.setdefault(self.grammar.item(rnd))
        order = list(items)
        rnd.shuffle(order)
        return order

    def benchmark(self, name: str) -> Sequence[str]:
        """See `Corpus`; every second question offers options."""
        if name not in self._benchmarks:
            rnd = self._dice.child("benchmark", name).py
            self._benchmarks[name] = [self._question(rnd) for _ in range(BENCHMARK_SIZE)]
        return self._benchmarks[name]

    def _question(self, rnd: random.Random) -> str:
        stem = self.grammar.item(rnd)
        if rnd.random() < 0.5:
            return stem
        options = "\n".join(f"{letter}) {self.grammar.reply(rnd)}" for letter in "ABCD")
        return f"{stem}\n{options}"

    def record(self, rnd: random.Random, interest: Interest) -> str:
        """See `Corpus`."""
        return " ".join(self.reply(rnd, interest) for _ in range(rnd.choice((1, 2, 3))))
