"""Single sign-on (OpenID Connect). Filled in below."""

ROUTES: tuple = ()
