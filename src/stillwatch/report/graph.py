"""Who shares what with whom: a picture of the strongest joins inside a group, and its reading."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import SubElement

import numpy as np

from stillwatch.report import charts, layout
from stillwatch.report.wording import count, name, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markupsafe import Markup
    from numpy.typing import NDArray

    from stillwatch.schema import Campaign, Link, Member

    Vector = NDArray[np.float64]

_WIDTH, _HEIGHT = 480.0, 320.0
_EDGES_A_NODE = 1.6  # beyond the spanning forest more edges only blacken the picture
_KINDS = 5  # line styles in the style sheet
_NAMED = 8
_SMALLEST, _LARGEST = 2.2, 6.0  # node radii
_CROWDED = 52.0  # over the root of the number of nodes: the largest radius in a crowd
_NUMBERED = 6.5  # radius that holds a digit
_GAP = 1.2
_HUB = 0.5


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of join: its line style (0 strongest), how often, over how many accounts."""

    style: int
    kind: str
    joins: int
    accounts: int
    bits: float


@dataclass(frozen=True, slots=True)
class Named:
    """A node that carries a number in the picture."""

    number: int
    account_id: str
    stream_requests: int
    neighbours: int


@dataclass(frozen=True, slots=True)
class Picture:
    """The drawing, what its parts mean, and what it says in words."""

    svg: Markup
    kinds: tuple[Kind, ...]
    named: tuple[Named, ...]
    reading: tuple[str, ...]


def draw(campaign: Campaign, most_nodes: int) -> Picture | None:
    """Draw the strongest joins of a group.

    Args:
        campaign: its members and links.
        most_nodes: bound on the nodes drawn; the rest is summed up in words.

    Returns:
        None where nothing joins two members.
    """
    links = _strongest_first(campaign.links)
    if not links:
        return None
    chosen, kept = _choose(links, most_nodes)
    number = {member: index for index, member in enumerate(chosen)}
    edges = np.array([(number[link.source], number[link.target]) for link in kept], dtype=np.int64)
    neighbours = np.bincount(
        np.array([(number[a], number[b]) for a, b in _pairs(links, number)]).ravel(),
        minlength=len(chosen),
    )
    kinds = _kinds(links)
    style = {kind.kind: kind.style for kind in kinds}
    members = [campaign.members[index] for index in chosen]
    ranked = sorted(range(len(chosen)), key=lambda i: (-neighbours[i], chosen[i]))[:_NAMED]
    named = tuple(
        Named(rank, members[i].account_id, members[i].stream_requests, int(neighbours[i]))
        for rank, i in enumerate(ranked, 1)
    )
    places = layout.place(len(chosen), edges, _WIDTH / _HEIGHT)
    radii = _radii(members, ranked)
    points = layout.separate(places * (_WIDTH, _HEIGHT), radii + _GAP, (_WIDTH, _HEIGHT))
    reading = _reading(campaign, links, kept, chosen, neighbours)
    svg = _render(
        points,
        radii,
        [(int(a), int(b), style[link.kind]) for (a, b), link in zip(edges, kept, strict=True)],
        members,
        {i: rank for rank, i in enumerate(ranked, 1)},
        f"Graph of joined accounts. {' '.join(reading)}",
    )
    return Picture(svg, kinds, named, reading)


def _strongest_first(links: Iterable[Link]) -> list[Link]:
    return sorted(
        (link for link in links if link.source != link.target),
        key=lambda link: (-link.weight, *_pair(link), link.kind),
    )


def _pair(link: Link) -> tuple[int, int]:
    return min(link.source, link.target), max(link.source, link.target)


def _pairs(links: Iterable[Link], among: dict[int, int]) -> list[tuple[int, int]]:
    """Distinct joined pairs, each once, of which both accounts are drawn."""
    return sorted({_pair(link) for link in links if link.source in among and link.target in among})


def _choose(links: Sequence[Link], most_nodes: int) -> tuple[list[int], list[Link]]:
    """Pick the nodes with the strongest joins, then a readable backbone of edges.

    The backbone is a spanning forest of the strongest joins plus the strongest of the rest. Joins
    of equal strength are taken in a scattered order; in the order of the accounts they would all
    meet in the first one and show a hub that is not there.
    """
    nodes: set[int] = set()
    for link in links:
        if len(nodes | {link.source, link.target}) <= most_nodes:
            nodes |= {link.source, link.target}
    strongest: dict[tuple[int, int], Link] = {}
    for link in links:
        if link.source in nodes and link.target in nodes:
            strongest.setdefault(_pair(link), link)
    pool = sorted(strongest.values(), key=lambda link: (-round(link.weight, 1), _scatter(link)))
    parent = {node: node for node in nodes}

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    forest: list[Link] = []
    rest: list[Link] = []
    for link in pool:
        a, b = root(link.source), root(link.target)
        (forest if a != b else rest).append(link)
        parent[a] = b
    room = max(0, round(_EDGES_A_NODE * len(nodes)) - len(forest))
    return sorted(nodes), forest + rest[:room]


