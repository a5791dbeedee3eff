"""JSON bodies into what we expect, with an error that names the field."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from litestar import Request

from stillwatch.cases.errors import RefusedError

T = TypeVar("T")


async def body(request: Request[Any, Any, Any], decoder: msgspec.json.Decoder[T]) -> T:
    """The request's body.

    Raises:
        RefusedError: it is not what is expected; says which field.
    """
    try:
        return decoder.decode(await request.body())
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RefusedError(f"the body cannot be used: {error}") from None
