"""Acts into rows: what each request says, and what a sketch keeps of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stillwatch.lab.sketched.acts import (
    BENCHMARK,
    ITEMS,
    ONE_PAIR,
    PARAPHRASE,
    PERSON,
    SAME_ACCOUNT,
    TEMPLATE,
)
from stillwatch.lab.sketched.chance import below, draw, joined, mix, normal
from stillwatch.lab.sketched.composing import (
    FOLLOW_UPS,
    ZH,
    compose,
    elicitation,
    fill,
    reply,
    say,
)
from stillwatch.lab.sketched.moments import later, moments
from stillwatch.schema import N_BANDS, N_TOKENS
from stillwatch.sketch.jit import kernel
from stillwatch.sketch.kernels import (
    MIN_SHINGLED_WORDS,
    ROWS_PER_BAND,
    _bands,
    _grams,
    _sample_tokens,
    _score,
)
from stillwatch.sketch.lexicon import SECTIONS
from stillwatch.sketch.siphash import sip_word
from stillwatch.sketch.words import Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

U = np.uint64
SITTING, LONGEST = 1_800.0, 8  # of lab.persona
LIBRARY, KEPT = 6, 0.3
RETRIES, MOST_TRIES = 0.75, 4  # of lab.sender
BENCHMARK_SIZE = 1_200
REPLY = 110  # mean characters of an answer that a follow-up carries as history
_BODY, _TURNS, _BENCH, _CONV, _REQUEST = U(11), U(12), U(13), U(14), U(15)
_OPTIONS, _ANSWERS = 0.5, 4
MOST_WORDS = 4_096


class Rows(NamedTuple):
    """Requests in the order of their acts, one entry a request; 0 or -1 where there is no value."""

    act: NDArray[np.int32]
    account: NDArray[np.int32]
    at: NDArray[np.float64]
    request: NDArray[np.uint64]
    grams: NDArray[np.uint64]
    skeleton: NDArray[np.uint64]
    bands: NDArray[np.uint64]
    tokens: NDArray[np.int32]
    words: NDArray[np.int32]
    scores: NDArray[np.float32]
    body: NDArray[np.uint64]
    said: NDArray[np.uint64]
    before: NDArray[np.uint64]
    turns: NDArray[np.int32]
    conversation: NDArray[np.uint64]
    size: NDArray[np.int32]
    output: NDArray[np.int32]
    reasoning: NDArray[np.int32]
    status: NDArray[np.int16]
    new_model: NDArray[np.bool_]
    address: NDArray[np.int32]

    @classmethod
    def room(cls, n: int) -> Rows:
        """For `n` requests."""
        return cls(
            np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n), np.zeros(n, np.uint64),
            np.zeros((n, 4), np.uint64), np.zeros(n, np.uint64),
            np.zeros((n, N_BANDS), np.uint64), np.zeros((n, N_TOKENS), np.int32),
            np.zeros(n, np.int32), np.zeros((n, len(SECTIONS)), np.float32),
            np.zeros(n, np.uint64), np.zeros(n, np.uint64), np.zeros(n, np.uint64),
            np.ones(n, np.int32), np.zeros(n, np.uint64), np.zeros(n, np.int32),
            np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int16),
            np.zeros(n, np.bool_), np.zeros(n, np.int32),
        )  # fmt: skip


def room_for_prompt() -> Words:
    """Room for the words of one prompt."""
    return Words(
        np.empty(MOST_WORDS, np.uint64),
        np.empty(MOST_WORDS, np.uint64),
        np.empty(MOST_WORDS, np.uint8),
        np.empty(MOST_WORDS, np.int32),
    )


@kernel
def _read(words, count, skeleton, key, lexicon, bins, order, rows, r):  # type: ignore[no-untyped-def]
    """What the sketch keeps of a prompt, by the sketch's own kernels."""
    k0, k1 = key[0], key[1]
    rows.words[r] = count
    _grams(words, count, k0, k1, rows.grams[r])
    rows.skeleton[r] = sip_word(skeleton, k0, k1) if skeleton != U(0) else U(0)
    if count >= MIN_SHINGLED_WORDS:
        _bands(words, count, k0, k1, bins, rows.bands[r])
    _sample_tokens(words, count, k0, k1, order, rows.tokens[r])
    _score(words, count, lexicon, rows.scores[r])
    size = count
    for i in range(count):
        size += words.lengths[i]
    rows.size[r] = size