def _scatter(link: Link) -> int:
    """A fixed pseudo-random rank of a pair (multiplicative hashing, Knuth)."""
    low, high = _pair(link)
    return ((low * 2_654_435_761 + high * 40_503 + 12_345) * 2_246_822_519) & 0xFFFFFFFF


def _kinds(links: Sequence[Link]) -> tuple[Kind, ...]:
    joins = Counter(link.kind for link in links)
    found = []
    for rank, (kind, number) in enumerate(sorted(joins.items(), key=lambda i: (-i[1], i[0]))):
        mine = [link for link in links if link.kind == kind]
        touched = {account for link in mine for account in _pair(link)}
        bits = float(np.median([link.weight for link in mine]))
        found.append(Kind(min(rank, _KINDS - 1), kind, number, len(touched), bits))
    return tuple(found)


def _reading(
    campaign: Campaign,
    links: Sequence[Link],
    kept: Sequence[Link],
    chosen: Sequence[int],
    neighbours: NDArray[np.int64],
) -> tuple[str, ...]:
    """Say in sentences what the picture shows and what it leaves out."""
    said = []
    everyone = {account for link in links for account in _pair(link)}
    edges = np.array([_pair(link) for link in links], dtype=np.int64)
    piece = layout.components(len(campaign.members), edges)[sorted(everyone)]
    largest = int((piece == 0).sum())
    if largest == len(everyone):
        said.append(f"All {plural(len(everyone), 'joined account')} hang together.")
    else:
        said.append(
            f"The {plural(len(everyone), 'joined account')} fall into "
            f"{plural(len(np.unique(piece)), 'separate piece')}; the largest has {count(largest)}."
        )
    if len(chosen) > 3:
        top = int(np.argmax(neighbours))
        share = float(neighbours[top]) / (len(chosen) - 1)
        who = name(campaign.members[chosen[top]].account_id)
        said.append(
            f"One account stands in the middle: {who} is joined to {percent(share)} of the others."
            if share > _HUB and np.median(neighbours) < 0.5 * neighbours[top]
            else f"No account stands in the middle: the best joined one touches {percent(share)} "
            "of the others drawn."
        )
    if len(chosen) < len(everyone) or len(kept) < len(links):
        said.append(
            f"Drawn: {count(len(chosen))} of {plural(len(campaign.members), 'account')} and the "
            f"{count(len(kept))} strongest of {plural(len(links), 'join')} listed."
        )
    return tuple(said)


def _radii(members: Sequence[Member], numbered: Sequence[int]) -> Vector:
    """Area by requests in the stream; a numbered node must hold its number."""
    asked = np.array([member.stream_requests for member in members], dtype=np.float64)
    largest = min(_LARGEST, _CROWDED / len(members) ** 0.5)
    share = np.sqrt(asked / max(asked.max(), 1.0))
    radii: Vector = np.maximum(_SMALLEST, largest * share)
    radii[list(numbered)] = _NUMBERED
    return radii


def _render(
    points: layout.Points,
    radii: Vector,
    edges: Sequence[tuple[int, int, int]],
    members: Sequence[Member],
    numbers: dict[int, int],
    text: str,
) -> Markup:
    root = charts.canvas(_WIDTH, _HEIGHT, text, stretch=False)
    at = [f"{x:.1f} {y:.1f}" for x, y in points]
    for style in range(_KINDS):
        path = "".join(f"M{at[a]}L{at[b]}" for a, b, mine in edges if mine == style)
        if path:
            SubElement(root, "path", {"class": f"edge k{style}", "d": path})
    for i, member in enumerate(members):
        x, y = points[i]
        circle = SubElement(
            root,
            "circle",
            {
                "class": "named" if i in numbers else "node",
                "cx": f"{x:.1f}",
                "cy": f"{y:.1f}",
                "r": f"{radii[i]:.1f}",
            },
        )
        title = f"{name(member.account_id)}: {plural(member.stream_requests, 'request')}"
        SubElement(circle, "title").text = title
        if i in numbers:
            label = SubElement(root, "text", {"x": f"{x:.1f}", "y": f"{y + 3.2:.1f}"})
            label.text = str(numbers[i])
    return charts.render(root)
