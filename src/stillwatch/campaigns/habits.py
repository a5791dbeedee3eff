"""The habits of a group: how much its accounts are individuals.

Each habit is something that people have, each their own, and that accounts draining one queue have
not: what they write about (`content`), when they come (`rhythm`), how much they use (`volume`),
whether they follow up and try again (`conversation`). `sharing` looks the other way: people who do
the same exercise or benchmark send the same items, while a queue serves each item once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.campaigns.coding import coded, pairs, sorted_rows
from stillwatch.campaigns.exchangeability import (
    Individuality,
    PairCounts,
    count_pairs,
    individuality,
    pairs_of_uses,
)

if TYPE_CHECKING:
    from stillwatch.campaigns.stream import Stream
    from stillwatch.campaigns.telling import Telling
    from stillwatch.campaigns.words import Words

KEPT = 0.4
"""Share of the population's log individuality that every honest group keeps. In simulated logs with
real prompts honest groups kept .6 or more in content and rhythm, unless they lacked a habit
altogether (a hackathon has no nights), and campaigns less than .1; see docs/method.md."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_TRIALS = 5
"""Requests of an account that count as trials of one share: its requests are not independent."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share that is estimated over accounts.

    Attributes:
        value: mean over accounts; nan without accounts.
        error: standard error over accounts.
        accounts: how many.
        trials: effective number of independent requests behind it.
    """

    value: float
    error: float
    accounts: int
    trials: float

    def p_at_least(self, floor: float) -> float:
        """P-value of the null that the share is at least `floor`: the larger of t and binomial."""
        if self.accounts < 3:
            return 1.0
        n = round(self.trials)
        counted = float(stats.binom.cdf(round(self.value * n), n, floor))
        if self.error == 0:
            return counted
        spread = float(stats.t.cdf((self.value - floor) / self.error, self.accounts - 1))
        return max(counted, spread)


@dataclass(frozen=True, slots=True)
class Volume:
    """How unequally accounts use a stream.

    Attributes:
        log_sd: spread of the accounts' rates, the counting noise taken out.
        dispersion: variance of the counts over their mean.
        mean: requests an account.
        accounts: how many.
    """

    log_sd: float
    dispersion: float
    mean: float
    accounts: int


@dataclass(frozen=True, slots=True)
class Habits:
    """What was measured of a group on one half of the evidence; `content_floor` as in `Content`."""

    accounts: int
    requests: int
    content: Individuality
    content_floor: float
    rhythm: Individuality
    volume: Volume
    conversation: Share
    sharing: Share


def measure(stream: Stream, counts: Ints | None = None, telling: Telling | None = None) -> Habits:
    """Measure the habits of the accounts in a stream.

    Args:
        stream: sampled requests.
        counts: requests of every account in the whole stream, where the sample is cut short.
        telling: what agreements in words are worth.
    """
    compared = compare_content(stream, telling)
    _, codes, sizes = stream.coded()
    return Habits(
        accounts=len(sizes),
        requests=len(stream),
        content=individuality(compared.pairs),
        content_floor=compared.floor(),
        rhythm=individuality(compare_hours(stream)),
        volume=_volume(sizes if counts is None else counts[counts > 0]),
        conversation=share_of(follow_ups(stream, codes), codes, sizes),
        sharing=_sharing(stream, codes, sizes),
    )


@dataclass(frozen=True, slots=True)
class Content:
    """How far the items of accounts agree in content words.

    Attributes:
        accounts: sorted.
        sizes: items of each account.
        words: content words of the items, by account.
        pairs: agreements by account, in units of independent ones.
        told: whether agreements weigh by what they tell.
    """

    accounts: Ints
    sizes: Ints
    words: Words
    pairs: PairCounts
    told: bool

    def floor(self, kept: float = KEPT) -> float:
        """How often the accounts would agree if they kept a share of what customers show.

        Args:
            kept: of the population's log individuality, in each class of words.

        Returns:
            Log of how much more often than chance; nan where nothing agrees.
        """
        chance = self.pairs.between.sum()
        if not self.told or not chance:
            return float("nan")
        words = self.words
        worth = words.weight * np.exp(kept * words.weight)
        personal = pairs_of_uses(words.uses, self.sizes, worth).between.sum()
        return float(np.log(personal / chance))


