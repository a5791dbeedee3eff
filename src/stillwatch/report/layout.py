"""Places for the nodes of a graph: the same graph always gets the same places.

Each connected piece is laid out by itself with springs (Fruchterman and Reingold, 1991), turned so
that its long side lies flat, and the pieces are then packed in rows, the largest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Edges = NDArray[np.int64]

_ROUNDS = 160
_SPACING = 1.0  # wished length of an edge; every other length follows from it
_GOLDEN = np.pi * (3 - np.sqrt(5))
_PUSHES = 40


def components(nodes: int, edges: Edges) -> NDArray[np.int64]:
    """Number the connected pieces, the largest piece 0; ties by the smallest node.

    Args:
        nodes: how many nodes there are.
        edges: (m, 2) node numbers.

    Returns:
        (nodes,) the piece of each node.
    """
    ones = np.ones(len(edges), dtype=np.int8)
    joined = coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(nodes, nodes))
    number, found = connected_components(joined, directed=False)
    sizes = np.bincount(found, minlength=number)
    rank = np.empty(number, dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(number)
    return np.asarray(rank[found])


def place(nodes: int, edges: Edges, aspect: float) -> Points:
    """Find a place for every node.

    Args:
        nodes: how many nodes there are.
        edges: (m, 2) node numbers.
        aspect: width of the drawing over its height.

    Returns:
        (nodes, 2) places within 0..1, the whole drawing centred with its proportions kept for a
        drawing of that aspect.
    """
    piece = components(nodes, edges)
    boxes = []
    for number in range(int(piece.max(initial=-1)) + 1):
        inside = np.flatnonzero(piece == number)
        new_number = np.full(nodes, -1)
        new_number[inside] = np.arange(len(inside))
        mine = new_number[edges[piece[edges[:, 0]] == number]]
        boxes.append((inside, _flatten(_springs(len(inside), mine))))
    return _pack(nodes, boxes, aspect)


def _springs(nodes: int, edges: Edges) -> Points:
    order = np.arange(nodes)
    radius = np.sqrt(order + 0.5) * _SPACING
    points = np.column_stack((radius * np.cos(order * _GOLDEN), radius * np.sin(order * _GOLDEN)))
    if nodes <= 2:
        return points
    hottest = np.sqrt(nodes) * 0.3
    for step in range(_ROUNDS):
        apart = points[:, None, :] - points[None, :, :]
        squared = np.maximum((apart**2).sum(axis=2), 0.01)
        push = (apart * (_SPACING**2 / squared)[:, :, None]).sum(axis=1)
        along = points[edges[:, 0]] - points[edges[:, 1]]
        pull = along * (np.linalg.norm(along, axis=1) / _SPACING)[:, None]
        np.add.at(push, edges[:, 0], -pull)
        np.add.at(push, edges[:, 1], pull)
        push -= 0.05 * (points - points.mean(axis=0))
        length = np.maximum(np.linalg.norm(push, axis=1), 1e-9)
        heat = hottest * (1 - step / _ROUNDS)
        points = points + push * (np.minimum(length, heat) / length)[:, None]
    return points


def separate(points: Points, radii: NDArray[np.float64], size: tuple[float, float]) -> Points:
    """Push discs apart that overlap, and keep them on the drawing.

    Args:
        points: (n, 2) centres, in the unit of the drawing.
        radii: (n,) with the gap that is wished around each disc included.
        size: width and height of the drawing.
    """
    wished = radii[:, None] + radii[None, :]
    low, high = radii[:, None], np.array(size) - radii[:, None]
    for _ in range(_PUSHES):
        apart = points[:, None, :] - points[None, :, :]
        distance = np.linalg.norm(apart, axis=2)
        np.fill_diagonal(distance, np.inf)
        lacking = np.maximum(wished - distance, 0) / 2
        if not lacking.any():
            break
        push = apart * (lacking / np.maximum(distance, 1e-9))[:, :, None]
        points = np.clip(points + push.sum(axis=1), low, high)
    return points


def _flatten(points: Points) -> Points:
    """Turn a piece so that its long side lies flat, and move its corner to the origin."""
    if len(points) > 1:
        centred = points - points.mean(axis=0)
        _, axes = np.linalg.eigh(centred.T @ centred)
        long_side = axes[:, 1] * np.sign(axes[0, 1] or 1.0)
        points = centred @ np.column_stack((long_side, [-long_side[1], long_side[0]]))
    return np.asarray(points - points.min(axis=0))


def _pack(nodes: int, boxes: list[tuple[NDArray[np.int64], Points]], aspect: float) -> Points:
    """Set the pieces in rows; of several row widths the one that draws them largest is taken."""
    sizes = [points.max(axis=0) + _SPACING for _, points in boxes]
    area = sum(float(width * height) for width, height in sizes)
    widest = max(float(size[0]) for size in sizes)
    best: tuple[float, list[Points], float, float] | None = None
    for factor in (0.8, 1.0, 1.2, 1.5):
        corners, width, height = _rows(sizes, max(widest, factor * np.sqrt(area * aspect)))
        scale = min(aspect / width, 1.0 / height)
        if best is None or scale > best[0]:
            best = (scale, corners, width, height)
    assert best is not None  # noqa: S101  # four widths were tried
    scale, corners, width, height = best
    places = np.zeros((nodes, 2))
    margin = (np.array([aspect, 1.0]) - scale * np.array([width, height])) / 2
    for (inside, points), corner in zip(boxes, corners, strict=True):
        places[inside] = margin + scale * (corner + points + _SPACING / 2)
    places[:, 0] /= aspect
    return places


def _rows(sizes: list[Points], limit: float) -> tuple[list[Points], float, float]:
    corners = []
    x = y = row = width = 0.0
    for across, down in ((float(w), float(h)) for w, h in sizes):
        if x and x + across > limit + 1e-9:
            x, y, row = 0.0, y + row, 0.0
        corners.append(np.array([x, y]))
        x, row = x + across, max(row, down)
        width = max(width, x)
    return corners, width, y + row
