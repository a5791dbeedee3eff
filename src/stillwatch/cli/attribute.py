"""`stillwatch attribute`: was a model trained on our answers?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.ledger import LedgerFolder, NewFile, OldFile, open_registrar
from stillwatch.cli.options import Json, Quiet, Seed
from stillwatch.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.attribution.behaviour import BehaviourScore
    from stillwatch.attribution.canaries import CanaryScore
    from stillwatch.attribution.keys import MarkKey
    from stillwatch.attribution.observed import Tokenize
    from stillwatch.evidence.ledger import Ledger

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Mark answers under keys, and test whether a model was trained on them.",
)

Epoch = Annotated[str, typer.Argument(help="What the key is for, such as 2026-11.")]
TokenizerFile = Annotated[
    Path | None,
    typer.Option(
        "--tokenizer",
        exists=True,
        dir_okay=False,
        help="tokenizer.json of the model that marks, where files hold texts.",
    ),
]


def load_tokenize(path: Path | None) -> Tokenize | None:
    """The tokenizer that was named, if one was."""
    if path is None:
        return None
    from stillwatch.attribution.models import need_models

    need_models("reading texts in place of token ids")
    from stillwatch.attribution.models.tokens import load_tokenizer

    return load_tokenizer(path)


def key_of(ledger: Ledger, epoch: str) -> MarkKey:
    """An epoch's key, with the parameters that the ledger has."""
    from stillwatch.attribution.keys import PLACE, MarkKey
    from stillwatch.attribution.registry import committed_mark

    return MarkKey.derive(PLACE.load(), committed_mark(ledger, epoch))


def show(found: CanaryScore | BehaviourScore, *, as_json: bool) -> None:
    """Print the outcome of a channel, for people or for programs."""
    from stillwatch.cli.tables import print_json

    if as_json:
        print_json(found.values())
    else:
        typer.echo(found.text)


@app.command("key")
def key_command(
    epoch: Epoch,
    scheme: Annotated[
        str, typer.Option("--scheme", help="red-green, or synthid (needs the extra).")
    ] = "red-green",
    context: Annotated[
        int, typer.Option("--context", help="Tokens before a token that choose its colour.")
    ] = 2,
    green: Annotated[
        float, typer.Option("--green", help="Share of the vocabulary that is raised.")
    ] = 0.25,
    bias: Annotated[float, typer.Option("--bias", help="By how much, in logits.")] = 2.0,
    depth: Annotated[int, typer.Option("--depth", help="Rounds of synthid.")] = 30,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", dir_okay=False, help="Also write the key to a file, for what marks with it."
        ),
    ] = None,
    ledger: LedgerFolder = None,
) -> None:
    """Commit to an epoch's key in the ledger, before anything is marked with it."""
    from stillwatch.attribution.keys import PLACE, Mark, MarkKey
    from stillwatch.attribution.registry import commit_key

    mark = Mark(epoch=epoch, scheme=scheme, context=context, green=green, bias=bias, depth=depth)
    key = MarkKey.derive(PLACE.load(), mark)
    index = commit_key(open_registrar(ledger).ledger, key)
    if export is not None:
        key.export(export)
    typer.echo(f"key {key.name} of {epoch}: entry {index}, commitment {key.commitment}")


