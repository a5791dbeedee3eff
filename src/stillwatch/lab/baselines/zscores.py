"""Robust z-scores of one account's habits against all accounts.

After the usual outlier rule (Iglewicz and Hoaglin 1993: modified z-score over 3.5 on the median and
the median absolute deviation), on features like those that per-key detectors score: volume,
burstiness, hours, variety, repeats, single turns, wording of prompts, answer lengths, models.
An account is accused when several features are out at once, and only if it has enough requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.lab.baselines.columns import Floats, Ints, charges, coded, pairs, seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMIT = 3.5
"""Modified z-score from which a feature is out."""

FEATURES_OUT = 2
"""Features that must be out at once: of eleven, one is out for many honest customers."""

MIN_REQUESTS = 30
"""Requests an account needs to be scored, as in the peer's per-key detector."""

_ELICITING = r"(?i)step[- ]by[- ]step|reasoning|show your work|think through|explain how|rubric"
_SCALE = 1.4826  # makes the median absolute deviation a standard deviation under normality


def accuse(requests: pa.Table, accounts: pa.Table | None) -> pa.Table:  # noqa: ARG001
    """Accuse accounts with several outlying features; the score is the second largest z."""
    account = coded(requests.column("account_id"))
    features = _features(requests, account.codes, len(account))
    enough = np.bincount(account.codes, minlength=len(account)) >= MIN_REQUESTS
    score = np.zeros(len(account))
    if enough.sum() > 1:
        z = _modified_z(features[enough])
        score[enough] = np.sort(z, axis=1)[:, -FEATURES_OUT]
    return charges(account.values, score, score > LIMIT)


def _modified_z(features: Floats) -> Floats:
    middle = np.median(features, axis=0)
    spread = np.median(np.abs(features - middle), axis=0) * _SCALE
    # A feature that is the same for most has no spread; there the mean deviation stands in.
    fallback = np.mean(np.abs(features - middle), axis=0) * 1.2533
    spread = np.where(spread > 0, spread, np.where(fallback > 0, fallback, np.inf))
    return np.asarray(np.abs(features - middle) / spread)


def _features(requests: pa.Table, account: Ints, size: int) -> Floats:
    """One row an account: eleven habits, larger is not always worse."""
    n = np.maximum(np.bincount(account, minlength=size), 1)

    def mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> Floats:
        return np.bincount(account, np.nan_to_num(values.astype(np.float64)), size) / n

    def deviation(values: Floats) -> Floats:
        return np.sqrt(np.maximum(mean(values**2) - mean(values) ** 2, 0))

    hour = seconds(requests) // 3600
    first = hour.min(initial=0)
    slots = pairs(account, hour - first)[0]
    hours = pairs(account, hour % 24)[0]
    prompt = coded(requests.column("prompt"))
    length = np.log1p(pc.utf8_length(requests.column("prompt")).to_numpy().astype(np.float64))
    output = np.log1p(requests.column("output_tokens").fill_null(0).to_numpy().astype(np.float64))
    single = (requests.column("turns").to_numpy() == 1).astype(np.float64)
    asks = pc.match_substring_regex(requests.column("prompt"), _ELICITING)
    models = pairs(account, coded(requests.column("model")).codes)[0]
    active = np.maximum(np.bincount(slots, minlength=size), 1)
    return np.stack(
        [
            np.log(n),
            n / active,
            np.bincount(hours, minlength=size),
            np.bincount(pairs(account, prompt.codes)[0], minlength=size) / n,
            mean(length),
            deviation(length),
            mean(output),
            deviation(output),
            mean(single),
            mean(asks.to_numpy().astype(np.float64)),
            np.bincount(models, minlength=size).astype(np.float64),
        ],
        axis=1,
    )
