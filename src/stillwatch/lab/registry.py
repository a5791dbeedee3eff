"""Every kind of group by its name in scenario files. A new kind is one class and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from stillwatch.lab.adversaries.relay import RelayHarvest
from stillwatch.lab.honest.apps import (
    ByoKeyProduct,
    CarrierNat,
    Freelancers,
    Hackathon,
    PinnedApp,
    PopularApp,
    UniversityClass,
    ViralPrompt,
)
from stillwatch.lab.honest.batch import BatchLabelling, BatchLong, BenchmarkLabs
from stillwatch.lab.honest.companies import Agency, Enterprise, ShardedCompany
from stillwatch.lab.honest.individuals import Individuals
from stillwatch.lab.honest.platforms import Platform
from stillwatch.lab.honest.resale import ResalePool

if TYPE_CHECKING:
    from stillwatch.lab.group import Group

KINDS: dict[str, type[Group]] = {
    kind.kind: kind
    for kind in (
        Individuals,
        PopularApp,
        PinnedApp,
        ByoKeyProduct,
        ViralPrompt,
        Freelancers,
        CarrierNat,
        UniversityClass,
        Hackathon,
        BatchLabelling,
        BatchLong,
        BenchmarkLabs,
        Platform,
        Enterprise,
        Agency,
        ShardedCompany,
        ResalePool,
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
        RelayHarvest,
    )
}