def compare_content(
    stream: Stream, telling: Telling | None = None, *, again: bool = False
) -> Content:
    """Compare the items of a stream's accounts; an item counts once an account.

    Whoever asks again, in whatever wrapping, has not asked about more.

    Args:
        stream: sampled requests.
        telling: what agreements in words are worth.
        again: whether items count that say the same in other wrappings: to see that somebody has
            topics, and not that somebody has none.
    """
    if again:
        items = stream.items()
        words = items.words_in(items.coded()[1], telling)
    else:
        items, words = stream.distinct(telling)
    accounts, _, sizes = items.coded()
    clump = words.clump(same=again)
    pairs = pairs_of_uses(words.uses, sizes, words.weight).in_units_of(clump)
    return Content(accounts, sizes, words, pairs, telling is not None)


def compare_hours(stream: Stream) -> PairCounts:
    """How far a stream's accounts open conversations in hours of their own."""
    _, codes, sizes = stream.coded()
    opens = stream.turns <= 1
    hours = np.unique(stream.slot[opens], return_inverse=True)[1]
    return count_pairs(codes[opens], hours, np.bincount(codes[opens], minlength=len(sizes)))


def _volume(counts: Ints) -> Volume:
    n = counts.astype(float)
    mean = float(n.mean()) if len(n) else 0.0
    if len(n) < 3 or mean == 0:
        return Volume(float("nan"), float("nan"), mean, len(n))
    variance = float(n.var(ddof=1))
    excess = max(variance - mean, 0.0) / mean**2
    return Volume(float(np.sqrt(np.log1p(excess))), variance / mean, mean, len(n))


def follow_ups(stream: Stream, codes: Ints) -> NDArray[np.bool_]:
    """Which requests follow up in a conversation or repeat one of the same account."""
    order = sorted_rows(codes, stream.body, stream.request)
    again = np.zeros(len(stream), dtype=bool)
    again[order[1:]] = (codes[order][1:] == codes[order][:-1]) & (
        stream.body[order][1:] == stream.body[order][:-1]
    )
    return converses(stream) | again


def converses(stream: Stream) -> NDArray[np.bool_]:
    """Which requests go on with a conversation in words of their own.

    A later turn that is made from the account's frame like every other is no follow-up: it is the
    next item, dressed as one.
    """
    found: NDArray[np.bool_] = (stream.turns > 1) & ~stream.framed
    return found


def _sharing(stream: Stream, codes: Ints, sizes: Ints) -> Share:
    """Distinct items of an account that another account of the group sends too."""
    owners, bodies, _ = pairs(codes, stream.body)
    _, index, senders = coded(bodies)
    return share_of(senders[index] > 1, owners, np.bincount(owners, minlength=len(sizes)))


def share_of(hit: NDArray[np.bool_], codes: Ints, sizes: Ints) -> Share:
    """A share of requests, estimated over accounts.

    Args:
        hit: which requests count.
        codes: account of each, from 0.
        sizes: requests of each account.
    """
    known = sizes > 0
    n = sizes[known].astype(float)
    if not len(n):
        return Share(float("nan"), float("inf"), 0, 0.0)
    shares = np.bincount(codes, hit, len(sizes))[known] / n
    trials = np.minimum(n, MAX_TRIALS)
    value = float((shares * trials).sum() / trials.sum())
    left_out = (value * trials.sum() - shares * trials) / np.maximum(trials.sum() - trials, 1e-9)
    count = len(n)
    error = np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum())
    return Share(value, float(error), count, float(trials.sum()))
