"""Simulates sketches without the text: the lab's own world, read by the sketch's own kernels.

Text costs most of a simulation's time, and none of it is kept. Here the grammar's patterns are
compiled into sequences of hashed words, so that a prompt is put together as words and handed to the
kernels that would have read them from the text. What comes out has the distribution that the text
simulator has after sketching, at a hundred times its speed.
"""

from __future__ import annotations

from stillwatch.lab.sketched.simulate import Sketched, simulate_sketches

__all__ = ["Sketched", "simulate_sketches"]
