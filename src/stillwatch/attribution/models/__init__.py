"""What needs a language model: marking while it writes, and reading with a suspect's weights.

Everything here needs the extra `attribution` (PyTorch and transformers); the statistics do not.
"""

from __future__ import annotations

from importlib.util import find_spec

from stillwatch.errors import MissingExtraError


def need_models(purpose: str) -> None:
    """Insist on the extra `attribution`.

    Args:
        purpose: what needs it, for the message.

    Raises:
        MissingExtraError: it is not installed.
    """
    if any(find_spec(name) is None for name in ("torch", "transformers")):
        raise MissingExtraError("attribution", purpose)
