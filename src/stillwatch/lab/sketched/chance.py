"""Random numbers inside kernels: SplitMix64, whose state is one number that any place can name.

Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

from __future__ import annotations

import math

import numpy as np

from stillwatch.sketch.jit import kernel

U = np.uint64
_STEP, _FIRST, _SECOND = U(0x9E3779B97F4A7C15), U(0xBF58476D1CE4E5B9), U(0x94D049BB133111EB)


@kernel
def mix(value):  # type: ignore[no-untyped-def]
    """A 64-bit number that looks unrelated to `value` and is another for every other value."""
    z = value + _STEP
    z = (z ^ (z >> U(30))) * _FIRST
    z = (z ^ (z >> U(27))) * _SECOND
    return z ^ (z >> U(31))


@kernel
def joined(a, b):  # type: ignore[no-untyped-def]
    """One number for two, order mattering."""
    return mix(mix(U(a)) ^ U(b))


@kernel
def draw(state):  # type: ignore[no-untyped-def]
    """The next number in [0, 1); `state` is uint64[1]."""
    state[0] += _STEP
    z = state[0]
    z = (z ^ (z >> U(30))) * _FIRST
    z = (z ^ (z >> U(27))) * _SECOND
    return np.float64((z ^ (z >> U(31))) >> U(11)) * (1.0 / 9007199254740992.0)


@kernel
def below(state, n):  # type: ignore[no-untyped-def]
    """The next whole number in 0..n."""
    return int(draw(state) * n)


@kernel
def exponential(state, mean):  # type: ignore[no-untyped-def]
    """The next number with that mean."""
    return -mean * math.log(1.0 - draw(state))


@kernel
def normal(state):  # type: ignore[no-untyped-def]
    """The next standard normal number (Box and Muller)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - draw(state)))
    return radius * math.cos(2.0 * math.pi * draw(state))
