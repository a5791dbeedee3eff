from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.report import graph, layout
from stillwatch.schema import Link

from . import invented

if TYPE_CHECKING:
    from stillwatch.schema import Campaign


def joined(size: int, pairs: list[tuple[int, int]], weight: float = 9.0) -> Campaign:
    links = tuple(Link(source=a, target=b, kind="payment", weight=weight) for a, b in pairs)
    return replace(invented.campaign(1, size, joins=0), links=links)


def degrees(campaign: Campaign, most: int = 150) -> list[int]:
    """How many drawn lines end at each drawn node."""
    links = graph._strongest_first(campaign.links)
    nodes, kept = graph._choose(links, most)
    return [sum(node in (link.source, link.target) for link in kept) for node in nodes]


def test_nothing_joined_is_no_picture() -> None:
    assert graph.draw(joined(5, []), 150) is None
    assert graph.draw(joined(5, [(2, 2)]), 150) is None


@pytest.mark.parametrize("most", [2, 40, 150])
def test_nodes_and_lines_are_bounded_and_the_rest_is_said(most: int) -> None:
    campaign = invented.campaign(1, 400, joins=3_000)
    picture = graph.draw(campaign, most)
    assert picture is not None
    assert picture.svg.count("<circle") <= most
    assert sum(degrees(campaign, most)) / 2 <= 1.6 * most
    assert f"Drawn: {picture.svg.count('<circle')} of 400 accounts" in picture.reading[-1]
    assert "3\u202f000 joins" in picture.reading[-1]


def test_a_clique_of_equal_joins_is_not_drawn_as_a_hub() -> None:
    clique = joined(40, list(combinations(range(40), 2)))
    assert max(degrees(clique)) < 12
    picture = graph.draw(clique, 150)
    assert picture is not None
    assert any(said.startswith("No account stands in the middle") for said in picture.reading)


def test_a_hub_is_named() -> None:
    picture = graph.draw(joined(30, [(7, other) for other in range(30) if other != 7]), 150)
    assert picture is not None
    hub = invented.campaign(1, 30, joins=0).members[7].account_id
    assert f"One account stands in the middle: {hub}" in " ".join(picture.reading)
    assert picture.named[0].account_id == hub
    assert picture.named[0].neighbours == 29


def test_separate_pieces_are_counted() -> None:
    picture = graph.draw(joined(9, [(0, 1), (1, 2), (3, 4), (5, 6)]), 150)
    assert picture is not None
    assert picture.reading[0] == (
        "The 7 joined accounts fall into 3 separate pieces; the largest has 3."
    )


def test_kinds_are_counted_over_all_joins_and_each_has_its_line() -> None:
    campaign = invented.campaign(2, 39, joins=90)
    picture = graph.draw(campaign, 150)
    assert picture is not None
    assert sum(kind.joins for kind in picture.kinds) == 90
    assert [kind.style for kind in picture.kinds] == list(range(len(picture.kinds)))


def test_one_picture_a_graph() -> None:
    first = graph.draw(invented.campaign(1, 200), 120)
    assert first == graph.draw(invented.campaign(1, 200), 120)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, layout.Edges]:
    nodes = draw(st.integers(1, 40))
    node = st.integers(0, nodes - 1)
    pairs = draw(st.lists(st.tuples(node, node), max_size=60))
    return nodes, np.array(pairs, dtype=np.int64).reshape(-1, 2)


@settings(max_examples=40, deadline=None)
@given(graphs(), st.floats(0.5, 2))
def test_every_node_gets_a_place_on_the_drawing(
    made: tuple[int, layout.Edges], aspect: float
) -> None:
    places = layout.place(*made, aspect)
    assert places.shape == (made[0], 2)
    assert (places >= -1e-9).all()
    assert (places <= 1 + 1e-9).all()
    assert np.array_equal(places, layout.place(*made, aspect))


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_pieces_are_numbered_by_size(made: tuple[int, layout.Edges]) -> None:
    nodes, edges = made
    piece = layout.components(nodes, edges)
    sizes = np.bincount(piece)
    assert (np.diff(sizes) <= 0).all()
    assert (piece[edges[:, 0]] == piece[edges[:, 1]]).all()


def test_discs_come_apart_where_there_is_room() -> None:
    crowd = np.random.default_rng(1).uniform(140, 160, (30, 2))
    radii = np.full(30, 5.0)
    spread = layout.separate(crowd, radii, (300.0, 300.0))
    gaps = [float(np.linalg.norm(spread[a] - spread[b])) for a, b in combinations(range(30), 2)]
    assert min(gaps) > 9
    assert spread.min() >= 5
    assert spread.max() <= 295
