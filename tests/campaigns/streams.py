"""Streams made to measure: people with topics of their own, and queues drained by accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.concealment import Traits
from stillwatch.campaigns.individuals import Floors
from stillwatch.campaigns.stream import Stream
from stillwatch.schema import N_TOKENS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Ints = NDArray[np.int64]

FLOORS = Floors(content=float(np.log(2)), rhythm=float(np.log(2)), conversation=0.1)
_UNKNOWN = np.full(2000, -1)
NOBODY = Traits(
    account=np.arange(2000),
    organization=_UNKNOWN,
    domain=_UNKNOWN,
    payment=_UNKNOWN,
    signup_network=_UNKNOWN,
    created=_UNKNOWN.astype(float),
    available=frozenset(),
)
"""Accounts of which nothing is known."""

TOPICS = 600
"""So many that no topic is so frequent in an account as to be taken for its frame."""

WORDS = 6
"""Words of a request, out of three times as many of its topic."""


def make_stream(account: ArrayLike, **columns: Any) -> Stream:
    """Requests of some accounts; every column that is not given has one innocent value."""
    owner = np.asarray(account, dtype=np.int64)
    n = len(owner)
    tokens = np.asarray(columns.pop("tokens", np.zeros((n, 0), dtype=np.int64)))
    matrix = np.zeros((n, N_TOKENS), dtype=np.int32)
    matrix[:, : tokens.shape[1]] = tokens
    key = np.arange(n)
    table: dict[str, Any] = {
        "request_key": key,
        "account": owner,
        "slot": key,
        "mining": np.zeros(n, dtype=bool),
        "framed": np.zeros(n, dtype=bool),
        "body_key": key,
        "prefix_key": pa.nulls(n, pa.int64()),
        "turns_key": key,
        "model": ["m"] * n,
        "turns": np.ones(n, dtype=np.int64),
        "prompt_words": np.full(n, 20),
        "capability": np.zeros(n, dtype=np.int64),
        "elicitation": np.zeros(n),
        "grading": np.zeros(n),
        "output_tokens": np.full(n, 200.0),
    } | {
        name: pa.nulls(n, pa.int64())
        for name in ("head4_key", "tail4_key", "skeleton_key", "network_key", "client_key")
    }
    assert columns.keys() <= table.keys()
    table |= columns
    table["tokens"] = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), N_TOKENS)
    return Stream.from_table(pa.table(table))


def volumes(rng: np.random.Generator, accounts: int, mean: float, log_sd: float) -> Ints:
    """Requests an account: one at least, log-normal rates."""
    rates = mean * np.exp(rng.normal(0, log_sd, accounts) - log_sd**2 / 2)
    counts: Ints = 1 + rng.poisson(rates)
    return counts


def people(
    rng: np.random.Generator, sizes: Ints, ratio: float, topics: int = 50
) -> tuple[Ints, Ints]:
    """Accounts and topics of requests, so that R of the topics is exactly `ratio` (in expectation).

    Each account draws from its own Dirichlet distribution over topics. Of weights alpha / T each,
    two requests of one account agree with probability (alpha / T + 1) / (alpha + 1), two of
    different accounts with 1 / T; alpha is chosen to make that `ratio`.
    """
    alpha = (topics - ratio) / (ratio - 1)
    own = rng.dirichlet(np.full(topics, alpha / topics), len(sizes)).cumsum(axis=1)
    account = np.repeat(np.arange(len(sizes)), sizes)
    topic = (own[account] < rng.random(len(account))[:, None]).sum(axis=1)
    return account, np.minimum(topic, topics - 1)


def queue(rng: np.random.Generator, sizes: Ints, topics: int = 50) -> tuple[Ints, Ints]:
    """Accounts and topics of requests that come from one pile, whoever sends them."""
    account = np.repeat(np.arange(len(sizes)), sizes)
    return account, rng.integers(0, topics, len(account))


def words_about(rng: np.random.Generator, topic: Ints) -> Ints:
    """Words of requests: some of those that their topic has, int64[requests, WORDS], from 1."""
    order = np.argsort(rng.random((len(topic), 3 * WORDS)), axis=1)[:, :WORDS]
    words: Ints = 1 + topic[:, None] * 3 * WORDS + order
    return words


def queue_among_people(rng: np.random.Generator, workers: int, persons: int) -> Stream:
    """Accounts 0.. drain a queue, accounts 100.. are people with topics and hours of their own."""
    account, topic = queue(rng, volumes(rng, workers, 60, 0.1), TOPICS)
    slot = rng.integers(0, 240, len(account))
    if persons:
        owner, about = people(rng, volumes(rng, persons, 60, 0.5), ratio=12.0, topics=TOPICS)
        hours = (
            24 * rng.integers(0, 10, len(owner)) + (owner * 5 + rng.integers(0, 3, len(owner))) % 24
        )
        account, topic = np.append(account, owner + 100), np.append(topic, about)
        slot = np.append(slot, hours)
    return make_stream(account, tokens=words_about(rng, topic), slot=slot)


def size_bound(level: float, draws: int) -> float:
    """Largest share of p-values up to `level` that a valid test shows in so many draws.

    Three standard errors above the level: a valid test exceeds it once in about 700 tries, and
    the draws are seeded.
    """
    return level + 3 * float(np.sqrt(level * (1 - level) / draws))
