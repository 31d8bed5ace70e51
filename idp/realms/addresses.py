"""Addresses of clients that are called by us or loaded by a browser: https, and loopback for developers."""

from __future__ import annotations

from enum import Enum
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Reach(Enum):
    """Where an address leads."""

    HTTPS = "https"
    LOOPBACK = "loopback"
    """Plain http on this machine: never called unless the test switch `outbound.allow_loopback` is on."""
    NOWHERE = "nowhere"


def reach(address: str) -> Reach:
    """Tell where an address leads; one with a user's name, a fragment or no host leads nowhere."""
    try:
        parts = urlsplit(address)
        known = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc and not parts.fragment
    except ValueError:
        return Reach.NOWHERE
    # What another parser could read differently (RFC 3986 §2 allows neither) is no address.
    if not known or not (address.isascii() and address.isprintable()) or set(address) & set(' "\\;,'):
        return Reach.NOWHERE
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return Reach.LOOPBACK
    return Reach.HTTPS if parts.scheme == "https" else Reach.NOWHERE
