"""A batch of requests into a batch of sketches, column by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.schema import SKETCHES, TURN_SEPARATOR
from stillwatch.sketch.characters import characters
from stillwatch.sketch.clients import client_keys, network_keys
from stillwatch.sketch.columns import (
    Distinct,
    Key,
    as_keys,
    as_lists,
    hash_identifier,
    hash_text,
    is_missing,
    join_hashes,
    text_buffers,
)
from stillwatch.sketch.kernels import Templates, read_prompts
from stillwatch.sketch.lexicon import SCORES, capability, lexicon, no_scores, raw_scores, score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.sketch.key import SketchKey

_GRAMS = ("head4_key", "head8_key", "tail4_key", "tail8_key")
_IDENTIFIERS = {
    "request_key": ("request", "request_id"),
    "conversation_key": ("conversation", "conversation_id"),
    "end_user_key": ("end user", "end_user_id"),
    "address_key": ("address", "client_address"),
    "tls_key": ("tls", "tls_fingerprint"),
}
"""Columns that are the hash of one identifier: the subkey's purpose, and the request's column."""

_CARRIED = (
    "timestamp", "model", "turns", "access_path", "input_tokens", "output_tokens",
    "reasoning_tokens", "temperature", "max_tokens", "n", "logprobs", "status",
)  # fmt: skip
"""Columns that are kept as they came."""

_PURPOSES = ("account", "text", "template", "system", "network", "client", "turns")


@dataclass(frozen=True)
class Sketched:
    """A batch in `SKETCHES` form, and the accounts named in it (`account`, `account_id`)."""

    sketches: pa.RecordBatch
    accounts: pa.Table


class Sketcher:
    """Turns `REQUESTS` batches into `SKETCHES` batches under one deployment's key.

    The same request gives the same sketch whatever batch it comes in. Safe to call from several
    threads at once: the heavy parts run without the interpreter's lock.
    """

    def __init__(self, key: SketchKey) -> None:
        self.key = key
        purposes = (*_PURPOSES, *(purpose for purpose, _ in _IDENTIFIERS.values()))
        self._subkeys: dict[str, Key] = {purpose: key.subkey(purpose) for purpose in purposes}

    def account_keys(self, account_ids: pa.Array) -> pa.Array:
        """The `account` column of a column of account ids, to join account files to sketches."""
        return hash_identifier(account_ids, self._subkeys["account"])

    def request_keys(self, request_ids: pa.Array) -> pa.Array:
        """The `request_key` column of a column of request ids."""
        return hash_identifier(request_ids, self._subkeys["request"])

    def trait_keys(self, values: pa.Array, trait: str) -> pa.Array:
        """Keyed int64 column of an account trait (payment fingerprint, e-mail domain, …)."""
        return hash_identifier(values, self.key.subkey(f"trait {trait}"))

    def network_keys(self, addresses: pa.Array) -> pa.Array:
        """The `network_key` column of a column of addresses."""
        return network_keys(addresses, self._subkeys["network"])

    def sketch(self, requests: pa.RecordBatch) -> Sketched:
        """Sketch one batch; rows keep their order."""
        accounts = Distinct.of(requests.column("account_id"))
        system = Distinct.of(pc.fill_null(requests.column("system_prompt"), ""))
        templates, scores = self._read(requests.column("prompt"))
        columns = {
            "account": accounts.column(self.account_keys),
            **{name: requests.column(name) for name in _CARRIED},
            **self._identifiers(requests),
            **_template_columns(templates),
            **self._conversation(requests, system),
            **asked(scores, system.matrix(raw_scores)),
        }
        return Sketched(
            pa.RecordBatch.from_arrays([columns[name] for name in SKETCHES.names], schema=SKETCHES),
            pa.table(
                {"account": self.account_keys(accounts.values), "account_id": accounts.values}
            ),
        )

    def _read(self, prompts: pa.Array) -> tuple[Templates, NDArray[np.float32]]:
        data, offsets = text_buffers(prompts)
        templates, scores = Templates.empty(len(prompts)), no_scores(len(prompts))
        key = self._subkeys["template"]
        read_prompts(data, offsets, characters(), key, lexicon(), templates, scores)
        return templates, scores

    def _identifiers(self, requests: pa.RecordBatch) -> dict[str, pa.Array]:
        columns = {
            name: hash_identifier(requests.column(source), self._subkeys[purpose])
            for name, (purpose, source) in _IDENTIFIERS.items()
        }
        columns["network_key"] = self.network_keys(requests.column("client_address"))
        columns["client_key"] = client_keys(requests.column("user_agent"), self._subkeys["client"])
        return columns

    def _conversation(self, requests: pa.RecordBatch, system: Distinct) -> dict[str, pa.Array]:
        """Keys of the system prompt, of the whole body, of the user's turns and all but the last.

        The `prefix_key` of a request is the `turns_key` of the request before it in the same
        conversation: both hash the system prompt and the same turns.
        """
        text, join = self._subkeys["text"], self._subkeys["turns"]
        earlier, prompt = requests.column("earlier_turns"), requests.column("prompt")
        turns = pc.binary_join_element_wise(earlier, prompt, TURN_SEPARATOR, null_handling="skip")
        setting = system.matrix(lambda texts: hash_text(texts, text))
        before, said = hash_text(earlier, text), hash_text(turns, text)
        context = hash_text(requests.column("context"), text)
        return {
            "system_key": system.column(
                lambda texts: hash_identifier(texts, self._subkeys["system"])
            ),
            "turns_key": as_keys(join_hashes(join, setting, said)),
            "prefix_key": as_keys(join_hashes(join, setting, before), is_missing(earlier)),
            "body_key": as_keys(join_hashes(join, setting, said, context)),
        }


def _template_columns(templates: Templates) -> dict[str, pa.Array]:
    grams, skeletons = templates.grams, templates.skeletons
    bands, tokens = templates.bands, templates.tokens
    columns = {name: as_keys(grams[:, i], grams[:, i] == 0) for i, name in enumerate(_GRAMS)}
    columns["skeleton_key"] = as_keys(skeletons, skeletons == 0)
    columns["bands"] = as_lists(bands.view(np.int64), bands[:, 0] == 0)
    columns["tokens"] = as_lists(tokens, tokens[:, 0] == 0)
    columns["prompt_words"] = pa.array(templates.words)
    return columns


def asked(prompt: NDArray[np.float32], system: NDArray[np.float32]) -> dict[str, pa.Array]:
    """What is asked for, from the raw scores of the prompt and of the system prompt.

    The system prompt frames every request alike, so it decides the capability only where the
    prompt itself says nothing.
    """
    both = prompt + system
    says_something = prompt[:, len(SCORES) :].any(axis=1)
    return {
        "elicitation": pa.array(score(both, "elicitation")),
        "grading": pa.array(score(both, "grading")),
        "capability": pa.array(np.where(says_something, capability(prompt), capability(both))),
    }
