from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.evidence.canonical import b64, canonical, from_b64, read_canonical

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert read_canonical(canonical(value), what="it") == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 8785, appendix B and section 3.2.3
        (333333333.33333329, "333333333.3333333"),
        (1e30, "1e+30"),
        (4.50, "4.5"),
        (2e-3, "0.002"),
        (0.000000000000000000000000001, "1e-27"),
        (-0.0, "0"),
        ({"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7},
         '{"\\r":2,"1":4,"\x80":6,"\xf6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'),
    ],
)  # fmt: skip
def test_numbers_and_order_are_the_standards(value: object, text: str) -> None:
    assert canonical(value) == text.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, {1: 2}, object()])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical(value)


@pytest.mark.parametrize(
    "data", [b'{"a": 1}', b'{"b":1,"a":2}', b"1.0", b'"\\u0041"', b"[1]\n", b'{"a":1,"a":1}']
)
def test_other_forms_of_the_same_are_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"not in canonical form \(RFC 8785\) at byte \d+"):
        read_canonical(data, what="it")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_an_error(data: bytes) -> None:
    try:
        value = read_canonical(data, what="it")
    except InputError:
        return
    assert canonical(value) == data


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(InputError, match="nested too deeply"):
        read_canonical(b"[" * 100_000 + b"]" * 100_000, what="it")


@given(st.binary(max_size=50))
def test_base64_has_one_form(data: bytes) -> None:
    assert from_b64(b64(data)) == data


@pytest.mark.parametrize("text", ["AA", "AB==", "A A=", "AA==\n", "Ä", "A-_="])
def test_other_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not base64"):
        from_b64(text)
