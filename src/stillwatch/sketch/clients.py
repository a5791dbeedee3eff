"""Where a request came from, as families that survive small changes: network and client."""

from __future__ import annotations

import ipaddress

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sketch.columns import Key, hash_identifier

IPV4_PREFIX = 24
IPV6_PREFIX = 48

_VERSION = r"[/ ]?v?\d[\w.\-+]*"
_COMMENT = r"\([^)]*\)"


def network(address: str | None) -> str | None:
    """The /24 (IPv4) or /48 (IPv6) network of an address; None where it is not an address.

    A /48 is what a site is given (RFC 6177); single IPv6 addresses change by the hour.
    """
    if not address:
        return None
    try:
        parsed = ipaddress.ip_address(address.strip().strip("[]"))
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    prefix = IPV4_PREFIX if parsed.version == 4 else IPV6_PREFIX
    return str(ipaddress.ip_network((parsed, prefix), strict=False))


def network_keys(addresses: pa.Array, key: Key) -> pa.Array:
    """Keyed networks of a column of addresses; each distinct address is parsed once."""
    encoded = pc.dictionary_encode(addresses)
    networks = pa.array([network(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return hash_identifier(networks, key).take(encoded.indices)


def client_keys(user_agents: pa.Array, key: Key) -> pa.Array:
    """Keyed client families: the user agent with versions and comments dropped, lower-cased."""
    encoded = pc.dictionary_encode(user_agents)
    family = pc.replace_substring_regex(encoded.dictionary, _COMMENT, "")
    family = pc.replace_substring_regex(family, _VERSION, "")
    family = pc.utf8_trim_whitespace(pc.utf8_lower(family))
    return hash_identifier(family, key).take(encoded.indices)
