"""Private set intersection: what two providers have both seen, for things that could be tried out.

There are 16 million networks and not many more payment fingerprints; a keyed hash that both sides
can make hides none of them from the other side. With ECDH-PSI (OpenMined) each learns at most
which of *its own* elements the other has. Who asks could still try elements that it never saw, so
the one who answers bounds how many may be asked, answers once a partner and day, and by default
tells only how many are in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stillwatch.errors import InputError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ELEMENTS = 100_000
"""Most elements of a request: 0.6 per cent of all /24 networks, were somebody to try them all."""

MAX_BYTES = 64 * 2**20
FALSE_POSITIVES = 1e-9
MIN_ELEMENTS = 5


class Asker:
    """One side: asks which of its elements the other has.

    Args:
        elements: of this side.
        reveal: learn which, else only how many. The answering side decides whether it goes along.
    """

    def __init__(self, elements: Sequence[str], *, reveal: bool = False) -> None:
        self._psi = _library()
        self._elements = _checked(elements)
        self._reveal = reveal
        self._client = self._psi.client.CreateWithNewKey(reveal)

    def request(self) -> bytes:
        """What to send: blinded elements."""
        data: bytes = self._client.CreateRequest(self._elements).SerializeToString()
        return data

    def read(self, answer: bytes) -> tuple[int, tuple[str, ...]]:
        """How many elements are in common, and which, if that was asked for.

        Raises:
            InputError: the answer is malformed.
        """
        setup_bytes, response_bytes = _split(answer)
        setup, response = self._psi.ServerSetup(), self._psi.Response()
        try:
            setup.ParseFromString(setup_bytes)
            response.ParseFromString(response_bytes)
            if self._reveal:
                found = sorted(self._client.GetIntersection(setup, response))
                return len(found), tuple(self._elements[i] for i in found)
            return int(self._client.GetIntersectionSize(setup, response)), ()
        except (ValueError, RuntimeError, IndexError) as error:
            raise InputError(f"is no answer to this request: {error}") from None
        except Exception as error:  # the library's protobuf raises classes of its own
            raise InputError(f"is no answer to this request: {error}") from None


def answer(request: bytes, elements: Sequence[str], *, reveal: bool = False) -> bytes:
    """The other side: answer a request, without learning the elements in it.

    Args:
        request: as `Asker.request` made it.
        elements: of this side.
        reveal: let the asker learn which elements are in common, not only how many.

    Raises:
        InputError: the request is malformed or asks too much.
        UsageError: there are too few or too many elements, or it asks for more than is allowed.
    """
    psi = _library()
    if len(request) > MAX_BYTES:
        raise InputError(f"the request is larger than {MAX_BYTES >> 20} MiB")
    asked = psi.Request()
    try:
        asked.ParseFromString(request)
    except Exception as error:  # the library's protobuf raises classes of its own
        raise InputError(f"is no request: {error}") from None
    count = len(asked.encrypted_elements)
    if not MIN_ELEMENTS <= count <= MAX_ELEMENTS:
        raise InputError(
            f"the request has {count} elements; {MIN_ELEMENTS} to {MAX_ELEMENTS} are answered"
        )
    if asked.reveal_intersection and not reveal:
        raise UsageError("the request asks which elements are in common; allow it with --reveal")
    server = psi.server.CreateWithNewKey(bool(asked.reveal_intersection))
    kind = psi.DataStructure.GCS if not asked.reveal_intersection else psi.DataStructure.RAW
    try:
        setup = server.CreateSetupMessage(FALSE_POSITIVES, count, _checked(elements), kind)
        response = server.ProcessRequest(asked)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"the request cannot be answered: {error}") from None
    return _join(setup.SerializeToString(), response.SerializeToString())


def _checked(elements: Sequence[str]) -> list[str]:
    unique = sorted(set(elements))
    if not MIN_ELEMENTS <= len(unique) <= MAX_ELEMENTS:
        raise UsageError(
            f"{len(unique)} elements; {MIN_ELEMENTS} to {MAX_ELEMENTS} can be compared at once"
        )
    return unique


def _join(setup: bytes, response: bytes) -> bytes:
    return len(setup).to_bytes(8, "big") + setup + response


def _split(data: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(data[:8], "big")
    if len(data) > MAX_BYTES or len(data) < 8 or size > len(data) - 8:
        raise InputError("is no answer to a request: it is cut short or too large")
    return data[8 : 8 + size], data[8 + size :]


def _library() -> Any:
    try:
        import private_set_intersection.python as psi  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("psi", "private set intersection") from None
    return psi
