"""Was a model trained on our answers? Keyed marks, canaries, behaviour, and what may be said then.

The statistics need no PyTorch; what runs inside a model's server or reads open weights is in
`models` and needs the extra `attribution`.
"""

from stillwatch.attribution.keys import Mark, MarkKey
from stillwatch.attribution.radioactivity import Score, radioactivity
from stillwatch.attribution.windows import Windows, from_reading, from_samples

__all__ = ["Mark", "MarkKey", "Score", "Windows", "from_reading", "from_samples", "radioactivity"]
