"""When an act's requests happen, as in `lab.rhythm` and `adversaries.clock`."""

from __future__ import annotations

import math

import numpy as np

from stillwatch.lab.sketched.chance import below, draw, normal
from stillwatch.sketch.jit import kernel

HUMAN, FLAT, QUEUE, GIVEN = range(4)
BINS = 144
STEP = 600.0
DAY, HOUR = 86_400.0, 3_600.0


@kernel
def _weights(s, a, density, total):  # type: ignore[no-untyped-def]
    """Cumulative weight of each ten-minute window between the act's begin and end."""
    first = int(a.begin // STEP)
    running, day, mood = 0.0, -1, 1.0
    for i in range(total.size):
        step = first + i
        if step // BINS != day:
            day = step // BINS
            mood = math.exp(0.6 * normal(s)) * (a.weekend if day % 7 >= 5 else 1.0)
        running += density[a.density, step % BINS] * mood
        total[i] = running
    return first


@kernel
def _human(s, a, density, out):  # type: ignore[no-untyped-def]
    count = a.count
    sittings = max(1, round(count / a.session))
    total = np.empty(int(math.ceil(a.end / STEP)) - int(a.begin // STEP))
    first = _weights(s, a, density, total)
    sizes = np.zeros(sittings, np.int64)
    own, share = 0, sittings / (sittings + count)
    for _ in range(count):
        if draw(s) < share and own < sittings:
            sizes[own] += 1
            own += 1
        else:
            sizes[below(s, sittings)] += 1
    n = 0
    for sitting in range(sittings):
        if not sizes[sitting]:
            continue
        if total[-1] > 0:
            step = np.searchsorted(total, draw(s) * total[-1], side="right")
        else:
            step = below(s, total.size)
        at = STEP * (first + min(step, total.size - 1)) + STEP * draw(s)
        at = min(max(at, a.begin), a.end - 1e-3)
        for _ in range(sizes[sitting]):
            late = at if at < a.end else a.begin + (at - a.begin) % (a.end - a.begin)
            out[n] = late
            n += 1
            at += a.pause * math.exp(normal(s))


@kernel
def _queue(s, a, hours, out):  # type: ignore[no-untyped-def]
    """Turns of one account in a queue that is dealt out evenly over the hours that have work."""
    phase = draw(s)
    for i in range(a.count):
        turn = (i + phase) / a.count
        at = a.begin + turn * (a.end - a.begin)
        if a.n_hours:
            place = turn * a.n_hours
            whole = min(int(place), a.n_hours - 1)
            at = hours[a.hours + whole] + (place - whole) * HOUR
        at += a.jitter * HOUR * normal(s)
        at = a.begin + abs(at - a.begin)
        at = at if at < a.end else 2 * a.end - at - 1
        out[i] = min(max(at, a.begin), a.end - 1e-3)


@kernel
def moments(s, a, density, hours, given, out):  # type: ignore[no-untyped-def]
    """Fill `out[:count]` with the act's times, in order."""
    if a.pace == HUMAN:
        _human(s, a, density, out)
    elif a.pace == FLAT:
        for i in range(a.count):
            out[i] = a.begin + draw(s) * (a.end - a.begin)
    elif a.pace == QUEUE:
        _queue(s, a, hours, out)
    else:
        for i in range(a.count):
            out[i] = given[a.given + i]
    out[: a.count].sort()


@kernel
def later(s, at):  # type: ignore[no-untyped-def]
    """When a client library sends a failed request again."""
    return at + math.exp(1.5 + 0.8 * normal(s))
