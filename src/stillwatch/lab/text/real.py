"""Real prompts, for measuring: who asks them and in what order is still the simulation's choice.

Prompts that share an uncommon word form a topic. A person draws from a few topics and adds names of
their own; a harvest draws from the whole pool. A prompt's `kind` decides only whether a harvest may
use it. Texts of the file are split once between people and harvests, because the same sentence from
a stranger and from a campaign is rare in a real log; public benchmarks stay open to both.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.lab.text.corpus import BENCHMARK_SIZE, PUBLIC_SHARE, OwnText
from stillwatch.lab.text.grammar import Interest

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from stillwatch.lab.rng import Dice

HARVEST_KINDS = ("distill", "cot_style")
PUBLIC_KIND = "hardneg"
HARVEST_SHARE = 0.6  # of the texts of harvest kinds; people ask the rest
LONGEST = 6_000  # characters of a prompt that are kept
TEMPLATED = 0.5  # share of a source's prompts with a head that 20 others have: it is a pipeline's
TOPIC_SIZES = (8, 400)  # prompts that share a word: fewer are no topic, more are no particular one
_WORD = re.compile(r"[\u4e00-\u9fff]{2,}|[^\W\d_\u4e00-\u9fff]{3,}")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_SENTENCE = re.compile(r"(?<=[.!?])\s|\n|(?<=\u3002)")


class RealText(OwnText):
    """Texts from a Parquet file of real prompts, dressed with the grammar's invented names.

    Args:
        path: a file with `source`, `kind` (distill, cot_style, benign, hardneg) and `prompt`.
        dice: the same dice split the file in the same way.

    Raises:
        InputError: the file cannot be read, lacks a column, or has too few prompts.
    """

    def __init__(self, path: Path, dice: Dice) -> None:
        super().__init__(dice)
        sources, kinds, prompts = read_prompts(path)
        templated = self._templated = _templated_sources(sources, prompts)
        rnd = dice.child("split").py
        people: list[str] = []
        public: dict[str, list[str]] = defaultdict(list)
        self._tasks: list[str] = []
        self._plain: list[str] = []
        for source, kind, prompt in zip(sources, kinds, prompts, strict=True):
            if kind in HARVEST_KINDS and rnd.random() < HARVEST_SHARE:
                self._tasks.append(prompt)
                if source not in templated:
                    self._plain.append(prompt)
                continue
            if kind == PUBLIC_KIND:
                public[source].append(prompt)
            if source not in templated:
                people.append(prompt)
        self._public = {name: public[name] for name in sorted(public)}
        self._people = people
        self._topics = _topics(people)
        self._sizes = list(accumulate(map(len, self._topics)))
        if len(self._topics) < 2 or not self._plain or not self._public:
            message = "too few prompts, or no kind distill/cot_style or hardneg among them"
            raise InputError(message, file=str(path))

    def interest(self, rnd: random.Random, *, topics: int | None = None) -> Interest:
        """A person draws whole topics, more often large ones, and keeps to them."""
        invented = self.grammar.interest(rnd, topics=topics)
        numbers = range(len(self._topics))
        chosen = tuple(rnd.choices(numbers, cum_weights=self._sizes, k=len(invented.topics)))
        chinese = sum(bool(_HAN.search(self._people[self._topics[n][0]])) for n in chosen)
        return Interest(
            topics=chosen,
            weights=invented.weights,
            language="zh" if 2 * chinese > len(chosen) else "en",
            names=invented.names,
            wordiness=invented.wordiness,
        )

    def prompt(self, rnd: random.Random, interest: Interest) -> str:
        """A real prompt of one of the person's topics, mostly with something of their own."""
        text = self._one(rnd, interest)
        dressing = rnd.random()
        if dressing < 0.12:
            return text
        words = self.grammar.aside(rnd, interest)
        if dressing < 0.5:
            return f"{words} {text}"
        if dressing < 0.75:
            background = _SENTENCE.split(self._one(rnd, interest)[:400])[0]
            return f"{background}\n{text}"
        return f"{text} {words}"

    def _one(self, rnd: random.Random, interest: Interest) -> str:
        members = self._topics[rnd.choices(interest.topics, cum_weights=interest.weights)[0]]
        return self._people[rnd.choice(members)]

    def queue(self, dice: Dice, count: int, *, plain: bool) -> Sequence[str]:
        """A random part of the harvest's pool; when the pool is used up, the grammar goes on."""
        rnd = dice.py
        pool = list(dict.fromkeys(self._plain if plain else self._tasks))
        sources = [name for name in self._public if not plain or name not in self._templated]
        known = [text for name in sources for text in self._public[name]]
        wanted = min(int(PUBLIC_SHARE * count), len(known))
        public = rnd.sample(known, wanted)
        items = dict.fromkeys(public)
        items.update(dict.fromkeys(rnd.sample(pool, min(len(pool), count - len(items)))))
        while len(items) < count:
            items.setdefault(self.grammar.item(rnd))
        order = list(items)
        rnd.shuffle(order)
        return order

    def benchmark(self, name: str) -> Sequence[str]:
        """A public source of the file stands in for the benchmark of that name."""
        sources = list(self._public)
        return self._public[sources[sum(name.encode()) % len(sources)]][:BENCHMARK_SIZE]

    def record(self, rnd: random.Random, interest: Interest) -> str:
        """Texts of the customer's own topics, put together: there are fewer than a job needs."""
        parts = [self._one(rnd, interest)[:300] for _ in range(rnd.choice((1, 2, 3)))]
        return " ".join([*parts, self.grammar.aside(rnd, interest)])


def read_prompts(path: Path) -> tuple[list[str], list[str], list[str]]:
    """Source, kind and text of each prompt of a file.

    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    try:
        table = pq.read_table(path, columns=["source", "kind", "prompt"]).drop_null()
    except (OSError, pa.ArrowException) as error:
        message = f"not a table of prompts with columns source, kind, prompt ({error})"
        raise InputError(message, file=str(path)) from error
    prompts = [text.strip()[:LONGEST] for text in table["prompt"].to_pylist()]
    kept = [n for n, text in enumerate(prompts) if text]
    sources, kinds = table["source"].to_pylist(), table["kind"].to_pylist()
    return [sources[n] for n in kept], [kinds[n] for n in kept], [prompts[n] for n in kept]


def _templated_sources(sources: Sequence[str], prompts: Sequence[str]) -> set[str]:
    heads = [tuple(_WORD.findall(text[:120])[:4]) for text in prompts]
    common = Counter(zip(sources, heads, strict=True))
    size = Counter(sources)
    shared: Counter[str] = Counter()
    for (source, _), count in common.items():
        if count > 20:
            shared[source] += count
    return {source for source, count in shared.items() if count > TEMPLATED * size[source]}


def _topics(prompts: Sequence[str]) -> list[list[int]]:
    """Prompts by the commonest of their uncommon words; ties go to the alphabet."""
    words = [sorted(set(_terms(text[:400]))) for text in prompts]
    frequency = Counter(word for terms in words for word in terms)
    least, most = TOPIC_SIZES
    by_word: dict[str, list[int]] = defaultdict(list)
    for number, terms in enumerate(words):
        usable = [word for word in terms if least <= frequency[word] <= most]
        if usable:
            by_word[max(usable, key=lambda word: (frequency[word], word))].append(number)
    return [by_word[word] for word in sorted(by_word) if len(by_word[word]) >= least]


def _terms(text: str) -> Iterable[str]:
    words = _WORD.findall(text.lower())
    for word in words:
        if _HAN.match(word):
            yield from (word[n : n + 2] for n in range(len(word) - 1))
        else:
            yield word
