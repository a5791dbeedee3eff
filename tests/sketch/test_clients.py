from __future__ import annotations

import ipaddress

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stillwatch.sketch.clients import client_families, networks

NUMBERS = st.sampled_from(
    ["0", "00", "01", "7", "99", "100", "199", "255", "256", "999", "-1", "٣"]
)
NEARLY_IPV4 = st.lists(NUMBERS, min_size=3, max_size=5).map(".".join)
WRAPPED = st.tuples(
    st.sampled_from(["", " ", "[", "\t", "x"]),
    st.one_of(st.ip_addresses().map(str), NEARLY_IPV4),
    st.sampled_from(["", " ", "]", "\n", ":80", "/24", "%eth0", "\0"]),
).map("".join)


def by_ipaddress(address: str) -> str | None:
    try:
        found = ipaddress.ip_address(address.strip().strip("[]"))
    except ValueError:
        return None
    if found.version == 4:
        return str(ipaddress.ip_network(f"{found}/24", strict=False))
    if mapped := found.ipv4_mapped:
        return str(ipaddress.ip_network(f"{mapped}/24", strict=False))
    plain = ipaddress.IPv6Address(int(found))
    return str(ipaddress.ip_network(f"{plain}/48", strict=False))


@given(st.lists(st.one_of(st.none(), WRAPPED, st.text(max_size=20)), max_size=6))
@example(["1.2.3.4\n"])
@example(["::1", "::ffff:1.2.3.4", "fe80::1%eth0"])
def test_networks_are_those_of_the_standard_library(addresses: list[str | None]) -> None:
    expected = [None if a is None else by_ipaddress(a) for a in addresses]
    assert networks(pa.array(addresses, pa.string())).to_pylist() == expected


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:7:1::5", "2001:db8:7::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("[2001:db8::1]", "2001:db8::/48"),
        ("::1", "::/48"),
        ("unix:", None),
        ("", None),
    ],
)
def test_known_networks(address: str, network: str | None) -> None:
    assert networks(pa.array([address])).to_pylist() == [network]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("python-requests/2.32", "python-requests/2.31.0"),
        ("OpenAI/Python 1.40.2", "openai/python v1.52.0-beta"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0", "Mozilla/5.0 (Windows) Chrome/121.5"),
    ],
)
def test_a_client_family_survives_versions_and_systems(one: str, other: str) -> None:
    first, second = client_families(pa.array([one, other])).to_pylist()
    assert first == second
    assert first


def test_other_software_is_another_family() -> None:
    found = client_families(pa.array(["curl/8.0", "axios/1.6", "openai-node/4.0"])).to_pylist()
    assert len(set(found)) == 3
