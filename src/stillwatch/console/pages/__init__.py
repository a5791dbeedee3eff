"""The console's pages, a module a subject."""

from stillwatch.console.pages import (
    accounts,
    appeals,
    audit,
    case,
    decisions,
    people,
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
    *sources.ROUTES,
    *audit.ROUTES,
    *people.ROUTES,
)
