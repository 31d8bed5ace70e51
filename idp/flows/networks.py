"""Who counts as one where budgets are counted by network address."""

from __future__ import annotations

import ipaddress

_IPV4 = 4
_NEIGHBOURS, _LINE = 24, 64  # bits of an IPv4 and of an IPv6 network


def subscriber_of(address: str | None) -> str:
    """Return what one subscriber has: an IPv4 address, or the first half of an IPv6 address.

    A line at home has 2⁶⁴ IPv6 addresses or more: a budget for each of them is none. What is no address counts as one
    subscriber.
    """
    found = _read(address or "")
    if found is None:
        return ""
    return str(found) if found.version == _IPV4 else str(ipaddress.ip_network((found, _LINE), strict=False))


def network_of(address: str) -> str:
    """Return the network that is counted as one: an IPv4 /24 or an IPv6 /64; empty for what is no address."""
    found = _read(address)
    if found is None:
        return ""
    return str(ipaddress.ip_network((found, _NEIGHBOURS if found.version == _IPV4 else _LINE), strict=False))


def _read(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    # What a socket for both families calls an IPv4 neighbour; else all of IPv4 were one.
    return getattr(found, "ipv4_mapped", None) or found
