"""Who a stranger is, as far as an address tells: what budgets of strangers are counted by."""

from __future__ import annotations

import ipaddress


def subscriber_of(address: str | None) -> str:
    """Return what one subscriber has: an IPv4 address, or the first half of an IPv6 address.

    A line at home has 2⁶⁴ IPv6 addresses or more: a budget for each of them is none. What is no address counts as one
    subscriber.
    """
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped  # what a socket for both families calls an IPv4 neighbour; else all of IPv4 were one
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))  # noqa: PLR2004 - IPv4
