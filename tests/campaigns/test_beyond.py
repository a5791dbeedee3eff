"""Who is a member of a group that is larger than its sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.campaigns.streams import make_stream
from tests.worlds import HYDRA

from stillwatch.campaigns import beyond, mine, ranged, sampling
from stillwatch.campaigns.look import Look, found_in
from stillwatch.campaigns.membership import Membership
from stillwatch.evidence.docket import read_docket
from stillwatch.lab.scenario import Scenario
from stillwatch.lab.sketched import simulate_sketches
from stillwatch.scanning import scan
from stillwatch.schema import Verdict
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from stillwatch.campaigns.judge import Judged
    from stillwatch.campaigns.stream import Stream
    from stillwatch.campaigns.trial import Trial
    from stillwatch.lab.sketched import Sketched

    Ints = NDArray[np.int64]

KEY = SketchKey.from_hex("5c" * 32, source="the test")
ACCOUNTS, SAMPLED = 60, 20
WORLD = Scenario(days=6, groups=HYDRA | {"hydra": HYDRA["hydra"] | {"accounts": ACCOUNTS}})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Sketched:
    return simulate_sketches(WORLD, tmp_path_factory.mktemp("world"), seed=1, key=KEY)


def sample_few(patch: pytest.MonkeyPatch, sampled: int = SAMPLED) -> None:
    for module in (mine, beyond):
        patch.setattr(module, "SAMPLE_ACCOUNTS", sampled)
    patch.setattr(beyond, "COMPANY", SAMPLED // 2)


def scanned(world: Sketched, out: Path) -> tuple[Trial, set[str]]:
    """What the verdicts of a scan follow from, and the accounts that it accuses."""
    found = scan(sketches=world.sketches, accounts=world.accounts, out=out, key=KEY).findings
    accused = {m.account_id for c in found.campaigns for m in c.members if c.verdict == ACCUSED}
    return read_docket(out).trial, accused


ACCUSED = Verdict.DISTILLATION


@dataclass(frozen=True)
class Tried:
    """A trial with one accused group that is three times as large as its sample."""

    trial: Trial
    group: Judged

    def members(self, look: Look | None = None, public: Ints | None = None) -> Ints:
        """The members, with another first look beyond the sample, or other public items."""
        mined = self.group.mined
        if look is not None:
            mined = replace(mined, beyond=(look, *mined.beyond[1:]))
        trial = self.trial
        known = trial.public if public is None else public
        return Membership(trial.court).of(replace(self.group, mined=mined), known)


@pytest.fixture(scope="module")
def tried(world: Sketched, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    with pytest.MonkeyPatch.context() as patch:
        sample_few(patch)
        trial, _ = scanned(world, tmp_path_factory.mktemp("tried"))
    (group,) = (j for j in trial.verdicts().judged if j.verdict == ACCUSED)
    assert len(group.mined.candidate.accounts) == ACCOUNTS
    return Tried(trial, group)


def test_a_group_larger_than_its_sample_has_the_same_members(
    world: Sketched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole = scanned(world, tmp_path / "whole")
    for sampled in (SAMPLED, ACCOUNTS - 2):  # the second leaves fewer than can be compared
        sample_few(monkeypatch, sampled)
        _, accused = scanned(world, tmp_path / str(sampled))
        assert len(accused) == ACCOUNTS
        assert accused == whole


def test_ranges_give_the_same_looks(
    world: Sketched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample_few(monkeypatch)
    for name, size in (("whole", 1_000_000), ("ranges", world.requests // 3)):
        monkeypatch.setattr(ranged, "WHOLE_REQUESTS", size)
        monkeypatch.setattr(ranged, "RANGE_REQUESTS", size)
        trial, _ = scanned(world, tmp_path / name)
        assert any(group.beyond for group in trial.groups)
    for name in ("campaigns.json", "evidence/trial.zip"):
        whole, ranges = ((tmp_path / part / name).read_bytes() for part in ("whole", "ranges"))
        assert whole == ranges, name


def test_looks_have_each_account_once_and_few_requests_of_it(tried: Tried) -> None:
    mined = tried.group.mined
    looked = [np.unique(look.sample.account) for look in mined.looks]
    assert [len(accounts) for accounts in looked] == [SAMPLED] * 3
    np.testing.assert_array_equal(np.sort(np.concatenate(looked)), mined.candidate.accounts)
    for look in mined.beyond:
        sample = look.sample
        _, requests = np.unique([sample.account, sample.mining], axis=1, return_counts=True)
        assert requests.max() <= sampling.FURTHER_REQUESTS < sampling.SAMPLE_REQUESTS


def strangers(stream: Stream) -> tuple[Ints, NDArray[np.bool_], Ints]:
    """Two accounts of a stream, which requests are theirs, and every request's place in its own."""
    chosen = np.unique(stream.account)[:2]
    place = np.arange(len(stream)) - np.searchsorted(stream.account, stream.account)
    return chosen, np.isin(stream.account, chosen), place