@app.command("register")
def register_command(
    prompts: OldFile,
    out: NewFile,
    epochs: Annotated[list[str], typer.Option("--epoch", help="Whose key; may be repeated.")],
    suspects: Annotated[
        list[str], typer.Option("--suspect", help="Name of a suspect; may be repeated.")
    ],
    controls: Annotated[
        list[str],
        typer.Option(
            "--control",
            help="Name of a model that cannot have seen marked text; may be repeated.",
        ),
    ],
    answers: Annotated[
        int, typer.Option("--answers", help="Answers to each prompt, from each model.")
    ] = 1,
    level: Annotated[
        float, typer.Option("--level", help="Chance of one false accusation in the plan.")
    ] = 0.001,
    decoys: Annotated[
        int, typer.Option("--decoys", help="Keys that marked nothing, for the empirical null.")
    ] = 100,
    tokenizer: TokenizerFile = None,
    ledger: LedgerFolder = None,
) -> None:
    """Fix a test in the ledger before anything is asked, and write the plan to a file."""
    from stillwatch.attribution.observed import read_prompts
    from stillwatch.attribution.registry import Marked, Plan, register

    registrar = open_registrar(ledger)
    mode, asked = read_prompts(prompts, load_tokenize(tokenizer))
    keys = [key_of(registrar.ledger, epoch) for epoch in epochs]
    plan = Plan(
        mode=mode,
        keys=tuple(Marked(key.mark.parameters, key.commitment) for key in keys),
        suspects=tuple(suspects),
        controls=tuple(controls),
        prompts=asked.shown_digest,
        lines=len(asked.shown),
        answers=answers,
        level=level,
        decoys=decoys,
    )
    index = register(registrar.ledger, plan)
    out.write_bytes(plan.data)
    typer.echo(f"{out}: {mode} of {plan.lines:,} prompts, entry {index}, {plan.digest}")


@app.command("read")
def read_command(
    model: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder of the open weights.")
    ],
    prompts: OldFile,
    out: NewFile,
    tokenizer: TokenizerFile = None,
    quiet: Quiet = False,
) -> None:
    """Write what open weights predict at each place of the prompts (needs the extra)."""
    from stillwatch.attribution.models import need_models

    need_models("reading with a model's weights")
    from stillwatch.attribution.models.reading import load_model, predict
    from stillwatch.attribution.observed import READING, read_prompts, write_lines
    from stillwatch.cli.progress import watch

    mode, asked = read_prompts(prompts, load_tokenize(tokenizer))
    if mode != READING:
        raise InputError("these prompts are to be answered, not read", file=str(prompts))
    with watch(quiet=quiet) as progress:
        predicted = predict(load_model(model), asked.shown, progress)
    write_lines(
        out,
        [
            {"text": text.tolist(), "predicted": tokens.tolist()}
            for text, tokens in zip(asked.shown, predicted, strict=True)
        ],
    )
    typer.echo(f"{out}: {sum(map(len, predicted)):,} predictions")


