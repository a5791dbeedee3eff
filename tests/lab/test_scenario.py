from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.lab import Scenario, load_scenario, preset, presets
from stillwatch.lab.registry import KINDS

if TYPE_CHECKING:
    from pathlib import Path


def test_every_preset_loads() -> None:
    assert set(presets()) == {"alibaba-2026", "backdrop", "demo", "honest", "small"}
    assert all(preset(name).built() for name in presets())


def test_an_unknown_preset_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="backdrop, demo, honest, small"):
        preset("huge")


def test_the_honest_preset_has_every_group_of_the_demo_but_the_campaigns() -> None:
    honest, demo = preset("honest").built(), preset("demo").built()
    assert all(group.guilt != "campaign" for group in honest.values())
    assert set(demo) - set(honest) == {n for n, g in demo.items() if g.guilt == "campaign"}


def test_scale_multiplies_groups_but_not_single_accounts() -> None:
    groups = {"individuals": {"accounts": 100}, "lone_extractor": {}}
    built = Scenario(scale=2.5, groups=groups).built()
    assert (built["individuals"].accounts, built["lone_extractor"].accounts) == (250, 1)


def test_a_group_is_of_the_kind_that_it_is_named_after() -> None:
    assert isinstance(Scenario(groups={"pivot": {}}).built()["pivot"], KINDS["pivot"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("days = 0", "days"),
        ("dayz = 3", "dayz"),
        ("[groups.nobody]", "no kind 'nobody'"),
        ("[groups.careful]\nhours = 'lunch'", "groups.careful.*lunch"),
        ("[groups.careful]\ncover = 1.5", "groups.careful"),
        ("[groups.individuals]\nwording = 'fixed'", "groups.individuals.*wording"),
        ("without = ['prompt']", "prompt"),
        ("start = 2026-03-02T00:00:00", "time zone"),
        ("days = [", "not a scenario"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"(?s)mine\.toml.*{expected}"):
        load_scenario(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.toml"):
        load_scenario(tmp_path / "absent.toml")