@kernel
def _copy(rows, source, r):  # type: ignore[no-untyped-def]
    """The same prompt again: a request's text, not its time or answer."""
    rows.grams[r] = rows.grams[source]
    rows.skeleton[r] = rows.skeleton[source]
    rows.bands[r] = rows.bands[source]
    rows.tokens[r] = rows.tokens[source]
    rows.words[r] = rows.words[source]
    rows.scores[r] = rows.scores[source]
    rows.body[r] = rows.body[source]
    rows.said[r] = rows.said[source]
    rows.before[r] = rows.before[source]
    rows.turns[r] = rows.turns[source]
    rows.conversation[r] = rows.conversation[source]
    rows.size[r] = rows.size[source]


@kernel
def _topic(s, a, props):  # type: ignore[no-untyped-def]
    """One of the person's topics."""
    where = draw(s)
    for i in range(a.topics, a.topics + a.n_topics):
        if where < props.weights[i]:
            return props.topics[i]
    return props.topics[a.topics + a.n_topics - 1]


@kernel
def _language(s, shares):  # type: ignore[no-untyped-def]
    return min(np.searchsorted(shares, draw(s), side="right"), shares.size - 1)


@kernel
def _item(v, s, name, a, topics, shares, words, count):  # type: ignore[no-untyped-def]
    """A self-contained task on any topic, as `Grammar.item`; `a` has no names of its own."""
    topic = U(below(s, topics))
    language = _language(s, shares)
    pick = below(s, 3)
    wordiness = 0.0 if pick == 0 else 0.5 if pick == 1 else 1.5
    count = compose(v, s, name, topic, language, a, wordiness, False, words, count)
    return count, language


@kernel
def _question(v, s, name, a, benchmark, number, topics, shares, words, count):  # type: ignore[no-untyped-def]
    """A question of a public benchmark; half of them offer options."""
    s[0] = joined(joined(_BENCH, U(benchmark)), U(number))
    count, language = _item(v, s, name, a, topics, shares, words, count)
    options = draw(s) < _OPTIONS
    if options:
        for _ in range(_ANSWERS):
            count = reply(v, s, name, U(below(s, topics)), a, words, count)
    return count, language, options


@kernel
def _task(v, s, name, a, walked, props, terms, topics, shares, words):  # type: ignore[no-untyped-def]
    """What a harvest or a benchmark run sends: an item and what is wrapped around it.

    Returns:
        The number of words, the skeleton, and a name of the content (0: nobody else sends it).
    """
    t = a.templates + below(s, a.n_templates) if a.n_templates else 0
    templated = a.wording == TEMPLATE and a.n_templates > 0
    count, options, shared = 0, False, U(0)
    said_before = a.wording == PARAPHRASE and draw(s) < 0.5
    if templated and props.templates[t, 0] >= 0:
        count = say(terms, props.templates[t, 0], words, count)
    after = s[0]
    if said_before:
        count = elicitation(v, s, a.language == ZH, a.brief, words, count)
        after = s[0]
    if a.mode == BENCHMARK or draw(s) < a.public:
        which, number = a.benchmark, U(walked)
        if a.mode != BENCHMARK:
            which, number = below(s, 3), U(below(s, BENCHMARK_SIZE))
        after = s[0]
        shared = joined(joined(U(which), number), U(0) if templated else after)
        count, language, options = _question(
            v, s, name, a, which, number, topics, shares, words, count
        )
        s[0] = after
    else:
        count, language = _item(v, s, name, a, topics, shares, words, count)
    if a.wording == PARAPHRASE and not said_before:
        count = elicitation(v, s, language == ZH, a.brief, words, count)
    if templated:
        for part in range(1, 4):
            if props.templates[t, part] >= 0:
                count = say(terms, props.templates[t, part], words, count)
            if a.grading and part < 3:
                count = reply(v, s, name, U(below(s, topics)), a, words, count)
    if shared != U(0) and templated:
        shared = joined(shared, props.template_names[t])
    skeleton = props.skeletons[t, 1 if options else 0] if templated else U(0)
    return count, skeleton, shared


