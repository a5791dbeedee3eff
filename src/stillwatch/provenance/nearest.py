"""The lookup of near-duplicates, compiled by Numba: one pass over the rows."""

from __future__ import annotations

import numpy as np

from stillwatch.sketch.jit import kernel


@kernel
def _size(words):  # type: ignore[no-untyped-def]
    """Words of a sample; 0 is padding at the end."""
    size = 0
    while size < len(words) and words[size] != 0:
        size += 1
    return size


@kernel
def _common(one, other, least):  # type: ignore[no-untyped-def]
    """Share of two samples of words that both have, of the larger one; 0 below `least`."""
    size, other_size = _size(one), _size(other)
    larger = max(size, other_size, 1)
    shared = 0
    for place in range(size):
        if (shared + size - place) / larger < least:  # not even if all the others are in both
            return 0.0
        for i in range(other_size):
            if other[i] == one[place]:
                shared += 1
                break
    share = shared / larger
    return share if share >= least else 0.0


@kernel
def most_similar(bands, tokens, sorted_bands, order, known_tokens, most, least, out):  # type: ignore[no-untyped-def]
    """For each row the largest share of words in common with a known text that shares a band.

    Args:
        bands: int64[rows, bands]; 0 where the row is too short.
        tokens: int32[rows, tokens], 0 is padding at the end.
        sorted_bands: int64[bands, known], each band's values in order.
        order: int64[bands, known], the text of each value.
        known_tokens: int32[known, tokens].
        most: known texts that are looked at for each row and band.
        least: shares below this one are left as 0.
        out: float64[rows] of 0, filled.
    """
    seen = np.empty(bands.shape[1] * most, np.int64)
    for row in range(bands.shape[0]):
        count = 0
        if bands[row, 0] == 0:
            continue
        for band in range(bands.shape[1]):
            first = np.searchsorted(sorted_bands[band], bands[row, band])
            for place in range(first, min(first + most, order.shape[1])):
                if sorted_bands[band, place] != bands[row, band]:
                    break
                text = order[band, place]
                if (seen[:count] == text).any():
                    continue
                seen[count] = text
                count += 1
                common = _common(tokens[row], known_tokens[text], max(out[row], least))
                out[row] = max(out[row], common)
            if out[row] == 1:  # nothing can be more like it
                break
