from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.campaigns.streams import words_about
from tests.campaigns.test_extraction import TOPICS, customers

from stillwatch.campaigns.concealment import Traits
from stillwatch.campaigns.extraction import Reference
from stillwatch.campaigns.lone import MIN_ITEMS, SHARED, Lone, lone_extractors
from stillwatch.campaigns.spread import Spread
from stillwatch.schema import N_TOKENS, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

ITEMS = MIN_ITEMS + 200
HARVESTER = 7
NOBODY = np.zeros(0, dtype=np.int64)


def traits(organization: int = -1) -> Traits:
    unknown = np.array([-1, -1])
    return Traits(
        account=np.array([HARVESTER, HARVESTER + 1]),
        organization=np.array([organization, -1]),
        domain=unknown,
        payment=unknown,
        signup_network=unknown,
        created=np.full(2, np.nan),
        available=frozenset(),
    )


@pytest.fixture
def judged(table: Callable[..., Any]) -> Callable[..., list[Lone]]:
    """Judges an account that harvests alone: `judged(items=..., topics=...)`."""

    def judge(
        *,
        items: int = ITEMS,
        others: float = 0.0,
        topics: int = TOPICS,
        organization: int = -1,
        explained: Any = NOBODY,
        elicitation: float = 0.95,
        hourly: int = 4,
    ) -> list[Lone]:
        rng = np.random.default_rng(0)
        about = rng.integers(0, topics, items)
        words = np.zeros((items, N_TOKENS), dtype=int)
        words[:, :6] = words_about(rng, about)
        rows: list[dict[str, Any]] = [
            {"account": HARVESTER, "hour": i / 4, "body_key": i, "head4_key": 1, "tokens": own,
             "elicitation": elicitation, "output_tokens": 5000, "mining": bool(half)}
            for i, (own, half) in enumerate(zip(words.tolist(), rng.random(items) < 0.5,
                                                strict=True))
        ]  # fmt: skip
        rows += [
            {"account": HARVESTER + 1, "body_key": i, "mining": True}
            for i in range(int(others * items))
        ]
        sent = table(rows)
        requests = sent.mutate(slot=sent.body_key // hourly)
        reference = Reference.of(customers(0, 300))
        return lone_extractors(
            Spread.of(requests), explained, reference, traits(organization), 0.05
        )

    return judge


def test_a_lone_harvest_is_found(judged: Callable[..., list[Lone]]) -> None:
    (found,) = judged()
    assert (found.account, found.verdict) == (HARVESTER, Verdict.DISTILLATION)
    assert (found.items, found.shared) == (ITEMS, 0.0)


def test_a_public_benchmark_is_not_judged(judged: Callable[..., list[Lone]]) -> None:
    assert judged(others=0.9) == []
    assert SHARED < 0.9


def test_long_answers_without_reasoning_are_for_a_human(
    judged: Callable[..., list[Lone]],
) -> None:
    (found,) = judged(elicitation=0.0)
    assert found.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("innocent", [{"topics": 8}, {"elicitation": 0.0}])
def test_a_job_that_is_narrow_or_asks_for_no_reasons_is_not_accused(
    judged: Callable[..., list[Lone]], innocent: dict[str, Any]
) -> None:
    assert Verdict.DISTILLATION not in {lone.verdict for lone in judged(**innocent)}


@pytest.mark.parametrize(
    "innocent",
    [
        {"items": MIN_ITEMS - 1},
        {"organization": 4},
        {"explained": np.array([HARVESTER])},
        {"hourly": 40},
    ],
)
def test_small_declared_explained_and_brief_accounts_are_not_judged(
    judged: Callable[..., list[Lone]], innocent: dict[str, Any]
) -> None:
    assert judged(**innocent) == []
