"""How often is provenance right on real texts of people and of models?

    python -m bench.origins --prompts FILE            # what it finds
    python -m bench.origins --prompts FILE --rates    # the counts of rates.toml

The file has the columns `source`, `prompt` and `response`. Sources are parted into two halves; what
evidence is worth is counted on one half and tried on the other, and the other way round. Of the
models' sources that are tried every second one is registered, and the rows that are looked for are
edited copies of its answers, as copies in training sets are; the others are models whose answers
nobody registered. No text leaves this program.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import stats

from stillwatch.provenance.evidence import Judge
from stillwatch.provenance.markers import classes, marked
from stillwatch.provenance.registry import Register, best, sketch
from stillwatch.provenance.rows import Origin, Row
from stillwatch.provenance.weigh import COPY, Rate
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from collections.abc import Sequence

SEED = 0
KEY = SketchKey(bytes.fromhex("5c" * 32))

PEOPLE = (
    ("alpaca_cot_aqua", "response"),
    ("alpaca_cot_creak", "response"),
    ("alpaca_cot_ecqa", "response"),
    ("arena_hard_v01", "prompt"),
    ("arena_votes_2023", "prompt"),
    ("gsm8k_train", "response"),
    ("hh_rlhf_harmless", "prompt"),
    ("instructwild_seed_prompts_ch", "prompt"),
    ("instructwild_user_1", "prompt"),
    ("lima", "response"),
    ("mmlu", "prompt"),
    ("oasst_zh", "prompt"),
    ("self_instruct_user252", "prompt"),
)
"""Texts that people wrote. Not among them: the answers of oasst_zh, since volunteers pasted some
that begin with "as a language model"."""

MODELS = (
    ("alpaca_eval", "response"),
    ("alpaca_gpt4_en_demo", "response"),
    ("belle_dev1k", "response"),
    ("belle_eval_set", "response"),
    ("codealpaca", "response"),
    ("gorilla_apibench", "response"),
    ("gpteacher_toolformer", "response"),
    ("realhumaneval", "response"),
    ("stanford_alpaca", "response"),
)

Corpus = dict[str, list[str]]


def main() -> None:
    """Print the rates, or what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--rates", action="store_true")
    arguments = parser.parse_args()
    people, models = read(arguments.prompts, PEOPLE), read(arguments.prompts, MODELS)
    if arguments.rates:
        for kind, rate in counted(people, models).items():
            print(f"[{kind}]\npeople = {list(rate.people)}\nmodels = {list(rate.models)}\n")
        return
    tried: list[Tried] = []
    for half in (0, 1):
        known = counted(part(people, 1 - half), part(models, 1 - half))
        for kind, rate in known.items():
            print(f"half {half}: {kind}: confidence {rate.confidence:.4f}")
        tried += try_out(part(people, half), part(models, half), known)
    show(tried)


def read(path: Path, wanted: Sequence[tuple[str, str]]) -> Corpus:
    """Texts by source, those that are not blank."""
    table = pq.read_table(path, columns=["source", "prompt", "response"]).to_pylist()
    columns = dict(wanted)
    found: Corpus = {name: [] for name in columns}
    for row in table:
        text = row.get(columns.get(row["source"], ""))
        if isinstance(text, str) and text.strip():
            found[row["source"]].append(text)
    return found


def part(corpus: Corpus, half: int) -> Corpus:
    """Every second source."""
    return {name: corpus[name] for name in sorted(corpus)[half::2]}


