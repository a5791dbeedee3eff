"""A batch of requests into a batch of sketches, column by column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.schema import N_BANDS, N_TOKENS, SKETCHES, TURN_SEPARATOR
from stillwatch.sketch.clients import client_keys, network_keys
from stillwatch.sketch.columns import as_keys, hash_identifier, hash_text, is_missing, join_hashes
from stillwatch.sketch.columns import text_buffers
from stillwatch.sketch.kernels import template_columns
from stillwatch.sketch.key import SketchKey
from stillwatch.sketch.lexicon import capability, lexicon, score

_GRAMS = ("head4_key", "head8_key", "tail4_key", "tail8_key")
_CARRIED = (
    "timestamp", "model", "turns", "access_path", "input_tokens", "output_tokens",
    "reasoning_tokens", "temperature", "max_tokens", "n", "logprobs", "status",
)  # fmt: skip
_IDENTIFIERS = {
    "conversation_key": ("conversation", "conversation_id"),
    "end_user_key": ("end user", "end_user_id"),
    "address_key": ("address", "client_address"),
    "tls_key": ("tls", "tls_fingerprint"),
}


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
        self._key = key
        self._subkeys = {
            purpose: key.subkey(purpose)
            for purpose in (
                "request", "account", "text", "template", "system", "network", "client", "turns",
                *(purpose for purpose, _ in _IDENTIFIERS.values()),
            )
        }  # fmt: skip

    def account_keys(self, account_ids: pa.Array) -> pa.Array:
        """The `account` column of a column of account ids, to join account files to sketches."""
        return hash_identifier(account_ids, self._subkeys["account"])

    def trait_keys(self, values: pa.Array, trait: str) -> pa.Array:
        """Keyed int64 column of an account trait (payment fingerprint, e-mail domain, …)."""
        return hash_identifier(values, self._key.subkey(f"trait {trait}"))

    def network_keys(self, addresses: pa.Array) -> pa.Array:
        """The `network_key` column of a column of addresses."""
        return network_keys(addresses, self._subkeys["network"])

    def sketch(self, requests: pa.RecordBatch) -> Sketched:
        """Sketch one batch; rows keep their order."""
        column = requests.column
        system = _Shared(column("system_prompt"))
        accounts = column("account_id").dictionary_encode()
        keys_of_accounts = self.account_keys(accounts.dictionary)
        columns: dict[str, pa.Array] = {
            "request_key": hash_identifier(column("request_id"), self._subkeys["request"]),
            "account": keys_of_accounts.take(accounts.indices),
            "system_key": system.spread(
                lambda texts: hash_identifier(texts, self._subkeys["system"])
            ),
            "network_key": network_keys(column("client_address"), self._subkeys["network"]),
            "client_key": client_keys(column("user_agent"), self._subkeys["client"]),
        }
        for name, (purpose, source) in _IDENTIFIERS.items():
            columns[name] = hash_identifier(column(source), self._subkeys[purpose])
        for name in _CARRIED:
            columns[name] = column(name)
        columns |= self._templates(column("prompt"))
        columns |= self._turns(requests, system)
        columns |= _asked(column("prompt"), system)
        return Sketched(
            pa.RecordBatch.from_arrays([columns[f.name] for f in SKETCHES], schema=SKETCHES),
            pa.table({"account": keys_of_accounts, "account_id": accounts.dictionary}),
        )

    def _templates(self, prompts: pa.Array) -> dict[str, pa.Array]:
        data, offsets = text_buffers(prompts)
        n = len(prompts)
        grams, skeleton = np.zeros((n, 4), np.uint64), np.zeros(n, np.uint64)
        bands, tokens = np.zeros((n, N_BANDS), np.uint64), np.zeros((n, N_TOKENS), np.int32)
        words = np.zeros(n, np.int32)
        key = self._subkeys["template"]
        template_columns(data, offsets, key, grams, skeleton, bands, tokens, words)
        columns = {
            name: as_keys(np.ascontiguousarray(grams[:, i]), grams[:, i] == 0)
            for i, name in enumerate(_GRAMS)
        }
        columns["skeleton_key"] = as_keys(skeleton, skeleton == 0)
        columns["bands"] = _lists(bands.view(np.int64), bands[:, 0] == 0)
        columns["tokens"] = _lists(tokens, tokens[:, 0] == 0)
        columns["prompt_words"] = pa.array(words)
        return columns

    def _turns(self, requests: pa.RecordBatch, system: _Shared) -> dict[str, pa.Array]:
        """Keys of the whole body, of the user's turns, and of the turns before the last."""
        key, join = self._subkeys["text"], self._subkeys["turns"]
        earlier, prompt = requests.column("earlier_turns"), requests.column("prompt")
        turns = pc.binary_join_element_wise(earlier, prompt, TURN_SEPARATOR, null_handling="skip")
        said = hash_text(turns, key)
        setting = system.spread_hash(lambda texts: hash_text(texts, key))
        return {
            "turns_key": as_keys(join_hashes(join, setting, said)),
            "prefix_key": as_keys(
                join_hashes(join, setting, hash_text(earlier, key)), is_missing(earlier)
            ),
            "body_key": as_keys(
                join_hashes(join, setting, said, hash_text(requests.column("context"), key))
            ),
        }


class _Shared:
    """A column in which few distinct texts repeat: work is done once for each distinct text."""

    def __init__(self, column: pa.Array) -> None:
        encoded = pc.fill_null(column, "").dictionary_encode()
        self.texts, self.indices = encoded.dictionary, encoded.indices

    def spread(self, function: object) -> pa.Array:
        assert callable(function)  # noqa: S101
        return function(self.texts).take(self.indices)

    def spread_hash(self, function: object) -> NDArray[np.uint64]:
        assert callable(function)  # noqa: S101
        result: NDArray[np.uint64] = function(self.texts)[self.indices.to_numpy()]
        return result


def _asked(prompts: pa.Array, system: _Shared) -> dict[str, pa.Array]:
    """Scores of what is asked for, over the prompt and the system prompt together."""
    raw = lexicon().raw_scores(prompts)
    raw_system = lexicon().raw_scores(system.texts)[system.indices.to_numpy()]
    both = raw + raw_system
    # the system prompt frames every request alike: it decides the capability only where the
    # prompt itself says nothing
    own = raw[:, 2:].max(axis=1, initial=0) > 0
    return {
        "elicitation": pa.array(score(both, "elicitation")),
        "grading": pa.array(score(both, "grading")),
        "capability": pa.array(np.where(own, capability(raw), capability(both))),
    }


def _lists(matrix: NDArray[np.int64] | NDArray[np.int32], missing: NDArray[np.bool_]) -> pa.Array:
    """A matrix as a column of fixed-size lists, null where missing."""
    flat = pa.array(matrix.ravel())
    return pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1], mask=pa.array(missing))
