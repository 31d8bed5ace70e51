"""Electronic mail: the server that a realm's letters leave by."""

from __future__ import annotations

from typing import Literal

from idp.model.secret import Secret
from idp.model.struct import Frozen


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