@kernel
def _record(v, s, name, a, props, terms, words):  # type: ignore[no-untyped-def]
    """A customer's record in the customer's template."""
    count = say(terms, props.templates[a.templates, 0], words, 0)
    for _ in range(1 + below(s, 3)):
        count = reply(v, s, name, _topic(s, a, props), a, words, count)
    if props.templates[a.templates, 1] >= 0:
        count = say(terms, props.templates[a.templates, 1], words, count)
    return count


@kernel
def _private(rows, r, seed):  # type: ignore[no-untyped-def]
    """Names of a conversation's first request that nobody else sends."""
    rows.body[r] = joined(seed, _BODY)
    rows.said[r] = joined(seed, _TURNS)
    rows.before[r] = U(0)
    rows.turns[r] = 1


@kernel
def _answer(s, a, rows, r, at, status):  # type: ignore[no-untyped-def]
    """Everything of a request that its text does not decide."""
    rows.at[r], rows.status[r] = at, status
    rows.new_model[r] = at >= a.moves_at and draw(s) < a.moves
    rows.output[r], rows.reasoning[r] = 0, -1
    if status == 200:
        tokens = max(1, int(a.answer * math.exp(a.spread * normal(s))))
        rows.output[r] = min(tokens, a.max_tokens if a.max_tokens else 8192)
        if draw(s) < a.reasoning:
            rows.reasoning[r] = int(rows.output[r] * (0.5 + 3.5 * draw(s)))
    if a.n_addresses == 0:
        rows.address[r] = -1
    elif a.n_addresses > 1 and draw(s) < a.away:
        rows.address[r] = a.addresses + 1 + below(s, a.n_addresses - 1)
    else:
        rows.address[r] = a.addresses


@kernel
def _status(s, failures):  # type: ignore[no-untyped-def]
    where = draw(s)
    if where >= 1.5 * failures:
        return 200
    if where < failures:
        return 429
    pick = below(s, 3)
    return 500 if pick == 0 else 503 if pick == 1 else 529


