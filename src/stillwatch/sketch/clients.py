"""Where a request came from, as families that survive small changes: network and client."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sketch.columns import Distinct, Key, hash_identifier

IPV4_PREFIX = 24
IPV6_PREFIX = 48

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"^({_BYTE}\.{_BYTE}\.{_BYTE})\.{_BYTE}$"
_VERSION = r"[/ ]?v?\d[\w.\-+]*"
_COMMENT = r"\([^)]*\)"


@lru_cache(maxsize=1 << 16)
def network(address: str) -> str | None:
    """The /24 (IPv4) or /48 (IPv6) network of an address; None where it is not an address.

    A /48 is what a site is given (RFC 6177); single IPv6 addresses change by the hour. An IPv4
    address that is written in IPv6 (RFC 4291) is the IPv4 address.
    """
    try:
        parsed = ipaddress.ip_address(address.strip().strip("[]"))
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((int(parsed), IPV6_PREFIX), strict=False))
        parsed = parsed.ipv4_mapped
    return str(ipaddress.IPv4Network((int(parsed), IPV4_PREFIX), strict=False))


def networks(addresses: pa.Array) -> pa.Array:
    """`network` of each address of a column; plain IPv4 addresses without a loop."""
    plain = pc.match_substring_regex(addresses, _IPV4)
    short = pc.replace_substring_regex(addresses, _IPV4, r"\1.0/24")
    rest = addresses.filter(pc.invert(plain))
    found = pa.array([network(value) for value in rest.to_pylist()], pa.string())
    return pc.replace_with_mask(short, pc.invert(plain), found)


def network_keys(addresses: pa.Array, key: Key) -> pa.Array:
    """Keyed networks of a column of addresses; each distinct address is looked at once."""
    return Distinct.of(addresses).column(lambda values: hash_identifier(networks(values), key))


def client_families(user_agents: pa.Array) -> pa.Array:
    """User agents in lower case, versions and comments dropped: what software the client is."""
    family = pc.replace_substring_regex(user_agents, _COMMENT, "")
    family = pc.replace_substring_regex(family, _VERSION, "")
    return pc.utf8_trim_whitespace(pc.utf8_lower(family))


def client_keys(user_agents: pa.Array, key: Key) -> pa.Array:
    """Keyed client families of a column of user agents."""
    return Distinct.of(user_agents).column(
        lambda values: hash_identifier(client_families(values), key)
    )
