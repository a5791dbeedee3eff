"""The adapter inside vLLM itself, on the CPU, with a tiny model of random weights.

Runs where vLLM is installed, which no lock holds; see docs/attribution.md for how.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from stillwatch.attribution import redgreen
from stillwatch.attribution.exact import upper_tail
from stillwatch.attribution.keys import Mark, MarkKey

from ..conftest import SECRET

pytestmark = [
    pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed"),
    pytest.mark.filterwarnings("ignore"),  # vLLM's own
]

NAME = "stillwatch.attribution.models.vllm:RedGreenV1"
KEY = MarkKey.derive(SECRET, Mark(epoch="2026-11", bias=20.0))
"""So strong a mark that every token of a marked row is green: one wrong row shows."""

VOCABULARY, REQUESTS, AT_ONCE = 512, 40, 8
BLOCKS = 12
"""Too few for what is answered at once: vLLM puts requests off and takes them up again."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("vllm")
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=128, intermediate_size=256, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=4, head_dim=32, max_position_embeddings=512,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    KEY.export(folder / "key.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STILLWATCH_MARK_EXPORT", str(folder / "key.json"))
        patch.setenv("VLLM_USE_V2_MODEL_RUNNER", "0")
        patch.setenv("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        patch.setenv("HF_HUB_OFFLINE", "1")
        from vllm import LLM

        llm = LLM(
            str(folder),
            skip_tokenizer_init=True,
            enforce_eager=True,
            max_model_len=256,
            max_num_seqs=AT_ONCE,
            block_size=32,
            num_gpu_blocks_override=BLOCKS,
            disable_log_stats=False,
            logits_processors=[NAME],
        )
        yield llm
        llm.llm_engine.engine_core.shutdown()


def params(seed: int, tokens: int, mark: Any) -> Any:
    from vllm import SamplingParams

    return SamplingParams(
        temperature=1.0,
        max_tokens=tokens,
        seed=seed,
        ignore_eos=True,
        detokenize=False,
        extra_args=None if mark is None else {"stillwatch_mark": mark},
    )


def hits(prompt: list[int], answer: list[int]) -> list[int]:
    width, text = KEY.mark.context, prompt + answer
    places = range(max(len(prompt), width), len(text))
    contexts = np.array([text[i - width : i] for i in places])
    found = redgreen.hits(contexts, np.array([text[i] for i in places]), KEY)
    return [int(hit) for hit in found]


def test_it_is_a_processor_of_vllm() -> None:
    from vllm.v1.sample.logits_processor import LogitsProcessor

    from stillwatch.attribution.models.vllm import RedGreenV1

    assert issubclass(RedGreenV1, LogitsProcessor)
    assert not RedGreenV1.__abstractmethods__


def test_rows_that_ask_are_marked_as_requests_come_and_go(engine: Any) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 20, REQUESTS), rng.integers(20, 120, REQUESTS)
    prompts = [rng.integers(3, VOCABULARY, n).tolist() for n in lengths[0]]
    wishes = [(None, 1, 0, "1")[i % 4] for i in range(REQUESTS)]
    given = [
        params(i, int(tokens), wish)
        for i, (tokens, wish) in enumerate(zip(lengths[1], wishes, strict=True))
    ]
    answers = engine.generate([{"prompt_token_ids": p} for p in prompts], given, use_tqdm=False)
    put_off = [m.value for m in engine.get_metrics() if m.name == "vllm:num_preemptions"]
    assert sum(put_off) > 0
    found = [
        hits(prompt, list(answer.outputs[0].token_ids))
        for prompt, answer in zip(prompts, answers, strict=True)
    ]
    plain: list[int] = []
    for wish, row in zip(wishes, found, strict=True):
        assert all(row) is (wish in (1, "1"))
        plain += row if wish in (None, 0) else []
    assert 0.001 < upper_tail(sum(plain), len(plain), KEY.mark.green) < 0.999


def test_a_wish_that_is_none_is_refused(engine: Any) -> None:
    from vllm.exceptions import VLLMValidationError

    with pytest.raises(VLLMValidationError, match="stillwatch_mark is 0 or 1"):
        engine.generate([{"prompt_token_ids": [3]}], params(0, 1, "yes"), use_tqdm=False)
