"""The people's side of the API, for programs: sign-ups, verification, customers' links."""

from stillwatch.console.api import links, signups, verification

ROUTES = (*signups.ROUTES, *verification.ROUTES, *links.ROUTES)
