"""A register of known texts, and which rows are near-duplicates of one.

A provider or a model builder registers answers of a model (or texts whose human origin is known)
once; the register holds keyed hashes and no text. A row is looked up by MinHash bands of its word
triples, and what is found is compared by its rarest content words, as `sketch.kernels` samples
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.provenance.nearest import most_similar
from stillwatch.provenance.rows import Origin
from stillwatch.sketch.characters import characters
from stillwatch.sketch.columns import text_buffers
from stillwatch.sketch.kernels import Templates, read_prompts
from stillwatch.sketch.lexicon import lexicon, no_scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from stillwatch.sketch.key import SketchKey

BANDS = 16
"""Of two MinHashes each: texts that share half of their word triples meet in one with p = 0.99."""

TOKENS = 32
"""Content words of a text that are compared."""

MIN_WORDS = 12
"""Words of a text that can be a copy: shorter answers are anybody's."""

SIMILAR = 0.6
"""Share of the compared content words that a near-duplicate has in common. Of 17,230 answers by
people none had as much in common with any of 16,000 answers of models; see docs/provenance.md."""

MOST_CANDIDATES = 8
"""Known texts that a row is compared with for each band: more have the same boilerplate."""

_FORMAT = b"stillwatch/register/1"
_SCHEMA = pa.schema(
    [
        pa.field("bands", pa.list_(pa.int64(), BANDS), nullable=False),
        pa.field("tokens", pa.list_(pa.int32(), TOKENS), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Sketches:
    """What is compared of n texts.

    Attributes:
        bands: int64[n, BANDS]; 0 where the text is too short.
        tokens: int32[n, TOKENS], 0 is padding.
    """

    bands: NDArray[np.int64]
    tokens: NDArray[np.int32]


def sketch(texts: pa.Array, key: SketchKey) -> Sketches:
    """Sketch texts under a key."""
    n = len(texts)
    found = Templates.empty(n)._replace(
        bands=np.zeros((n, BANDS), np.uint64), tokens=np.zeros((n, TOKENS), np.int32)
    )
    data, offsets = text_buffers(texts)
    subkey = key.subkey("register")
    read_prompts(data, offsets, characters(), subkey, lexicon(), found, no_scores(n))
    found.bands[found.words < MIN_WORDS] = 0
    return Sketches(found.bands.view(np.int64), found.tokens)


@dataclass(frozen=True)
class Register:
    """Known texts of one origin.

    Attributes:
        name: of the corpus, such as the model's.
        origin: generated or original.
        sketches: of the texts that are long enough.
        order: int64[BANDS, n], texts by each band.
        sorted_bands: int64[BANDS, n], the bands in that order.
    """

    name: str
    origin: Origin
    sketches: Sketches
    order: NDArray[np.int64]
    sorted_bands: NDArray[np.int64]

    @classmethod
    def of(cls, name: str, origin: Origin, parts: Iterable[Sketches]) -> Register:
        """Index sketches; texts that are too short to be recognised are left out."""
        kept = [part for part in parts if len(part.bands)]
        bands = np.concatenate([np.zeros((0, BANDS), np.int64), *(p.bands for p in kept)])
        tokens = np.concatenate([np.zeros((0, TOKENS), np.int32), *(p.tokens for p in kept)])
        long = bands[:, 0] != 0
        sketches = Sketches(bands[long], tokens[long])
        order = np.argsort(sketches.bands.T, axis=1, kind="stable")
        return cls(name, origin, sketches, order, np.take_along_axis(sketches.bands.T, order, 1))

    def __len__(self) -> int:
        return len(self.sketches.bands)

    def similarity(self, rows: Sketches) -> NDArray[np.float64]:
        """Content words that each row has in common with the known text most like it, 0 to 1.

        Values below `SIMILAR` are given as 0.
        """
        best = np.zeros(len(rows.bands))
        most_similar(
            rows.bands,
            rows.tokens,
            self.sorted_bands,
            self.order,
            self.sketches.tokens,
            MOST_CANDIDATES,
            SIMILAR,
            best,
        )
        return best


def save(register: Register, key: SketchKey, path: Path) -> None:
    """Write a register as Parquet; it holds keyed hashes and no text."""
    columns = [
        pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])
        for matrix in (register.sketches.bands, register.sketches.tokens)
    ]
    about = {
        b"format": _FORMAT,
        b"name": register.name.encode(),
        b"origin": register.origin.value.encode(),
        b"key": key.fingerprint.encode(),
    }
    table = pa.Table.from_arrays(columns, schema=_SCHEMA.with_metadata(about))
    try:
        pq.write_table(table, path, compression="zstd")
    except OSError as error:
        raise InputError(f"the register cannot be written: {error}", file=str(path)) from None


def load(path: Path, key: SketchKey) -> Register:
    """Read a register.

    Raises:
        InputError: it cannot be read, is none, or was made with another key.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else "it cannot be read"
        raise InputError(f"this register cannot be read: {reason}", file=str(path)) from None
    about = table.schema.metadata or {}
    if about.get(b"format") != _FORMAT or not table.schema.equals(_SCHEMA):
        raise InputError(
            "this is no register; make one with: stillwatch provenance register CORPUS --name NAME "
            "--out FILE",
            file=str(path),
        )
    if about[b"key"].decode() != key.fingerprint:
        raise InputError(
            "this register was made with another key, so nothing would be found; set "
            "STILLWATCH_KEY or STILLWATCH_KEY_FILE to the key that it was made with",
            file=str(path),
        )
    bands, tokens = (
        np.concatenate([c.flatten().to_numpy() for c in table.column(name).chunks] or [()])
        for name in ("bands", "tokens")
    )
    part = Sketches(
        bands.astype(np.int64).reshape(-1, BANDS), tokens.astype(np.int32).reshape(-1, TOKENS)
    )
    return Register.of(about[b"name"].decode(), Origin(about[b"origin"].decode()), [part])


def best(registers: Sequence[Register], rows: Sketches) -> tuple[NDArray[np.float64], list[str]]:
    """Similarity to the most similar text of several registers, and the register's name."""
    similarity = np.zeros(len(rows.bands))
    names = [""] * len(similarity)
    for register in registers:
        found = register.similarity(rows)
        for row in np.flatnonzero(found > similarity):
            names[row] = register.name
        similarity = np.maximum(similarity, found)
    return similarity, names
