from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LogitsProcessorList

from stillwatch.attribution import redgreen
from stillwatch.attribution.keys import Mark, MarkKey
from stillwatch.attribution.models import marking, synthid
from stillwatch.attribution.radioactivity import radioactivity
from stillwatch.attribution.windows import from_samples
from stillwatch.errors import UsageError
from stillwatch.guard import Ask, Guard, parse_policy
from stillwatch.guard.restrict import headers, wants_mark
from stillwatch.standing import Action, Snapshot, Standing

from ..conftest import SECRET, key_of

VOCABULARY = 200
HELD = Snapshot(sequence=1, standings=(Standing(account_id="suspect", action=Action.RESTRICT),))


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=128, n_embd=32, n_layer=1, n_head=2,
        bos_token_id=0, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


def generate(model: Any, prompts: torch.Tensor, processor: Any) -> torch.Tensor:
    torch.manual_seed(1)
    made = model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        do_sample=True,
        top_k=0,
        max_new_tokens=40,
        logits_processor=LogitsProcessorList([processor] if processor else []),
    )
    return made[:, prompts.shape[1] :]


def score(prompts: torch.Tensor, answers: torch.Tensor, key: MarkKey) -> Any:
    return radioactivity(
        from_samples(list(prompts.numpy()), list(answers.numpy()), key.mark.context), key
    )


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_numpy_and_pytorch_agree_bit_by_bit(share: float) -> None:
    seeds = redgreen.seeds(np.array([[0, 0], [5, 6], [99_999, 3]]), key_of("a"))
    for seed in seeds:
        here = redgreen.green(seed, np.arange(50_000), share)
        there = marking.green(int(seed.view(np.int64)), 50_000, share).numpy()
        assert (here == there).all()


@pytest.mark.parametrize("scheme", ["red-green", "synthid"])
def test_generated_text_carries_its_mark_and_no_other(model: Any, scheme: str) -> None:
    key, other = (
        MarkKey.derive(SECRET, Mark(epoch=epoch, scheme=scheme, depth=12)) for epoch in ("a", "b")
    )
    prompts = torch.randint(VOCABULARY, (30, 5), generator=torch.Generator().manual_seed(2))
    marked = generate(model, prompts, marking.processor(key))
    plain = generate(model, prompts, None)
    assert score(prompts, marked, key).p < 1e-12
    assert score(prompts, marked, other).p > 0.001
    assert score(prompts, plain, key).p > 0.001
    assert score(prompts, marked, key).sound


def test_rows_without_a_key_are_untouched_to_the_bit(model: Any) -> None:
    ids = torch.randint(VOCABULARY, (3, 4))
    scores = torch.randn(3, VOCABULARY)
    before = scores.clone()
    changed = marking.RedGreen([None, key_of("a"), None])(ids, scores)
    assert torch.equal(scores, before)
    assert torch.equal(changed[[0, 2]], before[[0, 2]])
    raised = changed[1] - before[1]
    assert set(raised.round(decimals=4).tolist()) == {0.0, 2.0}
    with pytest.raises(UsageError, match="1 keys for 3 rows"):
        marking.RedGreen([None])(ids, scores)


def test_only_restricted_requests_of_a_batch_are_marked() -> None:
    guard = Guard(parse_policy('mode = "enforce"'), HELD)
    wanted = []
    for account in ("honest", "suspect"):
        given = guard.decide(Ask(account_id=account)).restrictions
        wanted.append(headers(given) if given else {})
    assert [wants_mark(one) for one in wanted] == [False, True]
    keys = [key_of("a") if wants_mark(one) else None for one in wanted]
    scores = torch.randn(2, VOCABULARY)
    changed = marking.RedGreen(keys)(torch.tensor([[1, 2], [1, 2]]), scores)
    assert torch.equal(changed[0], scores[0])
    assert not torch.equal(changed[1], scores[1])


def test_nothing_is_marked_before_there_is_a_context() -> None:
    scores = torch.zeros(1, VOCABULARY)
    processor = marking.RedGreen(key_of("a"))
    assert not processor(torch.tensor([[7]]), scores).any()
    assert processor(torch.tensor([[7, 8]]), scores).any()


def test_all_bits_of_a_synthid_key_count() -> None:
    key = MarkKey.derive(SECRET, Mark(epoch="a", scheme="synthid"))
    windows = torch.randint(50_000, (1, 500, 3), generator=torch.Generator().manual_seed(0))

    def colours(flipped: int, size: int) -> torch.Tensor:
        made = synthid.processor(key, "cpu", size)
        made.keys = made.keys ^ flipped
        return made.sample_g_values(made.compute_ngram_keys(windows))

    for size, differ in ((2**16, False), (synthid.TABLE, True)):
        assert torch.equal(colours(1 << 40, size), colours(0, size)) is not differ
    assert all(synthid.TABLE % small for small in range(2, 1_001))


def test_synthid_counts_as_its_processor_marks() -> None:
    key = MarkKey.derive(SECRET, Mark(epoch="a", scheme="synthid", depth=5))
    text = np.random.default_rng(0).integers(1_000, size=50)
    grams = np.lib.stride_tricks.sliding_window_view(text, 3)
    expected = synthid.processor(key).compute_g_values(torch.from_numpy(text)[None])[0].sum(dim=1)
    assert synthid.hits(grams[:, :2], grams[:, 2], key).tolist() == expected.tolist()
