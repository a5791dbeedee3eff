from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.lab.conftest import read

from stillwatch.errors import InputError
from stillwatch.lab import Scenario, simulate
from stillwatch.lab.rng import Dice
from stillwatch.lab.text import wording
from stillwatch.lab.text.corpus import BENCHMARKS, OwnText
from stillwatch.lab.text.real import RealText

if TYPE_CHECKING:
    from pathlib import Path

ANIMALS = [
    "otter",
    "heron",
    "badger",
    "falcon",
    "lynx",
    "marmot",
    "osprey",
    "stoat",
    "viper",
    "weasel",
]
VERBS = [
    "feed",
    "count",
    "draw",
    "track",
    "name",
    "weigh",
    "house",
    "tame",
    "film",
    "rescue",
    "chase",
    "brush",
]
PLACES = [
    "lake",
    "forest",
    "barn",
    "meadow",
    "cliff",
    "harbour",
    "valley",
    "garden",
    "attic",
    "desert",
]


def prompt_rows() -> list[dict[str, Any]]:
    """Prompts of three sources: chat, a pool to harvest, and one with a template's head."""
    rows = []
    for animal in ANIMALS:
        for verb in VERBS:
            for place in PLACES:
                said = f"{verb} the {animal} in the {place}"
                rows.append({"source": "chat", "kind": "benign", "prompt": f"How do I {said}?"})
                rows.append({"source": "pool", "kind": "distill", "prompt": f"{said} {verb}ing."})
                quiz = f"Answer the following question now: who may {said}?"
                rows.append({"source": "quiz", "kind": "hardneg", "prompt": quiz})
                tool = f"Use one of these tools to {said} quickly"
                rows.append({"source": "tool", "kind": "distill", "prompt": tool})
    return rows


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prompts") / "prompts.parquet"
    pq.write_table(pa.Table.from_pylist(prompt_rows()), path)
    return path


def test_tasks_of_a_queue_are_distinct_and_partly_public() -> None:
    corpus = OwnText(Dice(1))
    queue = corpus.queue(Dice(2), 3_000, plain=True)
    assert len(set(queue)) == len(queue) == 3_000
    public = {text for name in BENCHMARKS for text in corpus.benchmark(name)}
    assert 0.1 < len(public & set(queue)) / 3_000 < 0.2


def test_two_operators_share_only_public_tasks() -> None:
    corpus = OwnText(Dice(1))
    one, two = (set(corpus.queue(Dice(n), 2_000, plain=True)) for n in (2, 3))
    public = {text for name in BENCHMARKS for text in corpus.benchmark(name)}
    assert len((one & two) - public) < 5


def test_people_keep_to_their_topics_and_a_queue_does_not() -> None:
    corpus = OwnText(Dice(1))
    rnd = Dice(4).py
    interest = corpus.interest(rnd, topics=2)
    person = {word for _ in range(100) for word in corpus.prompt(rnd, interest).split()}
    tasks = {word for text in corpus.queue(Dice(5), 100, plain=True) for word in text.split()}
    assert len(tasks) > 1.5 * len(person)


def test_elicitation_has_very_many_wordings() -> None:
    rnd = Dice(1).py
    assert len({wording.elicitation(rnd) for _ in range(2_000)}) > 1_900
    assert len({wording.elicitation(rnd, chinese=True) for _ in range(500)}) > 200


def test_real_prompts_are_split_between_people_and_harvests(prompts: Path) -> None:
    corpus = RealText(prompts, Dice(1))
    queue = corpus.queue(Dice(2), 600, plain=False)
    assert len(set(queue)) == 600
    harvested = {text for text in queue if text.endswith("ing.")}
    rnd = Dice(3).py
    asked = " ".join(corpus.prompt(rnd, corpus.interest(rnd)) for _ in range(3_000))
    assert harvested
    assert not any(text in asked for text in harvested)


def test_people_do_not_paste_pipeline_templates_and_plain_queues_have_none(prompts: Path) -> None:
    corpus = RealText(prompts, Dice(1))
    rnd = Dice(3).py
    said = [corpus.prompt(rnd, corpus.interest(rnd)) for _ in range(500)]
    assert not any("Use one of these" in text or "Answer the following" in text for text in said)
    assert not any(text.startswith("Use one") for text in corpus.queue(Dice(2), 300, plain=True))
    assert any(text.startswith("Use one") for text in corpus.queue(Dice(2), 300, plain=False))


def test_real_topics_are_about_something(prompts: Path) -> None:
    corpus = RealText(prompts, Dice(1))
    rnd = Dice(9).py
    interest = corpus.interest(rnd, topics=1)
    said = [corpus.prompt(rnd, interest) for _ in range(60)]
    words = (*ANIMALS, *VERBS, *PLACES)
    assert max(sum(word in text for text in said) for word in words) == len(said)


def test_a_simulation_with_real_prompts_uses_them(prompts: Path, tmp_path: Path) -> None:
    groups: dict[str, dict[str, Any]] = {
        "individuals": {"accounts": 20},
        "loud_hydra": {"accounts": 4, "per_day": 5.0},
    }
    scenario = Scenario(days=5, groups=groups)
    world = read(simulate(scenario, tmp_path, seed=1, prompts=prompts))
    for rows in (world.harvest, world.other):
        said = [row["prompt"] for row in rows if "prompt" in row]
        assert sum(any(animal in text for animal in ANIMALS) for text in said) > 0.8 * len(said)


def test_too_few_prompts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "few.parquet"
    pq.write_table(pa.Table.from_pylist(prompt_rows()[:4]), path)
    with pytest.raises(InputError, match=r"few\.parquet.*too few prompts"):
        RealText(path, Dice(1))
