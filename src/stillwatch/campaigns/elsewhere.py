"""Does an account ask, in a stream, about what it asks about elsewhere?

People do: who wants reasons wants them about things of their own, and asks about these in other
words as well. What an operator's account harvests comes from a queue and has nothing to do with
the cover traffic around it. So the requests of a stream are compared with the other requests of
the same account and with those of the others in the stream: individuality, as in
`exchangeability`, across two streams. It says nothing of an account that has no topics elsewhere
either: behind it are many people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.campaigns.coding import commonest
from stillwatch.campaigns.exchangeability import PairCounts, account_ratios, individuality, sums
from stillwatch.campaigns.habits import compare_content

if TYPE_CHECKING:
    from stillwatch.campaigns.stream import Stream
    from stillwatch.campaigns.telling import Telling

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TELLING_PAIRS = 3.0
"""Agreements that the null must expect of an account: with fewer, none at all proves nothing."""

TOLD = 0.5
"""Share of a group's accounts of which it must be possible to tell, to tell of the group."""

JOB_SHARE = 0.75
"""Share of what an account sends, in a stream and outside of it, that has to open or end in the
same words, or to have the same structure, for both to be one job."""

JOB_ASKS = 0.5
"""Of the mean request for reasoning in the stream, what the rest of a job asks at least: cover that
has the harvest's template asks for less, or it is harvest, too."""

MANY_PEOPLE = 0.001
"""P-value of "its other requests are one typical customer's", up to which many people are behind an
account: what these ask about in one stream need not be what they ask about in another."""


ALIKE_SHARE = 0.5
"""Of the group's median account, the share of all that an account does that must be in the stream
where no words are shared: who covers a queue covers all of its accounts, and people ask for reasons
now and then."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How far the requests of a stream agree with their accounts' other requests.

    Attributes:
        accounts: of the stream, sorted.
        pairs: agreements by account, of a request in the stream with one outside of it.
        personal: log of how much more often a typical customer agrees with itself than with others,
            in the words of this stream.
        topics: whether the account's other requests agree among themselves as one person's may.
    """

    accounts: Ints
    pairs: PairCounts
    personal: float
    topics: NDArray[np.bool_]

    @property
    def expected(self) -> Floats:
        """Agreements of each account if it were a typical customer, in independent ones."""
        pairs = self.pairs
        rate = pairs.between / np.maximum(pairs.between_pairs, 1)
        found: Floats = rate * pairs.within_pairs / pairs.unit * np.exp(self.personal)
        return found

    @property
    def telling(self) -> NDArray[np.bool_]:
        """Of which accounts it can be told."""
        found: NDArray[np.bool_] = self.topics & (self.expected >= TELLING_PAIRS)
        return found

    @property
    def p(self) -> Floats:
        """P-value of each account: that it asks about the same things as a typical customer does.

        A Poisson test; 1 where it cannot be told.
        """
        agreeing = np.ceil(self.pairs.within / self.pairs.unit)
        found: Floats = np.where(self.telling, stats.poisson.cdf(agreeing, self.expected), 1.0)
        return found

    @property
    def of_group(self) -> Apart | None:
        """The accounts together; None where it cannot be told of enough of them."""
        if not len(self.accounts) or self.telling.mean() < TOLD:
            return None
        found = individuality(self.pairs)
        return Apart(found.ratio, float(np.exp(self.personal)), found.p_at_least(self.personal))


@dataclass(frozen=True, slots=True)
class Apart:
    """How far a group's stream is from what its accounts ask about elsewhere.

    Attributes:
        ratio: how much more often a request in the stream agrees with one of the same account
            outside of it than with one of another account; nan where nothing could be compared.
        typical: the same of this log's typical customer.
        p: p-value of "the accounts ask about the same things elsewhere, as typical customers do".
    """

    ratio: float
    typical: float
    p: float


