"""What a trial is made of, as JSON and arrays, and back; by the fields that the classes have.

No class is named here: whatever dataclasses `stillwatch.campaigns` defines travel with all their
fields, so what judging newly looks at is in the evidence from the day on which it does. Back, only
these classes are made, from fields with exactly their names.

    array       {"array": "trial.groups.0.sample.body"} and a file of zstd-compressed little-endian
    numbers dataclass   {"class": "judge.Court", "fields": {...}}
    tuple, set  {"tuple": [...]}, {"set": [...]};  dict {"dict": [[key, value], ...]}
    nan, inf    {"float": "nan"}
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import zstandard

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stillwatch.evidence.mask import Mask

PACKAGE = "stillwatch.campaigns"

MAX_ARRAYS_BYTES = 4 * 2**30
"""Most that the arrays of one document may unpack to."""

_KINDS = frozenset({"|b1", "|i1", "<i2", "<i4", "<i8", "<f4", "<f8"})
_INTEGERS = ("|i1", "<i2", "<i4", "<i8")
_LEVEL = 6


@dataclass(frozen=True)
class Frozen:
    """A value as a document that JSON can hold, and its arrays by name, compressed."""

    document: Any
    arrays: dict[str, bytes]


@cache
def classes() -> Mapping[str, type[Any]]:
    """The dataclasses that may travel, by module and name."""
    package = importlib.import_module(PACKAGE)
    found: dict[str, type[Any]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        members = vars(importlib.import_module(f"{PACKAGE}.{module.name}")).values()
        for member in members:
            if not isinstance(member, type) or not is_dataclass(member):
                continue
            if member.__module__.startswith(f"{PACKAGE}."):
                found[_name(member)] = member
    return found


def _name(kind: type[Any]) -> str:
    return f"{kind.__module__.removeprefix(PACKAGE + '.')}.{kind.__qualname__}"


def arrays_in(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    """Every array inside a value, single integers as arrays of one."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield np.array([value])
    elif is_dataclass(value):
        for field in fields(value):
            yield from arrays_in(getattr(value, field.name))
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from arrays_in(key)
            yield from arrays_in(part)
    elif isinstance(value, (list, tuple, frozenset)):
        for part in value:
            yield from arrays_in(part)


def freeze(value: Any, mask: Mask, path: str = "trial") -> Frozen:
    """Take a value apart.

    Args:
        value: dataclasses of `stillwatch.campaigns`, containers, numbers, texts and arrays.
        mask: what keyed hashes are replaced by.
        path: where the value stands; names its arrays.

    Raises:
        TypeError: it holds something else.
    """
    arrays: dict[str, bytes] = {}
    return Frozen(_Freezer(mask, arrays).take(value, path), arrays)


@dataclass(frozen=True)
class _Freezer:
    mask: Mask
    arrays: dict[str, bytes]

    def take(self, value: Any, path: str) -> Any:
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, np.integer)):
            return self.mask.one(int(value))
        if isinstance(value, (float, np.floating)):
            number = float(value)
            return number if np.isfinite(number) else {"float": str(number)}
        if isinstance(value, np.ndarray):
            return self._array(value, path)
        if is_dataclass(value) and not isinstance(value, type):
            return self._object(value, path)
        return self._container(value, path)

    def _object(self, value: Any, path: str) -> dict[str, Any]:
        name = _name(type(value))
        if name not in classes():
            raise TypeError(f"{name} is no part of a trial")
        parts = {
            f.name: self.take(getattr(value, f.name), f"{path}.{f.name}") for f in fields(value)
        }
        return {"class": name, "fields": parts}

    def _container(self, value: Any, path: str) -> Any:
        if isinstance(value, dict):
            return {
                "dict": [
                    [self.take(key, f"{path}.k{i}"), self.take(part, f"{path}.{i}")]
                    for i, (key, part) in enumerate(sorted(value.items()))
                ]
            }
        if isinstance(value, frozenset):
            return {"set": [self.take(v, f"{path}.{i}") for i, v in enumerate(sorted(value))]}
        if isinstance(value, (list, tuple)):
            parts = [self.take(part, f"{path}.{i}") for i, part in enumerate(value)]
            return parts if isinstance(value, list) else {"tuple": parts}
        raise TypeError(f"{path} is a {type(value).__name__}, which cannot travel")

    def _array(self, value: np.ndarray[Any, Any], path: str) -> dict[str, Any]:
        kind = value.dtype.newbyteorder("<").str
        if kind not in _KINDS:
            raise TypeError(f"{path} is an array of {value.dtype}, which cannot travel")
        stored = np.ascontiguousarray(_narrow(self.mask.all(value)))
        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False)
        name = path.lower()
        self.arrays[name] = compressor.compress(stored.tobytes())
        return {
            "array": name,
            "kind": kind,
            "stored": stored.dtype.str,
            "shape": list(value.shape),
        }


