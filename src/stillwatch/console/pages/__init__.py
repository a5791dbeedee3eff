"""The console's pages, a module a subject."""

from stillwatch.console.pages import accounts, case, decisions, queue

ROUTES = (*queue.ROUTES, *case.ROUTES, *accounts.ROUTES, *decisions.ROUTES)
