"""Acts into sketches, a block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.lab.sender import CHARACTERS_PER_TOKEN
from stillwatch.lab.sketched.packing import Packed, Packer
from stillwatch.lab.sketched.performing import Rows, perform, room_for_prompt
from stillwatch.lab.sketched.vocabulary import vocabulary
from stillwatch.lab.stage import NEW_MODEL
from stillwatch.lab.text.grammar import LANGUAGE_SHARES, N_TOPICS
from stillwatch.schema import SKETCHES
from stillwatch.sketch.clients import client_keys, networks
from stillwatch.sketch.columns import as_keys, as_lists, hash_identifier
from stillwatch.sketch.lexicon import lexicon
from stillwatch.sketch.sketcher import asked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from stillwatch.lab.sketched.acts import Act
    from stillwatch.sketch import SketchKey

SLACK = 1.06
"""Room for requests that are sent again after a failure."""

_NO_VALUE = -1


class Played(NamedTuple):
    """Acts with the requests that came of them."""

    acts: Sequence[Act]
    packed: Packed
    rows: Rows


class Renderer:
    """Makes sketches of acts, under one deployment's key.

    Args:
        key: of the sketches.
        accounts: int64, the account's key by its number in the acts.
        start: the window's first instant.
        end: the window's length in seconds.
        worlds: how many times the grammar's topics there are.
    """

    def __init__(
        self, key: SketchKey, accounts: NDArray[np.int64], start: datetime, end: float, worlds: int
    ) -> None:
        self._key, self._accounts, self._end = key, accounts, end
        self._start = round(start.timestamp() * 1e3)
        self._topics = N_TOPICS * worlds
        self._shares = np.cumsum(LANGUAGE_SHARES) / sum(LANGUAGE_SHARES)

    def rows(self, acts: Sequence[Act]) -> Played:
        """The requests of acts, those left out that were thought and not sent."""
        packed = Packer().pack(acts, self._key.subkey("system"))
        room = int(packed.rows * SLACK) + 64
        while True:
            rows = Rows.room(room)
            n = perform(
                vocabulary(), packed.acts, packed.props, packed.terms, self._end,
                self._key.subkey("template"), lexicon(), self._topics, self._shares,
                room_for_prompt(), rows,
            )  # fmt: skip
            if n >= 0:
                break
            room *= 2
        sent = np.flatnonzero(rows.status[:n] > 0)
        return Played(acts, packed, Rows._make(column[sent] for column in rows))

    def table(self, played: Played) -> pa.Table:
        """Requests in `SKETCHES`, in the order of account, time and request."""
        rows = played.rows
        request = rows.request.view(np.int64)
        account = self._accounts[rows.account]
        moment = (self._start + np.floor(rows.at * 1000).astype(np.int64)) * 1000
        order = np.lexsort((request, moment, account))
        rows = Rows._make(column[order] for column in rows)
        system = played.packed.acts["system"][rows.act]
        props = played.packed.props
        columns = {
            "request_key": pa.array(request[order]),
            "timestamp": pa.array(moment[order]).cast(SKETCHES.field("timestamp").type),
            "account": pa.array(account[order]),
            "input_tokens": pa.array(_tokens(rows.size + props.system_size[system])),
            **_said(rows),
            **asked(rows.scores, props.system_scores[system]),
            **self._called(played.acts, rows),
            **self._seen(played.acts, rows, played.packed.addresses),
        }
        return pa.table([columns[name] for name in SKETCHES.names], schema=SKETCHES)

    def _called(self, acts: Sequence[Act], rows: Rows) -> dict[str, pa.Array]:
        """How the model was called, and what it answered."""
        uses = [act.settings for act in acts]
        models = pa.array([use.model for use in uses], pa.string()).take(pa.array(rows.act))
        new = pa.array(rows.new_model)
        systems = pa.array([use.system for use in uses], pa.string())
        status = rows.status
        return {
            "model": pc.if_else(new, pa.scalar(NEW_MODEL), models),
            "system_key": hash_identifier(systems, self._key.subkey("system")).take(
                pa.array(rows.act)
            ),
            "temperature": _of_act([use.temperature for use in uses], pa.float64(), rows),
            "max_tokens": _of_act([use.max_tokens for use in uses], pa.int64(), rows),
            "n": _of_act([use.n for use in uses], pa.int32(), rows),
            "logprobs": _of_act([use.logprobs for use in uses], pa.bool_(), rows),
            "status": pa.array(status.astype(np.int32)),
            "output_tokens": pa.array(rows.output.astype(np.int64)),
            "reasoning_tokens": pa.array(
                rows.reasoning.astype(np.int64), mask=rows.reasoning == _NO_VALUE
            ),
        }

    def _seen(self, acts: Sequence[Act], rows: Rows, addresses: pa.Array) -> dict[str, pa.Array]:
        """What the provider saw of the senders."""
        clients = [act.client for act in acts]
        agents = pa.array([client.stack.user_agent for client in clients], pa.string())
        hidden = [None if c.access_path == "cloud" else c.stack.tls for c in clients]
        tls = hash_identifier(pa.array(hidden, pa.string()), self._key.subkey("tls"))
        users = pa.array([act.end_user for act in acts], pa.string())
        where = pa.array(rows.address, mask=rows.address == _NO_VALUE)
        act = pa.array(rows.act)
        nets = hash_identifier(networks(addresses), self._key.subkey("network"))
        return {
            "end_user_key": hash_identifier(users, self._key.subkey("end user")).take(act),
            "address_key": hash_identifier(addresses, self._key.subkey("address")).take(where),
            "network_key": nets.take(where),
            "tls_key": tls.take(act),
            "client_key": client_keys(agents, self._key.subkey("client")).take(act),
            "access_path": pa.array([c.access_path for c in clients], pa.string()).take(act),
        }


def _tokens(characters: NDArray[np.int32]) -> NDArray[np.int64]:
    return (characters / CHARACTERS_PER_TOKEN).astype(np.int64) + 4


def _of_act(values: list[Any], kind: pa.DataType, rows: Rows) -> pa.Array:
    return pa.array(values, kind).take(pa.array(rows.act))


def _said(rows: Rows) -> dict[str, pa.Array]:
    """What is kept of the texts."""
    names = ("head4_key", "head8_key", "tail4_key", "tail8_key")
    grams = rows.grams
    columns = {
        name: as_keys(np.ascontiguousarray(grams[:, i]), grams[:, i] == 0)
        for i, name in enumerate(names)
    }
    return columns | {
        "skeleton_key": as_keys(rows.skeleton, rows.skeleton == 0),
        "bands": as_lists(rows.bands.view(np.int64), rows.bands[:, 0] == 0),
        "tokens": as_lists(rows.tokens, rows.tokens[:, 0] == 0),
        "body_key": as_keys(rows.body),
        "turns_key": as_keys(rows.said),
        "prefix_key": as_keys(rows.before, rows.before == 0),
        "turns": pa.array(rows.turns),
        "prompt_words": pa.array(rows.words),
        "conversation_key": as_keys(rows.conversation, rows.conversation == 0),
    }
