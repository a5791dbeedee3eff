"""Copies of a sealed store, on disks and in object storage.

Object storage replaces a file as a whole, and nothing else. So the copy says of itself whether it
is whole (`sealed.Copied`): not from before the first file is touched until after the last, and
readers refuse what is not. The same file names what was brought, so that it is not brought again.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.lock import hold
from stillwatch.place import Place, is_url, sync
from stillwatch.progress import Silent
from stillwatch.sealed import (
    COPIED,
    FORMAT,
    JOURNAL,
    LAYOUT,
    Copied,
    Format,
    SealedStore,
    Sent,
    copy_at,
    need_sketches,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stillwatch.place import Item
    from stillwatch.progress import Progress, Step

CHUNK = 8 << 20
"""Bytes that are held at a time."""

SAVE_SECONDS = 5.0
"""How long ago at most it was noted what lies there: after a kill so much is brought again."""


@dataclass(frozen=True)
class Done:
    """What a copy did.

    Attributes:
        sent: files that were brought, and `size` their bytes.
        kept: files that lay there with the same content.
        removed: files that the store does not have any more.
    """

    sent: int
    size: int
    kept: int
    removed: int


def copy_store(source: str | Path, target: str | Path, *, progress: Progress | None = None) -> Done:
    """Make `target` a copy of the sealed store `source`; needs no key.

    Interrupted at any point, the same call goes on from there. A folder that is given as a path is
    held meanwhile; a URL cannot be, so only one process at a time may copy to it.

    Args:
        source: folder or URL of a sealed store, or of a copy.
        target: folder or URL, where nothing lies or an earlier copy of a store of the same key.
        progress: shows the steps.

    Raises:
        UsageError: a URL is none, or both are the same place.
        InputError: there is no sealed store, something else lies at the target, one of them cannot
            be reached, or the source changed meanwhile.
    """
    place, there = Place.of(source), Place.of(target)
    if (place.files, place.root) == (there.files, there.root):
        raise UsageError("source and target are the same place")
    store = SealedStore(place, spill=Path())
    need_sketches(place)
    if not is_url(source):
        _hold(place)
    store.check_sealed()
    form = store.format()
    _check_layout(form, place)
    if not store.taken():
        raise InputError("these sketches hold no request yet", file=place.name)
    if not is_url(target):
        _hold(there)
    return _copy(store, there, _copy_before(there, form), progress or Silent())


def _hold(place: Place) -> None:
    folder = Path(place.root)
    with place.plain():
        folder.mkdir(parents=True, exist_ok=True)
        hold(folder / "lock")


def _copy_before(there: Place, form: Format) -> Copied:
    """The copy that lies at the target; an empty one where nothing lies."""
    copied = copy_at(there)
    if copied is None:
        lies = there.items("", recursive=True).keys() - {"lock"}
        if not lies:
            there.need_bucket()
            return Copied(whole=False, format=form, files={})
        what = "sketches that were not copied to here" if FORMAT in lies else "something else"
        raise InputError(
            f"here lies {what}, which a copy would replace; name a place where nothing lies",
            file=there.name,
        )
    _check_layout(copied.format, there)
    if copied.format.key != form.key:
        raise InputError(
            "here lies a copy of sketches of another key; name a place where nothing lies",
            file=there.name,
        )
    return copied


def _check_layout(found: Format, place: Place) -> None:
    if found.layout != LAYOUT:
        raise InputError(
            f"these sketches have layout {found.layout}, this version copies {LAYOUT}",
            file=place.name,
        )


def _copy(store: SealedStore, there: Place, before: Copied, progress: Progress) -> Done:
    with store.reading():
        source = {
            **store.name_files(),
            **store.day_files(),
            **store.place.some(JOURNAL),
            **store.place.some(FORMAT),
        }
        lies = SealedStore(there, spill=Path()).contents()
        lies.pop(COPIED, None)
        same = _same(store.place, source, lies, before.files, progress)
        todo = {name: item.size for name, item in source.items() if name not in same}
        stale = sorted(lies.keys() - source.keys())
        if before.whole and not todo and not stale:
            return Done(sent=0, size=0, kept=len(same), removed=0)
        notes = _Notes(there, before.format, dict(same))
        notes.save(whole=False)
        try:
            with progress.step("copying", total=sum(todo.values())) as step:
                for name in todo:
                    step.note(name)
                    notes.add(name, _send(store.place, there, name, step))
            for name in stale:
                there.delete(name)
        finally:
            with suppress(InputError):
                notes.save(whole=False)
    # only now it is known that the source stayed what it was
    notes.save(whole=True)
    return Done(sent=len(todo), size=sum(todo.values()), kept=len(same), removed=len(stale))


def _same(
    place: Place,
    source: Mapping[str, Item],
    there: Mapping[str, Item],
    before: Mapping[str, Sent],
    progress: Progress,
) -> dict[str, Sent]:
    """The files of the source that lie at the target with the same content."""
    alike = maybe_same(source, there, before)
    copied = copy_at(place)
    known = copied.files if copied is not None else {}
    same = {}
    with progress.step("comparing", total=sum(source[name].size for name in alike)) as step:
        for name in alike:
            found = known.get(name) or _read(place, name, step)
            if found == before[name]:
                same[name] = found
    return same


def maybe_same(
    source: Mapping[str, Item], there: Mapping[str, Item], before: Mapping[str, Sent]
) -> list[str]:
    """Files whose content decides whether they are the same in both places; others are not.

    Args:
        source: files of the source.
        there: files that lie at the target.
        before: what a copy says that it brought there.
    """
    return [
        name
        for name, item in source.items()
        if name in there and name in before and item.size == there[name].size == before[name].size
    ]


def _read(place: Place, name: str, step: Step) -> Sent:
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(place, name):
        digest.update(piece)
        size += len(piece)
        step.advance(len(piece))
    return Sent(size, digest.hexdigest())


def _send(place: Place, there: Place, name: str, step: Step) -> Sent:
    digest, size = hashlib.sha256(), 0
    # an interruption closes the stream, which may leave part of a file: it is not noted as brought
    with there.plain(), there.open_to_write(name) as writer:
        for piece in _pieces(place, name):
            writer.write(piece)
            digest.update(piece)
            size += len(piece)
            step.advance(len(piece))
    if there.local:
        sync(Path(there.path(name)))
    return Sent(size, digest.hexdigest())


def _pieces(place: Place, name: str) -> Iterator[bytes]:
    with place.plain(), place.open_to_read(name) as reader:
        while piece := reader.read(CHUNK):
            yield piece


class _Notes:
    """What lies at the target by now, noted there now and then."""

    def __init__(self, there: Place, form: Format, files: dict[str, Sent]) -> None:
        self._there, self._format, self._files = there, form, files
        self._saved = 0.0

    def add(self, name: str, sent: Sent) -> None:
        """Note a file that was brought."""
        self._files[name] = sent
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            self.save(whole=False)

    def save(self, *, whole: bool) -> None:
        """Write down what is there, and whether it is all."""
        noted = Copied(whole, self._format, self._files)
        self._there.write(COPIED, msgspec.json.encode(noted))
        self._saved = time.monotonic()
