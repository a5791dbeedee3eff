"""Every kind of group by its name in scenario files. A new kind is one class and one line here."""

from __future__ import annotations

from stillwatch.lab.adversaries.campaign import Harvest
from stillwatch.lab.adversaries.kinds import (
    BoughtAccounts,
    Careful,
    Conversations,
    CoverTraffic,
    LoneExtractor,
    LoudHydra,
    OnlyTheGoal,
    Paraphrased,
    Pivot,
    SlowAndLow,
    SmallGraders,
)
from stillwatch.lab.group import Group
from stillwatch.lab.honest.individuals import Individuals

KINDS: dict[str, type[Group]] = {
    kind.kind: kind
    for kind in (
        Individuals,
        Harvest,
        LoudHydra,
        CoverTraffic,
        SmallGraders,
        SlowAndLow,
        Paraphrased,
        OnlyTheGoal,
        Pivot,
        LoneExtractor,
        Careful,
        BoughtAccounts,
        Conversations,
    )
}