def with_topics(stream: Stream) -> Stream:
    _, theirs, place = strangers(stream)
    tokens = stream.tokens.copy()
    tokens[theirs] = 0
    # each of them has words of its own, in every fifth request
    tokens[theirs, 0] = 2**40 + stream.account[theirs] % 2**20 + place[theirs] // 5
    tokens[theirs, 1] = tokens[theirs, 0] + 2**30
    return replace(stream, tokens=tokens)


def talking(stream: Stream) -> Stream:
    _, theirs, _ = strangers(stream)
    turns = np.where(theirs, 2, stream.turns)
    return replace(stream, turns=turns, framed=stream.framed & ~theirs)


def on_one_evening(stream: Stream) -> Stream:
    _, theirs, _ = strangers(stream)
    return replace(stream, slot=np.where(theirs, stream.slot.min(), stream.slot))


def asking_again(stream: Stream) -> Stream:
    _, theirs, place = strangers(stream)
    return replace(stream, body=np.where(theirs, stream.account + place // 6, stream.body))


def ordinary(stream: Stream) -> Stream:
    _, theirs, _ = strangers(stream)
    wording = np.arange(3 * len(stream)).reshape(-1, 3)
    return replace(
        stream,
        frames=np.where(theirs[:, None], wording, stream.frames),
        elicitation=np.where(theirs, 0, stream.elicitation),
        grading=np.where(theirs, 0, stream.grading),
        output_tokens=np.where(theirs, 1, stream.output_tokens),
    )


@pytest.mark.parametrize("how", [with_topics, talking, on_one_evening, asking_again, ordinary])
def test_strangers_beyond_the_sample_are_refused(
    tried: Tried, how: Callable[[Stream], Stream]
) -> None:
    look = tried.group.mined.beyond[0]
    chosen, _, _ = strangers(look.sample)
    found = tried.members(replace(look, sample=how(look.sample)))
    np.testing.assert_array_equal(found, np.setdiff1d(tried.members(), chosen))
    assert np.isin(chosen, tried.members()).all()


def test_who_does_what_others_do_is_refused_beyond_the_sample(tried: Tried) -> None:
    look = tried.group.mined.beyond[0]
    chosen, theirs, _ = strangers(look.sample)
    found = tried.members(public=np.unique(look.sample.body[theirs]))
    np.testing.assert_array_equal(found, np.setdiff1d(tried.members(), chosen))


def test_who_asks_the_same_elsewhere_is_refused_beyond_the_sample(tried: Tried) -> None:
    look = tried.group.mined.beyond[0]
    chosen, theirs, place = strangers(look.sample)
    # what they ask, several times over and in items of their own
    other = look.sample.take(np.arange(len(place)) - place % 5)
    other = replace(other, body=np.arange(len(place))).take(theirs)
    found = tried.members(replace(look, elsewhere=other))
    np.testing.assert_array_equal(found, np.setdiff1d(tried.members(), chosen))


@given(st.lists(st.sets(st.integers(0, 20), min_size=1), min_size=1, max_size=5))
def test_every_account_is_decided_once_by_the_first_look_at_it(parts: list[set[int]]) -> None:
    looks = [Look(make_stream(sorted(part)), None) for part in parts]

    def odd_then_even(look: Look) -> Ints:
        number = next(i for i, one in enumerate(looks) if one is look)
        accounts = np.unique(look.sample.account)
        found: Ints = accounts[accounts % 2 == (number + 1) % 2]
        return found

    found = found_in(looks, odd_then_even).tolist()
    first = {a: next(i for i, part in enumerate(parts) if a in part) for a in set().union(*parts)}
    assert sorted(found) == sorted(a for a, i in first.items() if a % 2 == (i + 1) % 2)
