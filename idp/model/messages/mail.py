"""Electronic mail: the server that a realm's letters leave by."""

from __future__ import annotations

import re
from typing import Literal

from idp.model.secret import Secret
from idp.model.struct import Frozen

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts to which nobody is in between."""


class MailToken(Frozen, frozen=True, kw_only=True):
    """Where an access token for the mail server comes from (client credentials, RFC 6749 §4.4; used as XOAUTH2)."""

    url: str
    client_id: str
    client_secret: Secret
    scope: str = ""


class SmtpServer(Frozen, frozen=True, kw_only=True):
    """A mail server and the sender it is used as; times in seconds.

    `tls` is implicit (from the first byte), by STARTTLS (and then required, never merely tried), or none.
    `user` with a `password` or with a `token` proves the sender to it; without a user nothing is proven.
    """

    host: str
    port: int
    sender: str
    sender_name: str = ""
    reply_to: str = ""
    reply_to_name: str = ""
    envelope_from: str = ""
    tls: Literal["implicit", "starttls", "none"] = "none"
    user: str = ""
    password: Secret | None = None
    token: MailToken | None = None
    allow_utf8: bool = False
    timeout: float = 10.0


_LOCAL = re.compile(r"[^\s\x00-\x20\x7f()<>\[\]:;@\\,.\"\x80-\x9f]+(\.[^\s\x00-\x20\x7f()<>\[\]:;@\\,.\"\x80-\x9f]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_LONGEST_LOCAL, _LONGEST = 64, 254  # octets, RFC 5321 §4.5.3.1


def mail_address(written: str) -> str | None:
    """Return an address as it is used everywhere, its domain in ASCII; None if it is not one (RFC 5321 §4.1.2).

    Only the form that people have: `local@domain` without quotes, comments or literals. Whatever could end a header or
    begin a second address is no address, so none of them can ever stand in a message.
    """
    local, at, domain = written.strip().rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or not local.isprintable() or len(local.encode()) > _LONGEST_LOCAL:
        return None
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = ascii_domain.split(".")
    address = f"{local}@{ascii_domain}"
    if not all(_LABEL.fullmatch(label) for label in labels) or len(address.encode()) > _LONGEST:
        return None
    return address


def masked_address(address: str) -> str:
    """Show enough of an address to recognise one's own: `a•••@e•••.al`."""
    local, _, domain = address.rpartition("@")
    name, dot, suffix = domain.rpartition(".")
    return f"{local[:1]}•••@{name[:1]}•••{dot}{suffix}"
