from __future__ import annotations

import builtins
import json
from typing import TYPE_CHECKING, Any

import pytest

from stillwatch.errors import InputError, MissingExtraError
from stillwatch.provenance.cards import Card, read_card
from stillwatch.provenance.manifest import manifest
from stillwatch.provenance.rows import Origin
from stillwatch.provenance.tracing import trace

from .writing import write_jsonl

if TYPE_CHECKING:
    from pathlib import Path


def front_matter(folder: Path, text: str) -> Card:
    (folder / "README.md").write_text(f"---\n{text}\n---\n# A set\n", encoding="utf-8")
    return read_card(folder)


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("license: mit", None),
        ("language_creators: [crowdsourced]", Origin.ORIGINAL),
        ("language_creators:\n- expert-generated\n- crowdsourced", Origin.ORIGINAL),
        ("language_creators: machine-generated", Origin.GENERATED),
        ("language_creators: [machine-generated, crowdsourced]", None),
        ("language_creators: [found]", None),
        ("tags: [synthetic, chat]", Origin.GENERATED),
        ("tags: [synthetic]\nlanguage_creators: [crowdsourced]", Origin.ORIGINAL),
        ("tags: synthesizer", None),
    ],
)
def test_front_matter_claims_for_all_rows_only_what_holds_for_all(
    tmp_path: Path, text: str, declared: Origin | None
) -> None:
    assert front_matter(tmp_path, text).declared is declared


def test_name_and_terms_come_from_the_card(tmp_path: Path) -> None:
    card = front_matter(tmp_path, "license: [cc-by-4.0, mit]\npretty_name: A set")
    assert (card.name, card.terms) == ("A set", "cc-by-4.0, mit")


def test_croissant_is_read_and_comes_first(tmp_path: Path) -> None:
    found = {
        "name": "From Croissant",
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "creator": [{"@type": "Person", "name": "Ada"}],
        "digitalSourceType": "https://schema.org/TrainedAlgorithmicMediaDigitalSource",
    }
    (tmp_path / "croissant.json").write_text(json.dumps(found))
    card = front_matter(tmp_path, "pretty_name: From the card")
    assert (card.name, card.creators, card.declared) == (
        "From Croissant",
        ("Ada",),
        Origin.GENERATED,
    )


def test_cards_that_contradict_each_other_claim_nothing(tmp_path: Path) -> None:
    (tmp_path / "croissant.json").write_text('{"rai:dataCollectionType": ["Synthetic data"]}')
    assert front_matter(tmp_path, "language_creators: [crowdsourced]").declared is None


def test_partly_generated_media_is_no_claim_for_all_rows(tmp_path: Path) -> None:
    kind = "https://schema.org/CompositeWithTrainedAlgorithmicMediaDigitalSource"
    (tmp_path / "croissant.json").write_text(json.dumps({"digitalSourceType": kind}))
    assert read_card(tmp_path).declared is None


def test_own_manifest_can_be_a_card(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"text": "x", "synthetic": True}])
    made = manifest(trace(tmp_path / "a.jsonl"))
    (tmp_path / "croissant.json").write_text(json.dumps(made["hasPart"][0]))
    assert read_card(tmp_path).declared is Origin.GENERATED


def test_broken_card_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        front_matter(tmp_path, "license: mit\ntags: [a")
    assert told.value.file.endswith("README.md")
    assert told.value.line is not None
    (tmp_path / "README.md").unlink()
    (tmp_path / "croissant.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        read_card(tmp_path)


def test_missing_reader_of_cards_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'stillwatch\[provenance\]'"):
        front_matter(tmp_path, "license: mit")


@pytest.mark.parametrize(
    "text", ["no front matter", "---\nnever closed", "", "---\n- a list\n---\n"]
)
def test_readme_without_front_matter_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text)
    assert read_card(tmp_path) == Card()