def edited(texts: Sequence[str]) -> list[str]:
    """Copies as training sets have them: whole, cut, with words left out, with words exchanged."""
    dice = random.Random(SEED)
    made = []
    for number, text in enumerate(texts):
        words = text.split(" ")
        kind = number % 4
        if kind == 1:
            words = words[: max(1, len(words) * 4 // 5)]
        elif kind == 2:
            words = [word for word in words if dice.random() > 0.1] or words
        elif kind == 3:
            words = [word if dice.random() > 0.1 else dice.choice(words) for word in words]
        made.append(" ".join(words))
    return made


def registered(models: Corpus) -> list[Register]:
    """A register of each source."""
    return [
        Register.of(name, Origin.GENERATED, [sketch(pa.array(texts), KEY)])
        for name, texts in models.items()
    ]


def counted(people: Corpus, models: Corpus) -> dict[str, Rate]:
    """What each kind of evidence is worth on these texts."""
    written = [text for texts in people.values() for text in texts]
    made = [text for texts in models.values() for text in texts]
    hits, finds = marked(pa.array(written)), marked(pa.array(made))
    rates = {
        kind: Rate((int(hits[kind].sum()), len(written)), (int(finds[kind].sum()), len(made)))
        for kind in classes()
    }
    registers = registered(models)
    mistaken = int((best(registers, sketch(pa.array(written), KEY))[0] > 0).sum())
    copies = [
        register.similarity(sketch(pa.array(edited(models[register.name])), KEY))
        for register in registers
    ]
    found = int((np.concatenate(copies) > 0).sum())
    return rates | {COPY: Rate((mistaken, len(written)), (found, len(made)))}


@dataclass(frozen=True)
class Tried:
    """A source that was tried: its group, name and rows by verdict."""

    group: str
    name: str
    verdicts: Counter[str]


def try_out(people: Corpus, models: Corpus, known: dict[str, Rate]) -> list[Tried]:
    """Judge sources with evidence that is worth what it was on others."""
    names = sorted(models)
    seen = {name: models[name] for name in names[::2]}
    judge = Judge(registered(seen), KEY, None, known=known)
    groups = (
        (PEOPLES, people),
        ("registered, edited", {name: edited(texts) for name, texts in seen.items()}),
        ("never registered", {name: models[name] for name in names[1::2]}),
    )
    return [
        Tried(group, name, Counter(one.verdict for one in judge.judge(rows_of(texts))))
        for group, corpus in groups
        for name, texts in corpus.items()
    ]


def rows_of(texts: Sequence[str]) -> list[Row]:
    """Texts as rows that declare nothing."""
    return [Row(text, "", None, "", "") for text in texts]


def show(tried: Sequence[Tried]) -> None:
    """Print a row a source, and what all of them come to."""
    print(f"\n{'group':20}{'source':32}{'rows':>8}{'generated':>11}{'unknown':>9}")
    for one in tried:
        rows = one.verdicts.total()
        print(
            f"{one.group:20}{one.name:32}{rows:8,}{one.verdicts[Origin.GENERATED]:11,}"
            f"{one.verdicts[Origin.UNKNOWN] / rows:9.1%}"
        )
    sums = {group: Counter[str]() for group in dict.fromkeys(one.group for one in tried)}
    for one in tried:
        sums[one.group].update(one.verdicts)
    called = {group: (found[Origin.GENERATED], found.total()) for group, found in sums.items()}
    print()
    for group, (found, of) in called.items():
        print(f"{group}: called generated {share(found, of)}, unknown {share(of - found, of)}")
    wrong = called[PEOPLES][0]
    right = sum(found for group, (found, _) in called.items() if group != PEOPLES)
    made = sum(of for group, (_, of) in called.items() if group != PEOPLES)
    print(f"precision of generated: {share(right, right + wrong)}")
    print(f"recall of generated: {share(right, made)}")
    rows = sum(of for _, of in called.values())
    print(f"unknown: {share(rows - right - wrong, rows)}")


PEOPLES = "people"


def share(found: int, of: int) -> str:
    """A share with its interval (Clopper-Pearson, 95 %)."""
    low = float(stats.beta.ppf(0.025, found, of - found + 1)) if found else 0.0
    high = float(stats.beta.ppf(0.975, found + 1, of - found)) if found < of else 1.0
    return f"{found:,} of {of:,} = {found / of:.2%} ({low:.2%} to {high:.2%})"


if __name__ == "__main__":
    main()
