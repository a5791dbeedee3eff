"""An act: what one speaker does through one account, as numbers for the kernels.

An account has one act as a rule. It has several where a product's users speak through it, or where
an operator's harvest and a customer's own use share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.lab.network import Client
    from stillwatch.lab.sender import Settings

PERSON, ITEMS, RECORDS, BENCHMARK = range(4)
TEMPLATE, PARAPHRASE, BARE = range(3)
NO_RETRY, SAME_ACCOUNT, ONE_PAIR = range(3)

ACT = np.dtype(
    [
        ("account", "i4"), ("other", "i4"), ("seed", "u8"), ("count", "i4"),
        ("begin", "f8"), ("end", "f8"), ("pace", "i1"), ("density", "i4"),
        ("weekend", "f8"), ("session", "f8"), ("pause", "f8"), ("jitter", "f8"),
        ("given", "i4"), ("hours", "i4"), ("n_hours", "i4"),
        ("mode", "i1"), ("language", "i1"), ("names", "i1"), ("shared", "u8"),
        ("wordiness", "f8"), ("topics", "i4"), ("n_topics", "i4"),
        ("talk", "f8"), ("again", "f8"), ("saved", "f8"), ("careful", "f8"), ("conversing", "i1"),
        ("templates", "i4"), ("n_templates", "i4"), ("wording", "i1"), ("grading", "i1"),
        ("brief", "i1"), ("repeated", "f8"), ("public", "f8"), ("benchmark", "i1"),
        ("walk", "i4"), ("stride", "i4"),
        ("phrases", "i4"), ("n_phrases", "i4"), ("phrased", "f8"),
        ("phrased_from", "f8"), ("phrased_to", "f8"),
        ("system", "i4"), ("answer", "f8"), ("spread", "f8"), ("max_tokens", "i4"),
        ("reasoning", "f8"), ("moves_at", "f8"), ("moves", "f8"), ("failures", "f8"),
        ("retries", "i1"), ("addresses", "i4"), ("n_addresses", "i4"), ("away", "f8"),
    ]
)  # fmt: skip
"""One act; ranges point into the arrays of `Props`."""


@dataclass(slots=True, kw_only=True)
class Act:
    """One speaker on one account; times in seconds since the start.

    Attributes:
        account: number of the account.
        other: number of the account that retries, for `ONE_PAIR`.
        seed: of all its draws.
        count: requests, before repeats after failures.
        pace: `moments.HUMAN` (with `density`, `weekend`, `session`, `pause`), `FLAT`, `QUEUE` (with
            `jitter` and the queue's working `hours`) or `GIVEN` (with `times`).
        mode: `PERSON`, `ITEMS` of a harvest, `RECORDS` of a batch job, or `BENCHMARK`.
        language, names, shared, wordiness, topics, weights: as `Interest`; `shared` is a number
            that people with names in common have in common.
        talk, again, saved, careful, conversing: as `Persona`.
        templates, wording, grading, brief, repeated, public: of items and records. A template is
            what stands before the item and after it; for grading, also between and after the two
            answers. `public` is the share of items from public benchmarks.
        benchmark, walk, stride: which, for `BENCHMARK`, and the walk through its questions.
        phrases, phrased, phrased_from, phrased_to: texts sent word for word, as `Common`.
        settings, client, end_user: how it calls the model and what the provider sees.
        failures, retries: share of failed requests, and who sends them again.
    """

    account: int
    seed: int
    count: int
    begin: float
    end: float
    settings: Settings
    client: Client
    other: int = -1
    pace: int = 0
    density: NDArray[np.float64] | None = None
    weekend: float = 1.0
    session: float = 1.0
    pause: float = 60.0
    jitter: float = 0.0
    hours: NDArray[np.float64] | None = None
    times: NDArray[np.float64] | None = None
    mode: int = PERSON
    language: int = 0
    names: int = 0
    shared: int = 0
    wordiness: float = 0.0
    topics: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    talk: float = 0.0
    again: float = 0.0
    saved: float = 0.0
    careful: float = 0.0
    conversing: bool = False
    templates: tuple[tuple[str, ...], ...] = ()
    wording: int = BARE
    grading: bool = False
    brief: bool = False
    repeated: float = 0.0
    public: float = 0.0
    benchmark: int = 0
    walk: int = 0
    stride: int = 1
    phrases: tuple[str, ...] = ()
    phrased: float = 0.0
    phrased_from: float = 0.0
    phrased_to: float = float("inf")
    end_user: str | None = None
    failures: float = 0.0
    retries: int = SAME_ACCOUNT


class Props(NamedTuple):
    """What acts point into.

    Attributes:
        density: float64[n, BINS], hours of the day.
        hours, given: seconds since the start.
        topics, weights: topics and their cumulative weights, ending at 1.
        templates: int32[n, 4] terms; -1 for none. skeletons: uint64[n, 2], of the template around a
            plain item and around a question with options. template_names: uint64[n], the same for
            the same texts.
        phrases: int32[n] terms. phrase_names: uint64[n], the same for the same text.
        systems: uint64[n] keys. system_scores: float32[n, classes]. system_size: characters.
    """

    density: NDArray[np.float64]
    hours: NDArray[np.float64]
    given: NDArray[np.float64]
    topics: NDArray[np.uint64]
    weights: NDArray[np.float64]
    templates: NDArray[np.int32]
    skeletons: NDArray[np.uint64]
    template_names: NDArray[np.uint64]
    phrases: NDArray[np.int32]
    phrase_names: NDArray[np.uint64]
    systems: NDArray[np.uint64]
    system_scores: NDArray[np.float32]
    system_size: NDArray[np.int32]