@kernel
def perform(v, acts, props, terms, hours_end, key, lexicon, topics, shares, scratch, rows):  # type: ignore[no-untyped-def]
    """Fill `rows` with the requests of acts; return how many there are, or -1 if there is no room.

    Args:
        v: `Vocabulary`.
        acts: records of `ACT`.
        props: what they point into.
        terms: `Terms` of templates and phrases.
        hours_end: end of the window in seconds.
        key: the sketch's template key.
        lexicon: the sketch's `Phrases`.
        topics: how many topics there are.
        shares: cumulative shares of the languages of items.
        scratch: `Words` for one prompt.
        rows: `Rows`, cleared.
    """
    s, name = np.zeros(1, np.uint64), np.zeros(1, np.uint64)
    bins = np.empty(rows.bands.shape[1] * ROWS_PER_BAND, np.uint64)
    order = np.empty(rows.tokens.shape[1], np.uint64)
    library = np.zeros(LIBRARY, np.int64)
    r = 0
    for i in range(acts.size):
        a = acts[i]
        own = np.zeros(1, np.uint64)
        own[0] = mix(U(a.seed))
        times = np.empty(a.count)
        moments(own, a, props.density, props.hours, props.given, times)
        start, last, talked, kept = r, -1, 0, 0
        last_at = 0.0
        for j in range(a.count):
            if r + MOST_TRIES + 2 > rows.act.size:
                return -1
            at = times[j]
            seed = joined(U(a.seed), U(j))
            s[0] = seed
            first, hidden = r, False
            if a.mode == PERSON:
                recent = last >= 0 and at - last_at < SITTING
                if recent and draw(own) < a.again:
                    _copy(rows, last, r)
                elif recent and talked < LONGEST and draw(own) < a.talk:
                    talked += 1
                    topic = _topic(s, a, props)
                    n = fill(v, s, name, FOLLOW_UPS, topic, a.language, a, scratch, 0)
                    _read(scratch, n, U(0), key, lexicon, bins, order, rows, r)
                    _private(rows, r, seed)
                    rows.before[r] = rows.said[last]
                    rows.turns[r] = talked + 1
                    rows.conversation[r] = rows.conversation[last]
                    rows.size[r] += rows.size[last] + REPLY
                else:
                    talked = 0
                    if kept and draw(own) < a.saved:
                        _copy(rows, library[below(own, kept)], r)
                    else:
                        topic = _topic(s, a, props)
                        language = a.language if draw(s) < 0.9 else 0
                        n = compose(v, s, name, topic, language, a, a.wordiness, True, scratch, 0)
                        if draw(s) < a.careful:
                            n = elicitation(v, s, a.language == ZH, False, scratch, n)
                        _read(scratch, n, U(0), key, lexicon, bins, order, rows, r)
                        _private(rows, r, seed)
                        if kept < LIBRARY and draw(s) < KEPT:
                            library[kept] = r
                            kept += 1
                    rows.conversation[r] = joined(seed, _CONV) if a.conversing else U(0)
                last, last_at = r, at
                if (
                    a.n_phrases
                    and rows.turns[r] == 1
                    and a.phrased_from <= at <= a.phrased_to
                    and draw(own) < a.phrased
                ):
                    r += 1  # said besides: the person's own line of thought goes on from `last`
                    phrase = a.phrases + below(own, a.n_phrases)
                    n = say(terms, props.phrases[phrase], scratch, 0)
                    body = props.phrase_names[phrase]
                    if draw(own) < 0.5:
                        topic = _topic(s, a, props)
                        n = compose(v, s, name, topic, a.language, a, a.wordiness, True, scratch, n)
                        body = seed
                    _read(scratch, n, U(0), key, lexicon, bins, order, rows, r)
                    _private(rows, r, body)
                    rows.conversation[r] = rows.conversation[last]
                    first, hidden = r, True
            elif a.repeated > 0 and r > start and draw(own) < a.repeated:
                _copy(rows, start + below(own, r - start), r)
            else:
                shared = U(0)
                if a.mode == ITEMS or a.mode == BENCHMARK:
                    walked = (a.walk + j * a.stride) % BENCHMARK_SIZE  # each question once
                    n, skeleton, shared = _task(
                        v, s, name, a, walked, props, terms, topics, shares, scratch
                    )
                else:
                    n, skeleton = _record(v, s, name, a, props, terms, scratch), U(0)
                _read(scratch, n, skeleton, key, lexicon, bins, order, rows, r)
                _private(rows, r, seed if shared == U(0) else shared)
            tries = 1 if a.retries != SAME_ACCOUNT else MOST_TRIES
            if a.retries == ONE_PAIR:
                tries = 2
            source = first
            for attempt in range(tries):
                status = _status(own, a.failures)
                if a.retries == ONE_PAIR:
                    status = 429 if attempt == 0 else 200
                if attempt and at < hours_end:
                    r += 1
                    _copy(rows, source, r)
                if at < hours_end:
                    rows.act[r] = i
                    rows.account[r] = a.other if attempt and a.retries == ONE_PAIR else a.account
                    rows.request[r] = joined(joined(U(a.seed), U(j)), _REQUEST + U(attempt))
                    _answer(own, a, rows, r, at, status)
                if status == 200 or (a.retries != ONE_PAIR and draw(own) > RETRIES):
                    break
                at = later(own, at)
            if hidden:
                rows.status[last] = -1  # thought, not sent
            r += 1
    return r
