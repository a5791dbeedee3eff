from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.evidence.ledger import merkle


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = naive_root(leaves[:split]), naive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def node_of(leaves: list[bytes]) -> merkle.Node:
    def node(level: int, index: int) -> bytes:
        return naive_root(leaves[index << level : (index + 1) << level])

    return node


LEAVES = [bytes([i]) * 3 for i in range(70)]
NODE = node_of(LEAVES)

# Certificate Transparency's published test vectors (RFC 6962 reference implementation)
VECTOR = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ],
)
def test_roots_are_those_that_are_published(size: int, expected: str) -> None:
    assert merkle.root(size, node_of(VECTOR[:size])).hex() == expected


@given(st.integers(0, 70))
def test_roots_are_those_of_the_standard(size: int) -> None:
    assert merkle.root(size, NODE) == naive_root(LEAVES[:size])


@given(st.integers(1, 70).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_inclusion_proofs_lead_to_the_root(place: tuple[int, int]) -> None:
    index, size = place
    proof = merkle.inclusion(index, size, NODE)
    leaf = merkle.leaf_hash(LEAVES[index])
    root = naive_root(LEAVES[:size])
    assert merkle.root_by_inclusion(leaf, index, size, proof) == root
    other = merkle.leaf_hash(b"another")
    assert merkle.root_by_inclusion(other, index, size, proof) != root
    for wrong in (proof[:-1], [*proof, root]):
        if wrong != proof:
            with pytest.raises(ValueError, match="too"):
                merkle.root_by_inclusion(leaf, index, size, wrong)


@given(st.integers(2, 70).flatmap(lambda n: st.tuples(st.integers(1, n - 1), st.just(n))))
def test_consistency_proofs_lead_to_both_roots(sizes: tuple[int, int]) -> None:
    old, size = sizes
    roots = naive_root(LEAVES[:old]), naive_root(LEAVES[:size])
    proof = merkle.consistency(old, size, NODE)
    assert merkle.roots_by_consistency(old, size, roots[0], proof) == roots
    forged = naive_root([b"x", *LEAVES[1:old]])
    assert merkle.roots_by_consistency(old, size, forged, proof) != (forged, roots[1])


@given(st.integers(-5, 80), st.integers(-5, 80), st.lists(st.binary(min_size=32, max_size=32)))
def test_any_proof_gives_a_root_or_a_reason(index: int, size: int, proof: list[bytes]) -> None:
    for check in (
        lambda: merkle.root_by_inclusion(b"\0" * 32, index, size, proof),
        lambda: merkle.roots_by_consistency(index, size, b"\0" * 32, proof),
    ):
        with suppress(ValueError):
            check()
