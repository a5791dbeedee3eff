"""The console's pages, a module a subject."""

from stillwatch.console.pages import (
    accounts,
    appeals,
    audit,
    case,
    decisions,
    people,
    policy,
    queue,
    signups,
    sources,
    verifications,
)

ROUTES = (
    *queue.ROUTES,
    *case.ROUTES,
    *accounts.ROUTES,
    *decisions.ROUTES,
    *appeals.ROUTES,
    *verifications.ROUTES,
    *signups.ROUTES,
    *policy.ROUTES,
    *sources.ROUTES,
    *audit.ROUTES,
    *people.ROUTES,
)
