"""The honest groups have the traits that make them hard."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.lab.test_adversaries import by_account, seconds, text
from tests.lab.test_rhythm import concentration

from stillwatch.lab.registry import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.conftest import World

HONEST = sorted(name for name, kind in KINDS.items() if kind.guilt != "campaign")


@pytest.mark.parametrize("kind", HONEST)
def test_honest_groups_are_never_expected_to_be_accused(
    run: Callable[..., World], kind: str
) -> None:
    world = run(kind, accounts=6)
    assert len(world.truth) == 6
    assert not world.harvest
    assert len(by_account(world.rows)) == 6
    assert all("distillation" not in row["expected"] for row in world.truth)


def test_strangers_share_no_prompts_but_some_ask_for_reasoning(
    run: Callable[..., World],
) -> None:
    world = run("individuals", accounts=200)
    users = defaultdict(set)
    for row in world.rows:
        if len(text(row)) > 40:
            users[text(row)].add(row["account_id"])
    assert sum(len(who) > 1 for who in users.values()) < 0.005 * len(users)
    volumes = [len(rows) for rows in by_account(world.rows).values()]
    assert min(volumes) <= 3
    assert max(volumes) > 20 * np.median(volumes) / 4
    words = ("step", "reasoning", "thought", "derivation", "working")
    asking = np.mean([any(word in text(row) for word in words) for row in world.rows])
    assert 0.02 < asking < 0.3


def test_app_users_share_the_system_prompt_and_the_program_but_not_the_payer(
    run: Callable[..., World],
) -> None:
    world = run("popular_app", accounts=40)
    assert len({row["system_prompt"] for row in world.rows}) == 1
    assert len({row["user_agent"].partition("/")[0] for row in world.rows}) == 1
    paid = [row["payment_fingerprint"] for row in world.accounts if "payment_fingerprint" in row]
    assert len(set(paid)) == len(paid) > 20


def test_a_pinned_app_never_moves_to_the_new_model(run: Callable[..., World]) -> None:
    world = run("pinned_app", accounts=60)
    assert {row["model"] for row in world.rows} == {"meridian-2-mini"}
    assert len({row["user_agent"] for row in world.rows}) > 15


def test_a_hackathon_does_not_sleep_and_lasts_two_days(run: Callable[..., World]) -> None:
    world = run("hackathon")
    times = np.array([seconds(row) for row in world.rows])
    assert times.max() - times.min() <= 2 * 86_400
    assert abs(concentration(times)) < 0.01
    assert len({row["client_address"].rpartition(".")[0] for row in world.rows}) < 40


def test_a_class_shares_questions_and_a_network_but_not_the_payer(
    run: Callable[..., World],
) -> None:
    world = run("university_class", accounts=30)
    asked = Counter(text(row).split("\n")[0] for row in world.rows)
    common = [question for question, count in asked.items() if count >= 15]
    assert len(common) >= 5
    campus = Counter(row["client_address"].rpartition(".")[0] for row in world.rows)
    assert campus.most_common(1)[0][1] > 0.5 * len(world.rows)
    assert len({row["email_domain"] for row in world.accounts}) == 1


def test_labelling_is_flat_short_and_repeats_some_records(run: Callable[..., World]) -> None:
    world = run("batch_labelling", accounts=5, flat=1.0)
    for rows in by_account(world.rows).values():
        assert abs(concentration(np.array([seconds(row) for row in rows]))) < 12 / len(rows)
        assert max(row["output_tokens"] for row in rows) <= 32
        assert len({text(row).split("\n")[0] for row in rows}) == 1
        repeated = 1 - len({text(row) for row in rows}) / len(rows)
        assert 0.01 < repeated < 0.12


def test_labs_run_the_same_questions_after_the_release(run: Callable[..., World]) -> None:
    world = run("benchmark_labs", per_day=0.1)
    runs = [row for row in world.rows if row["model"] == "meridian-3"]
    assert min(map(seconds, runs)) >= 7 * 86_400
    labs = defaultdict(set)
    for row in runs:
        labs[text(row)].add(row["account_id"])
    assert sum(len(who) > 1 for who in labs.values()) > 500


def test_an_enterprise_declares_itself_and_an_agency_does_not(run: Callable[..., World]) -> None:
    enterprise, agency = run("enterprise").accounts, run("agency").accounts
    assert len({row["organization_id"] for row in enterprise}) == 1
    assert not any("organization_id" in row for row in agency)
    for rows in (enterprise, agency):
        assert len({(row["email_domain"], row["payment_fingerprint"]) for row in rows}) == 1


def test_a_sharded_job_is_one_queue_in_the_open(run: Callable[..., World]) -> None:
    world = run("sharded_company")
    counts = [len(rows) for rows in by_account(world.rows).values()]
    assert max(counts) - min(counts) <= 1
    assert len({row["email_domain"] for row in world.accounts}) == 1
    assert np.median([row["output_tokens"] for row in world.rows]) > 500
    own = run("sharded_company", cards="own", answers="short", per_day=5.0)
    assert len({row["payment_fingerprint"] for row in own.accounts}) == 12
    assert max(row["output_tokens"] for row in own.rows) <= 64


def test_a_relay_keeps_conversations_for_an_hour_and_retries_elsewhere(
    run: Callable[..., World],
) -> None:
    world = run("resale_pool", failures=0.05)
    turns: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in world.rows:
        if "conversation_id" in row and row["status"] == 200:
            turns[row["conversation_id"]].append(row)
    pairs = [pair for rows in turns.values() for pair in pairwise(rows)]
    kept = np.mean([one["account_id"] == two["account_id"] for one, two in pairs])
    assert 0.8 < kept < 1.0
    bodies = defaultdict(list)
    for row in world.rows:
        bodies[text(row), row.get("system_prompt")].append(row)
    moved = [
        after["account_id"] != before["account_id"]
        for rows in bodies.values()
        for before, after in pairwise(rows)
        if before["status"] != 200 and seconds(after) - seconds(before) < 120
    ]
    assert len(moved) > 50
    assert np.mean(moved) > 0.7


def test_a_viral_prompt_is_pasted_by_many_strangers(run: Callable[..., World]) -> None:
    world = run("viral_prompt", accounts=150)
    head = Counter(text(row)[:60] for row in world.rows if "messages" not in row).most_common(1)[0]
    users = {row["account_id"] for row in world.rows if text(row)[:60] == head[0]}
    assert len(users) > 50


def test_carrier_customers_share_two_addresses(run: Callable[..., World]) -> None:
    world = run("carrier_nat", accounts=40)
    busiest = Counter(row.get("client_address") for row in world.rows).most_common(2)
    assert sum(count for _, count in busiest) > 0.5 * len(world.rows)


def test_freelancers_share_a_glossary_and_topics_but_no_client(run: Callable[..., World]) -> None:
    world = run("freelancers")
    assert len({row["system_prompt"] for row in world.rows}) == 1
    assert len({row.get("client_address") for row in world.rows}) > 20


def test_a_platform_speaks_for_many_people_through_one_account(run: Callable[..., World]) -> None:
    named = run("platform", accounts=1, named=1.0, users=80).rows
    assert len({row["end_user_id"] for row in named}) == 80
    assert len({row["system_prompt"] for row in named}) == 1
    assert any("messages" in row for row in named)
    assert not any("end_user_id" in row for row in run("platform", accounts=1, named=0.0).rows)
