"""Prompts as words: what `lab.text.grammar` spells out, put together without spelling.

Names of topics and people are made from their numbers each time they are used, so that any number
of topics costs no memory.
"""

from __future__ import annotations

import numpy as np

from stillwatch.lab.sketched.chance import below, draw, exponential, joined
from stillwatch.sketch.jit import kernel
from stillwatch.sketch.words import FNV_OFFSET, FNV_PRIME, IS_IDEOGRAPH

U = np.uint64
EN, ZH, RU = 0, 1, 4
ASKS, CONTEXTS, OPENERS, CLOSERS, FOLLOW_UPS, REPLIES = range(6)
NAMES, NAMES_ZH, NAMES_RU, CODES = 9, 7, 6, 4  # of a topic
NOUNS, NOUNS_ZH = 8, 6
MOST_SENTENCES = 8
_TOPIC, _ZH, _RU, _CODE, _OWN, _DOMAIN = U(1), U(2), U(3), U(4), U(5), U(6)
SHARED_NAMES = 2  # of a person's names, that people who work together have in common


@kernel
def say(terms, term, words, count):  # type: ignore[no-untyped-def]
    """Append a term's words."""
    for i in range(terms.starts[term], terms.starts[term + 1]):
        words.masked[count], words.exact[count] = terms.masked[i], terms.exact[i]
        words.flags[count], words.lengths[count] = terms.flags[i], terms.lengths[i]
        count += 1
    return count


@kernel
def _word(words, count, value, length, flags):  # type: ignore[no-untyped-def]
    words.masked[count], words.exact[count] = value, value
    words.flags[count], words.lengths[count] = flags, length
    return count + 1


@kernel
def _spell(parts, i, value, length):  # type: ignore[no-untyped-def]
    for j in range(parts.starts[i], parts.starts[i + 1]):
        value = (value ^ U(parts.codes[j])) * FNV_PRIME
        length += 1
    return value, length


@kernel
def _latin(v, s, words, count):  # type: ignore[no-untyped-def]
    value, length = FNV_OFFSET, 0
    syllables = 3 if below(s, 3) == 2 else 2
    for _ in range(syllables):
        value, length = _spell(v.onsets, below(s, v.onsets.starts.size - 1), value, length)
        value, length = _spell(v.nuclei, below(s, v.nuclei.starts.size - 1), value, length)
    value, length = _spell(v.codas, below(s, v.codas.starts.size - 1), value, length)
    return _word(words, count, value, length, 0)


@kernel
def _han(v, s, words, count):  # type: ignore[no-untyped-def]
    sign = v.han_first[below(s, v.han_first.size)]
    count = _word(words, count, (FNV_OFFSET ^ U(sign)) * FNV_PRIME, 1, IS_IDEOGRAPH)
    for _ in range(1 + below(s, 2)):
        sign = v.han_next[below(s, v.han_next.size)]
        count = _word(words, count, (FNV_OFFSET ^ U(sign)) * FNV_PRIME, 1, IS_IDEOGRAPH)
    return count


@kernel
def _cyrillic(v, s, words, count):  # type: ignore[no-untyped-def]
    value, length = FNV_OFFSET, 0
    for _ in range(2 + below(s, 2)):
        value, length = _spell(v.cyrillic, below(s, v.cyrillic.starts.size - 1), value, length)
    return _word(words, count, value, length, 0)


@kernel
def _noun(topic, i, table):  # type: ignore[no-untyped-def]
    domain = int(topic % U(table.shape[0]))
    h = joined(topic, _DOMAIN)
    step = 1 + 2 * int(h % U(2)) + 4 * int((h >> U(3)) % U(2)) * int(table.shape[1] == 16)
    return table[domain, (int((h >> U(8)) % U(table.shape[1])) + i * step) % table.shape[1]]


@kernel
def _latin_term(v, s, topic, words, count):  # type: ignore[no-untyped-def]
    pattern = below(s, 4)
    if pattern == 2:
        value, length = FNV_OFFSET, 0
        for _ in range(3):  # three letters stand for what a name begins with
            value, length = _spell(v.onsets, 2 * below(s, 9), value, length)
        count = _word(words, count, value, length, 0)
        return say(v.terms, v.numbers + 10 + below(s, 990), words, count)
    if pattern == 3:
        count = say(v.terms, v.the, words, count)
        count = _latin(v, s, words, count)
    count = _latin(v, s, words, count)
    if pattern == 1:
        count = say(v.terms, _noun(topic, below(s, NOUNS), v.nouns), words, count)
    return count


@kernel
def _topic_name(v, name, topic, language, i, words, count):  # type: ignore[no-untyped-def]
    """The topic's `i`-th name in the script of a language; `name` is a state to use."""
    if language == ZH:
        name[0] = joined(joined(topic, _ZH), U(i))
        return _han(v, name, words, count)
    if language == RU:
        name[0] = joined(joined(topic, _RU), U(i))
        return _cyrillic(v, name, words, count)
    name[0] = joined(joined(topic, _TOPIC), U(i))
    return _latin_term(v, name, topic, words, count)


@kernel
def _own_name(v, name, person, i, words, count):  # type: ignore[no-untyped-def]
    """A name of the person's own; the first ones of people who work together are the same."""
    group = person.shared if i < SHARED_NAMES and person.shared != U(0) else person.seed
    name[0] = joined(joined(group, _OWN), U(i))
    if person.language == ZH:
        return _han(v, name, words, count)
    if person.language == RU:
        return _cyrillic(v, name, words, count)
    return _latin(v, name, words, count)