def _narrow(value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same numbers in the fewest bytes."""
    little = value.astype(value.dtype.newbyteorder("<"))
    if little.dtype.kind == "i" and little.size:
        for kind in _INTEGERS:
            limits = np.iinfo(kind)
            if limits.min <= little.min() and little.max() <= limits.max:
                return little.astype(kind)
    if little.dtype.str == "<f8":
        with np.errstate(over="ignore"):
            short = little.astype("<f4")
        if np.array_equal(short.astype("<f8"), little, equal_nan=True):
            return short
    return little


def thaw(frozen: Frozen, *, file: str = "") -> Any:
    """Put a value together again.

    Raises:
        InputError: the document is malformed, names a class or a field that this version lacks,
            lacks one that it needs, or its arrays unpack to more than is allowed.
    """
    return _Thawer(frozen.arrays, file, [MAX_ARRAYS_BYTES]).make(frozen.document)


@dataclass(frozen=True)
class _Thawer:
    arrays: Mapping[str, bytes]
    file: str
    left: list[int]

    def make(self, document: Any) -> Any:
        if document is None or isinstance(document, (bool, int, float, str)):
            return document
        if isinstance(document, list):
            return [self.make(part) for part in document]
        if isinstance(document, dict) and "array" in document:
            return self._array(document)
        if isinstance(document, dict) and document.keys() == {"class", "fields"}:
            return self._object(document["class"], document["fields"])
        if isinstance(document, dict) and len(document) == 1:
            ((kind, content),) = document.items()
            return self._special(kind, content)
        raise self._wrong("has a part of no known kind")

    def _special(self, kind: str, content: Any) -> Any:
        if kind == "float" and isinstance(content, str) and content in {"nan", "inf", "-inf"}:
            return float(content)
        if kind in {"tuple", "set", "dict"} and isinstance(content, list):
            made = [self.make(part) for part in content]
            try:
                return {"tuple": tuple, "set": frozenset, "dict": dict}[kind](made)
            except (TypeError, ValueError):
                raise self._wrong(f"has a malformed {kind}") from None
        raise self._wrong("has a part of no known kind")

    def _object(self, name: Any, parts: Any) -> Any:
        kind = classes().get(name) if isinstance(name, str) else None
        if kind is None or not isinstance(parts, dict):
            raise self._wrong(f"has a {str(name)[:80]!r}, which this version does not know")
        known = {f.name for f in fields(kind)}
        if strange := sorted(parts.keys() - known):
            raise self._wrong(f"has {name} with {strange}, which this version does not know")
        made = {key: self.make(part) for key, part in parts.items()}
        try:
            return kind(**made)
        except TypeError as error:
            raise self._wrong(f"has a {name} that this version cannot read: {error}") from None

    def _array(self, document: dict[str, Any]) -> np.ndarray[Any, Any]:
        name, kind = document.get("array"), document.get("kind")
        stored, shape = document.get("stored"), document.get("shape")
        sizes = isinstance(shape, list) and all(
            type(n) is int and 0 <= n <= MAX_ARRAYS_BYTES for n in shape
        )
        known = all(isinstance(one, str) and one in _KINDS for one in (kind, stored))
        if not known or not sizes or len(shape or []) > 3:
            raise self._wrong(f"has a malformed array {str(name)[:80]!r}")
        size = np.dtype(stored).itemsize
        for n in shape or []:
            size *= n
        self.left[0] -= size
        if self.left[0] < 0:
            raise self._wrong(f"unpacks to more than {MAX_ARRAYS_BYTES >> 30} GiB")
        data = self._unpacked(str(name), size)
        made = np.frombuffer(data, dtype=stored).reshape(shape)
        return made.astype(np.dtype(kind).newbyteorder("="))

    def _unpacked(self, name: str, size: int) -> bytes:
        if name not in self.arrays:
            raise self._wrong(f"lacks the array {name[:80]!r}")
        try:
            with zstandard.ZstdDecompressor().stream_reader(self.arrays[name]) as reader:
                data: bytes = reader.read(size + 1)
        except zstandard.ZstdError as error:
            raise self._wrong(f"has a damaged array {name[:80]!r}: {error}") from None
        if len(data) != size:
            raise self._wrong(f"has an array {name[:80]!r} of another size than it says")
        return data

    def _wrong(self, message: str) -> InputError:
        return InputError(message, file=self.file)