@app.command("test")
def run_command(
    plan_file: Annotated[
        Path, typer.Argument(metavar="PLAN", exists=True, dir_okay=False, help="What was fixed.")
    ],
    prompts_file: Annotated[
        Path,
        typer.Argument(metavar="PROMPTS", exists=True, dir_okay=False, help="The plan's prompts."),
    ],
    observed: Annotated[
        list[str],
        typer.Option(
            "--observed", metavar="NAME=FILE", help="A model's file; one for each in the plan."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", dir_okay=False, help="Also write the finding as JSON."),
    ] = None,
    tokenizer: TokenizerFile = None,
    ledger: LedgerFolder = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Test what the suspects and controls of a plan gave back; the finding enters the ledger."""
    from stillwatch.attribution.registry import Plan
    from stillwatch.attribution.testing import run_plan
    from stillwatch.cli.progress import watch
    from stillwatch.cli.tables import print_json
    from stillwatch.cli.text import plain

    registrar, plan = open_registrar(ledger), Plan.read(plan_file)
    keys = [key_of(registrar.ledger, marked.mark.epoch) for marked in plan.keys]
    with watch(quiet=quiet) as progress:
        finding = run_plan(
            registrar.ledger,
            plan,
            keys,
            prompts_file,
            named_files(observed),
            load_tokenize(tokenizer),
            progress,
        )
    if out is not None:
        import json

        out.write_text(json.dumps(finding.values(), indent=2) + "\n", encoding="ascii")
    if as_json:
        print_json(finding.values())
    else:
        for line in finding.text.splitlines():
            typer.echo(plain(line, 2_000))


def named_files(given: Sequence[str]) -> dict[str, Path]:
    """Read NAME=FILE."""
    files: dict[str, Path] = {}
    for one in given:
        name, equals, file = one.partition("=")
        if not equals or not name or not file:
            raise UsageError(f"--observed needs NAME=FILE, not {one!r}")
        if name in files:
            raise UsageError(f"--observed names {name!r} twice")
        files[name] = Path(file)
    return files


@app.command("canaries")
def canaries_command(
    epoch: Epoch,
    out: NewFile,
    served: Annotated[int, typer.Option("--served", help="How many are put into answers.")] = 16,
    unused: Annotated[int, typer.Option("--unused", help="How many are the null.")] = 1000,
    ledger: LedgerFolder = None,
) -> None:
    """Write an epoch's canaries, drawn by lot, and commit to them in the ledger."""
    from stillwatch.attribution.canaries import lot_digest, make_canaries, write_canaries
    from stillwatch.attribution.registry import commit_canaries

    registrar = open_registrar(ledger)
    key = key_of(registrar.ledger, epoch)
    canaries = make_canaries(key, served, unused)
    index = commit_canaries(registrar.ledger, key, canaries, lot_digest(canaries))
    write_canaries(out, canaries)
    typer.echo(f"{out}: {served} to serve among {len(canaries):,}, entry {index}")


@app.command("known")
def known_command(
    canaries_file: Annotated[
        Path, typer.Argument(metavar="CANARIES", exists=True, dir_okay=False, help="As written.")
    ],
    scores_file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SCORES]", exists=True, dir_okay=False, help="The suspect's, by name."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", exists=True, file_okay=False, help="Open weights to score (needs the extra)."
        ),
    ] = None,
    tokenizer: TokenizerFile = None,
    ledger: LedgerFolder = None,
    as_json: Json = False,
) -> None:
    """Test whether a suspect knows the canaries that were served better than the unused."""
    from stillwatch.attribution.canaries import canary_test, lot_digest, read_canaries, read_scores
    from stillwatch.attribution.registry import canaries_at

    if (scores_file is None) == (model is None):
        raise UsageError("give either a file of scores or --model FOLDER")
    canaries = read_canaries(canaries_file)
    canaries_at(open_registrar(ledger).ledger, lot_digest(canaries), file=str(canaries_file))
    if scores_file is not None:
        scores = read_scores(scores_file)
    else:
        from stillwatch.attribution.models import need_models

        need_models("scoring with a model's weights")
        from stillwatch.attribution.models.reading import knows, load_model

        tokenize = load_tokenize(tokenizer)
        if tokenize is None or model is None:
            raise UsageError("--model needs --tokenizer, the suspect's tokenizer.json")
        scores = knows(load_model(model), canaries, tokenize)
    found = canary_test(canaries, scores)
    show(found, as_json=as_json)


@app.command("behaviour")
def behaviour_command(
    answers: OldFile,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Test whether a suspect answers as we do, more than every control does."""
    from stillwatch.attribution.behaviour import behaviour_test, read_answers

    found = behaviour_test(*read_answers(answers), seed=seed)
    show(found, as_json=as_json)


@app.command("example")
def example_command(
    epoch: Epoch,
    out: Annotated[
        Path, typer.Option("--out", "-o", file_okay=False, help="Folder; made if it is new.")
    ],
    share: Annotated[
        float,
        typer.Option("--share", min=0, max=1, help="Share of marked text that was trained on."),
    ] = 0.05,
    seed: Seed = 0,
    ledger: LedgerFolder = None,
) -> None:
    """Train a small teacher and students, and write prompts and what the students make of them."""
    from stillwatch.attribution.example import write_example

    write_example(out, key_of(open_registrar(ledger).ledger, epoch), share, seed)
    typer.echo(f"{out}: prompts, and readings of taught, innocent, control-1 and control-2")
