"""Raw prompts for an investigator who asked for them: a few a campaign, read again from the log.

Sketches hold no text, so examples come from a second reading that keeps only the requests that were
chosen. Which ones is decided by their keyed hashes, not by anybody's taste.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stillwatch.readers import Log
    from stillwatch.schema import Campaign
    from stillwatch.sketch import Sketcher


def with_examples(
    campaigns: Sequence[Campaign],
    chosen: Mapping[str, Sequence[int]],
    log: Log,
    sketcher: Sketcher,
) -> tuple[Campaign, ...]:
    """Campaigns with the prompts of chosen requests.

    Args:
        campaigns: as found.
        chosen: request keys by campaign id.
        log: the same log once more; sources that cannot be read twice give no examples.
        sketcher: of the store's key.
    """
    home = {key: campaign for campaign, keys in chosen.items() for key in keys}
    wanted = np.array(sorted(home), dtype=np.int64)
    found: defaultdict[str, dict[int, str]] = defaultdict(dict)
    after = {source.name: None for source in log.sources if not source.rereadable}
    for batch in log.batches(after):
        keys = sketcher.request_keys(batch.requests.column("request_id")).to_numpy()
        for row in np.flatnonzero(np.isin(keys, wanted)).tolist():
            key = int(keys[row])
            found[home[key]][key] = batch.requests.column("prompt")[row].as_py()
    return tuple(
        replace(
            campaign,
            examples=tuple(text for _, text in sorted(found[campaign.campaign_id].items())),
        )
        for campaign in campaigns
    )