@kernel
def _code(v, name, topic, i, words, count):  # type: ignore[no-untyped-def]
    name[0] = joined(joined(topic, _CODE), U(i))
    verbs = v.verbs
    count = say(v.terms, verbs[0] + below(name, verbs[1] - verbs[0]), words, count)
    count = _latin(v, name, words, count)
    return say(v.terms, _noun(topic, below(name, NOUNS), v.nouns), words, count)


@kernel
def fill(v, s, name, category, topic, language, person, words, count):  # type: ignore[no-untyped-def]
    """One sentence of a category; without a person (`names` 0) own names are the topic's."""
    low, high = v.patterns[category, language, 0], v.patterns[category, language, 1]
    pattern = low + below(s, high - low)
    chinese = language == ZH
    n = NOUNS_ZH if chinese else NOUNS
    names = NAMES_ZH if chinese else NAMES_RU if language == RU else NAMES
    first, t = below(s, n), below(s, names)
    m, u = (first + 1 + below(s, n - 1)) % n, (t + 1 + below(s, names - 1)) % names
    for e in range(v.pattern_starts[pattern], v.pattern_starts[pattern + 1]):
        element = v.elements[e]
        if element >= 0:
            count = say(v.terms, element, words, count)
            continue
        slot = -1 - element
        if slot == 0 or slot == 1 or slot == 10:
            table = v.nouns_zh if chinese else v.plurals if slot == 10 else v.nouns
            count = say(v.terms, _noun(topic, m if slot == 1 else first, table), words, count)
        elif slot == 2 or slot == 3:
            i = u if slot == 3 else t
            count = _topic_name(v, name, topic, language, i, words, count)
        elif slot == 4:
            if person.names:
                count = _own_name(v, name, person, below(s, person.names), words, count)
            else:
                own = ZH if chinese else EN
                i = below(s, NAMES_ZH if chinese else NAMES)
                count = _topic_name(v, name, topic, own, i, words, count)
        elif slot == 5:
            count = say(v.terms, v.numbers + 2 + below(s, 398), words, count)
        elif slot == 6:
            count = say(v.terms, v.numbers + 2 + below(s, 88), words, count)
        elif slot == 7:
            count = _code(v, name, topic, below(s, CODES), words, count)
        elif slot == 8:
            count = say(v.terms, v.units[0] + below(s, v.units[1] - v.units[0]), words, count)
        elif slot == 9:
            count = say(v.terms, v.months[0] + below(s, v.months[1] - v.months[0]), words, count)
        else:
            count = say(v.terms, v.ordinals + 2 + below(s, 398), words, count)
    return count


@kernel
def compose(v, s, name, topic, language, person, wordiness, frame, words, count):  # type: ignore[no-untyped-def]
    """A prompt: a question with sentences around it, as `Grammar._compose`."""
    sentences = 0
    if wordiness > 0:
        sentences = min(MOST_SENTENCES, int(exponential(s, wordiness)))
    after = draw(s) >= 0.5
    if frame and draw(s) < 0.35:
        count = fill(v, s, name, OPENERS, topic, language, person, words, count)
    if after:
        count = fill(v, s, name, ASKS, topic, language, person, words, count)
    for _ in range(sentences):
        count = fill(v, s, name, CONTEXTS, topic, language, person, words, count)
    if not after:
        count = fill(v, s, name, ASKS, topic, language, person, words, count)
    if draw(s) < (0.35 if frame else 0.15):
        count = fill(v, s, name, CLOSERS, topic, language, person, words, count)
    return count


@kernel
def reply(v, s, name, topic, person, words, count):  # type: ignore[no-untyped-def]
    """What the model answered: one, two or four sentences in English."""
    pick = below(s, 4)
    for _ in range(1 if pick < 2 else 2 if pick == 2 else 4):
        count = fill(v, s, name, REPLIES, topic, EN, person, words, count)
    return count


@kernel
def _one_of(v, s, span, words, count):  # type: ignore[no-untyped-def]
    return say(v.terms, span[0] + below(s, span[1] - span[0]), words, count)


@kernel
def elicitation(v, s, chinese, brief, words, count):  # type: ignore[no-untyped-def]
    """A request for the reasoning (or for the bare answer), newly worded, as `text.wording`."""
    if brief:
        return _one_of(v, s, v.brief[1 if chinese else 0], words, count)
    if chinese:
        for part in range(4):
            count = _one_of(v, s, v.elicit_zh[part], words, count)
        return count
    pattern = below(s, 4)
    if pattern == 2:
        count = _one_of(v, s, v.elicit[2], words, count)
        count = _one_of(v, s, v.elicit[1], words, count)
    else:
        if pattern != 1:
            count = _one_of(v, s, v.elicit[0], words, count)
        count = _one_of(v, s, v.elicit[1], words, count)
        count = _one_of(v, s, v.elicit[2], words, count)
    if pattern == 3:
        count = say(v.terms, v.conjunction, words, count)
        count = _one_of(v, s, v.elicit[1], words, count)
        count = _one_of(v, s, v.elicit[2], words, count)
    return _one_of(v, s, v.elicit[3], words, count)