def compare_elsewhere(
    stream: Stream, elsewhere: Stream | None, telling: Telling | None
) -> Elsewhere:
    """Compare the requests of a stream with the other requests of its accounts.

    An item counts once an account; words of frames are left out.

    Args:
        stream: sampled requests of the stream.
        elsewhere: sampled other requests of the same accounts, and of others to compare their
            topics with; without them nothing can be told.
        telling: what agreements in words are worth; without it nothing can be told.
    """
    accounts = np.unique(stream.account)
    size = len(accounts)
    others = None if elsewhere is None else elsewhere.items()
    outside = others and others.of_accounts(accounts)
    if telling is None or not others or not outside:
        none = np.zeros(size)
        return Elsewhere(accounts, PairCounts(none, none, none, none), 0.0, none > 0)
    inside = stream.items()
    both = inside.followed_by(outside)
    codes = np.searchsorted(accounts, both.account)
    words = both.words_in(codes, telling)
    first = np.arange(len(both)) < len(inside)
    weight = words.weight
    said, other = words.used(first), words.used(~first)
    total = np.bincount(other.word, other.times, len(weight)).astype(np.float64)
    of_both, here, there = np.intersect1d(
        said.owner * len(weight) + said.word,
        other.owner * len(weight) + other.word,
        assume_unique=True, return_indices=True,
    )  # fmt: skip
    agreeing = said.times[here] * other.times[there] * weight[said.word[here]]
    within = sums(of_both // len(weight), agreeing, size)
    with_all = sums(said.owner, said.times * (total * weight)[said.word], size)
    n = np.bincount(codes[: len(inside)], minlength=size).astype(float)
    m = np.bincount(codes[len(inside) :], minlength=size).astype(float)
    worth = float((said.times * (total * weight * np.exp(weight))[said.word]).sum())
    chance = float(with_all.sum())
    return Elsewhere(
        accounts,
        PairCounts(
            within, n * m, with_all - within, n * (m.sum() - m), unit=words.clump(same=True) or 1.0
        ),
        float(np.log(worth / chance)) if chance else 0.0,
        np.isin(accounts, _with_topics(others, telling)),
    )


def _with_topics(stream: Stream, telling: Telling) -> Ints:
    """Accounts whose requests agree among themselves as one person's may.

    At least as those of a member of the least individual honest group, and it is not ruled out that
    they do as a typical customer's: of one who sends much, the latter asks for more.
    """
    content = compare_content(stream, telling, again=True)
    agreeing, expected = account_ratios(content.pairs)
    typical = stats.poisson.cdf(np.ceil(agreeing), expected * np.exp(content.floor(1.0)))
    some = agreeing >= expected * np.exp(content.floor())
    found: Ints = content.accounts[some & (typical > MANY_PEOPLE)]
    return found


def covered_alike(share: Floats, members: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether nearly as much of what each account does is in the stream as of the median member.

    Args:
        share: of all that each account of a group does.
        members: which accounts may be members.
    """
    if not members.any():
        return members
    found: NDArray[np.bool_] = share >= ALIKE_SHARE * np.median(share[members])
    return found


def one_job(stream: Stream, elsewhere: Stream | None) -> Ints:
    """Accounts for which the stream is a slice of a job that they do elsewhere, too, sorted.

    One template runs through their requests on both sides, and both ask for reasoning alike.

    Args:
        stream: sampled requests of the stream.
        elsewhere: sampled other requests, of these accounts and others; without them there is none.
    """
    accounts = np.unique(stream.account)
    outside = elsewhere and elsewhere.of_accounts(accounts)
    if not outside:
        return accounts[:0]
    sides = [side.items() for side in (stream, outside)]
    alike = np.zeros(len(accounts), dtype=bool)
    for kind in range(stream.frames.shape[1]):
        (frame, often), (same, too) = (_template(side, accounts, kind) for side in sides)
        alike |= often & too & (frame == same)
    asked, asks = (_mean_asked(side, accounts) for side in sides)
    found: Ints = accounts[alike & ~(asks < JOB_ASKS * asked)]  # where it is not known as well
    return found


def _template(items: Stream, accounts: Ints, kind: int) -> tuple[Ints, NDArray[np.bool_]]:
    """The commonest frame of each account, and whether much of what it sends has it."""
    codes = np.searchsorted(accounts, items.account)
    frame, times = commonest(codes, items.frames[:, kind], len(accounts))
    return frame, times > JOB_SHARE * np.bincount(codes, minlength=len(accounts))


def _mean_asked(items: Stream, accounts: Ints) -> Floats:
    codes = np.searchsorted(accounts, items.account)
    n = np.bincount(codes, minlength=len(accounts))
    found: Floats = np.bincount(codes, items.elicitation, len(accounts)) / np.maximum(n, 1)
    return found
