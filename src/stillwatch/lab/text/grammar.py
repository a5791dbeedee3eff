"""A generator of prompts on thousands of invented topics, in several languages and scripts.

A topic is a domain's nouns together with names that exist nowhere else. People keep to a few topics
and to names of their own; a harvest draws from all topics. Nothing here is taken from real text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from stillwatch.lab.text import lexicon, phrases

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from stillwatch.lab.rng import Dice

N_TOPICS = 4_000
POPULARITY = 0.55  # exponent of the Zipf law of topics among people
FIRST_HAN = "\u4e00"
LANGUAGES = ("en", "zh", "es", "de", "ru")
LANGUAGE_SHARES = (0.62, 0.16, 0.09, 0.07, 0.06)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Nouns of a domain and names of the topic's own, in Latin, Chinese and Cyrillic script."""

    nouns: tuple[str, ...]
    nouns_zh: tuple[str, ...]
    names: tuple[str, ...]
    names_zh: tuple[str, ...]
    names_ru: tuple[str, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """What one person writes about.

    Attributes:
        topics: indices of the topics (of prompts, in a corpus of real text), most loved first.
        weights: cumulative weights of `topics`.
        language: the person's main language.
        names: names of the person's own: clients, projects, places.
        wordiness: mean number of sentences around the question.
    """

    topics: tuple[int, ...]
    weights: tuple[float, ...]
    language: str
    names: tuple[str, ...]
    wordiness: float


def latin_name(rnd: random.Random) -> str:
    """An invented name such as a company or a place could have."""
    parts = rnd.choice((2, 2, 3))
    name = "".join(rnd.choice(lexicon.ONSETS) + rnd.choice(lexicon.NUCLEI) for _ in range(parts))
    return (name + rnd.choice(lexicon.CODAS)).capitalize()


def _han_name(rnd: random.Random) -> str:
    tail = "".join(rnd.choice(lexicon.HAN_NEXT) for _ in range(rnd.choice((1, 2))))
    return rnd.choice(lexicon.HAN_FIRST) + tail


def _cyrillic_name(rnd: random.Random) -> str:
    return "".join(rnd.choice(lexicon.CYRILLIC) for _ in range(rnd.choice((2, 3)))).capitalize()


def _identifier(rnd: random.Random, nouns: Sequence[str]) -> str:
    noun = rnd.choice(nouns).replace("-", "_")
    return f"{rnd.choice(lexicon.CODE_VERBS)}_{latin_name(rnd).lower()}_{noun}"


def _latin_term(rnd: random.Random, nouns: Sequence[str]) -> str:
    pattern = rnd.randrange(4)
    if pattern == 0:
        return latin_name(rnd)
    if pattern == 1:
        return f"{latin_name(rnd)} {rnd.choice(nouns)}"
    if pattern == 2:
        return f"{latin_name(rnd)[:3].upper()}-{rnd.randrange(10, 1000)}"
    return f"the {latin_name(rnd)} {latin_name(rnd)}"


class Grammar:
    """The generator; see the module.

    Args:
        dice: the invented topics are the same for the same dice.
    """

    def __init__(self, dice: Dice) -> None:
        self._domains = tuple(
            (tuple(en.split()), tuple(zh.split())) for en, zh in lexicon.DOMAINS.values()
        )
        self._dice = dice
        self._topic = lru_cache(maxsize=N_TOPICS)(self._make_topic)
        shares = [(rank + 1) ** -POPULARITY for rank in range(N_TOPICS)]
        self._popular = _cumulative(shares)

    def _make_topic(self, number: int) -> Topic:
        rnd = self._dice.child("topic", number).py
        nouns, nouns_zh = self._domains[number % len(self._domains)]
        return Topic(
            nouns=tuple(rnd.sample(nouns, 8)),
            nouns_zh=tuple(rnd.sample(nouns_zh, 6)),
            names=tuple(_latin_term(rnd, nouns) for _ in range(9)),
            names_zh=tuple(_han_name(rnd) for _ in range(7)),
            names_ru=tuple(_cyrillic_name(rnd) for _ in range(6)),
            codes=tuple(_identifier(rnd, nouns) for _ in range(4)),
        )

    def interest(self, rnd: random.Random, *, topics: int | None = None) -> Interest:
        """Draw a person's topics (2 to 5 if not given), names, language and wordiness."""
        count = topics or rnd.choice((2, 3, 3, 4, 5))
        chosen = tuple(rnd.choices(range(N_TOPICS), cum_weights=self._popular, k=count))
        weights = _cumulative([rnd.expovariate(1.0) + 0.1 for _ in chosen])
        language = rnd.choices(LANGUAGES, LANGUAGE_SHARES)[0]
        invent = {"zh": _han_name, "ru": _cyrillic_name}.get(language, latin_name)
        return Interest(
            topics=chosen,
            weights=tuple(weights),
            language=language,
            names=tuple(invent(rnd) for _ in range(rnd.randrange(3, 9))),
            wordiness=rnd.choice((0.3, 1.0, 2.0, 3.5)),
        )

    def prompt(self, rnd: random.Random, interest: Interest) -> str:
        """One prompt of a person, on one of the person's topics."""
        topic = self._topic(rnd.choices(interest.topics, cum_weights=interest.weights)[0])
        language = interest.language if rnd.random() < 0.9 else "en"
        return self._compose(rnd, topic, language, interest.names, interest.wordiness)

    def follow_up(self, rnd: random.Random, interest: Interest) -> str:
        """A later turn of a conversation of the person."""
        topic = self._topic(rnd.choices(interest.topics, cum_weights=interest.weights)[0])
        language = interest.language
        pattern = rnd.choice(phrases.FOLLOW_UPS[language])
        return _fill(rnd, pattern, topic, language, interest.names)

    def aside(self, rnd: random.Random, interest: Interest) -> str:
        """A sentence about the person's own affairs, to stand beside a question."""
        topic = self._topic(rnd.choice(interest.topics) % N_TOPICS)
        patterns = phrases.CONTEXTS[interest.language] + phrases.OPENERS[interest.language]
        return _fill(rnd, rnd.choice(patterns), topic, interest.language, interest.names)

    def reply(self, rnd: random.Random, interest: Interest | None = None) -> str:
        """What the model answered, in one or a few sentences."""
        number = rnd.choice(interest.topics) if interest else rnd.randrange(N_TOPICS)
        topic = self._topic(number % N_TOPICS)
        return " ".join(
            _fill(rnd, rnd.choice(phrases.REPLIES), topic, "en", topic.names)
            for _ in range(rnd.choice((1, 1, 2, 4)))
        )

    def item(self, rnd: random.Random) -> str:
        """A self-contained task on any topic at all, in any language: what a harvest asks."""
        topic = self._topic(rnd.randrange(N_TOPICS))
        language = rnd.choices(LANGUAGES, LANGUAGE_SHARES)[0]
        names = topic.names_zh if language == "zh" else topic.names
        return self._compose(rnd, topic, language, names, rnd.choice((0.0, 0.5, 1.5)), frame=False)

    def _compose(
        self,
        rnd: random.Random,
        topic: Topic,
        language: str,
        names: Sequence[str],
        wordiness: float,
        *,
        frame: bool = True,
    ) -> str:
        parts = [rnd.choice(phrases.ASKS[language])]
        sentences = min(8, int(rnd.expovariate(1 / wordiness))) if wordiness else 0
        background = [rnd.choice(phrases.CONTEXTS[language]) for _ in range(sentences)]
        parts = background + parts if rnd.random() < 0.5 else parts + background
        if frame and rnd.random() < 0.35:
            parts.insert(0, rnd.choice(phrases.OPENERS[language]))
        if rnd.random() < (0.35 if frame else 0.15):
            parts.append(rnd.choice(phrases.CLOSERS[language]))
        return " ".join(_ended(_fill(rnd, part, topic, language, names)) for part in parts)


def _cumulative(values: Sequence[float]) -> list[float]:
    total, out = 0.0, []
    for value in values:
        total += value
        out.append(total)
    return out


def _ended(sentence: str) -> str:
    if sentence[-1] in ".,:!?。？，！：":
        return sentence
    return f"{sentence}{'。' if sentence[-1] >= FIRST_HAN else '.'}"


def _fill(rnd: random.Random, pattern: str, topic: Topic, language: str, own: Sequence[str]) -> str:
    nouns = topic.nouns_zh if language == "zh" else topic.nouns
    names = {"zh": topic.names_zh, "ru": topic.names_ru}.get(language, topic.names)
    n = len(nouns)
    first = rnd.randrange(n)
    name = rnd.randrange(len(names))
    return pattern.format(
        n=nouns[first],
        m=nouns[(first + 1 + rnd.randrange(n - 1)) % n],
        t=names[name],
        u=names[(name + 1 + rnd.randrange(len(names) - 1)) % len(names)],
        o=rnd.choice(own),
        k=rnd.randrange(2, 400),
        q=rnd.randrange(2, 90),
        c=rnd.choice(topic.codes),
        x=rnd.choice(lexicon.UNITS),
        d=rnd.choice(lexicon.MONTHS),
    )
