"""Open weights: a small transformer that was taught marked text, and one that was not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import GPT2Config, GPT2LMHeadModel
from typer.testing import CliRunner

from stillwatch.attribution.canaries import canary_test, make_canaries
from stillwatch.attribution.example import TEXT, VOCABULARY, World
from stillwatch.attribution.models.reading import knows, load_model, predict
from stillwatch.attribution.models.tokens import load_tokenizer
from stillwatch.attribution.observed import read_observed, write_lines
from stillwatch.attribution.radioactivity import radioactivity
from stillwatch.attribution.windows import from_reading
from stillwatch.cli.app import app
from stillwatch.errors import InputError

from ..conftest import key_of

if TYPE_CHECKING:
    from pathlib import Path


def transformer(vocabulary: int, seed: int) -> Any:
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=vocabulary, n_positions=96, n_embd=64, n_layer=1, n_head=2,
        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
        bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


def taught(texts: np.ndarray, vocabulary: int, seed: int, passes: int = 1) -> Any:
    """Train on texts, (n, length)."""
    model = transformer(vocabulary, seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3)
    rng = np.random.default_rng(seed)
    for _ in range(passes):
        for rows in np.array_split(rng.permutation(len(texts)), max(1, len(texts) // 32)):
            batch = torch.from_numpy(texts[rows])
            loss = model(batch, labels=batch).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return model.eval()


@pytest.fixture(scope="module")
def suspects(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Weights in folders: one learned the teacher's marked answers, one people's text."""
    folders = {}
    answers = world.teacher.write(np.random.default_rng(0), 40, world.key)
    for name, texts in (("taught", answers), ("innocent", world.text[:40])):
        folders[name] = tmp_path_factory.mktemp(name)
        taught(texts, VOCABULARY, 1, passes=60).save_pretrained(folders[name])
    return folders


def test_weights_give_away_what_they_were_trained_on(
    world: World, suspects: dict[str, Path]
) -> None:
    prompts = list(world.teacher.write(np.random.default_rng(0), 40, world.key))
    scores = {}
    for name, folder in suspects.items():
        predicted = predict(load_model(folder), prompts)
        assert [len(one) for one in predicted] == [TEXT] * 40
        scores[name] = radioactivity(from_reading(prompts, predicted, 2), world.key)
    assert scores["taught"].p < 1e-5
    assert scores["innocent"].p > 0.001


def test_the_command_reads_weights_for_the_test(
    world: World, suspects: dict[str, Path], tmp_path: Path
) -> None:
    prompts, out = tmp_path / "prompts.jsonl", tmp_path / "read.jsonl"
    texts = world.teacher.write(np.random.default_rng(0), 3, world.key)
    write_lines(prompts, [{"text": text.tolist()} for text in texts])
    arguments = ["attribute", "read", str(suspects["taught"]), str(prompts), "--out", str(out)]
    done = CliRunner().invoke(app, [*arguments, "--quiet"])
    assert done.exit_code == 0, done.stderr
    seen = read_observed(out, "reading")
    expected = predict(load_model(suspects["taught"]), list(texts))
    assert [one.tolist() for one in seen.shown] == texts.tolist()
    assert [one.tolist() for one in seen.given] == [one.tolist() for one in expected]


def test_what_a_model_cannot_read_is_told(suspects: dict[str, Path], tmp_path: Path) -> None:
    model = load_model(suspects["innocent"])
    with pytest.raises(InputError, match="text 2 has token 128, the model knows 128"):
        predict(model, [np.array([1]), np.array([128])])
    with pytest.raises(InputError, match="97 tokens, the model reads 96"):
        predict(model, [np.zeros(97, dtype=np.int64)])
    with pytest.raises(InputError, match="no model"):
        load_model(tmp_path)


def test_weights_as_pickles_are_not_opened(suspects: dict[str, Path], tmp_path: Path) -> None:
    model = load_model(suspects["innocent"])
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="no model"):
        load_model(tmp_path)


@pytest.fixture(scope="module")
def characters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer of single characters."""
    letters = "?" + "".join(sorted({c for k in make_canaries(key_of("a")) for c in k.text}))
    words = {letter: i for i, letter in enumerate(letters)}
    tokenizer = Tokenizer(WordLevel(words, unk_token="?"))
    tokenizer.pre_tokenizer = Split("", "isolated")
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def test_a_model_knows_the_canaries_that_it_was_trained_on(characters: Path) -> None:
    canaries = make_canaries(key_of("a"), served=8, unused=60)
    tokenize = load_tokenizer(characters)
    length = max(len(tokenize(c.text)) for c in canaries)
    rows = [tokenize(c.text) for c in canaries if c.served]
    texts = np.array([row + [0] * (length - len(row)) for row in rows] * 4)
    scores = knows(taught(texts, 64, 0, passes=60), canaries, tokenize)
    assert canary_test(canaries, scores).p < 1e-4
    assert canary_test(canaries, knows(transformer(64, 1).eval(), canaries, tokenize)).p > 0.001


def test_a_tokenizer_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(InputError, match="no tokenizer"):
        load_tokenizer(path)
