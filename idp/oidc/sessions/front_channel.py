"""Telling clients that a session has ended, through the person's browser (OpenID Connect Front-Channel Logout 1.0).

The page that says "you are logged out" loads each client's address in a frame. Whether it arrives nobody knows: a
client that must know has a back channel.
"""

from __future__ import annotations

from urllib.parse import urlencode

from idp.model.clients.logout import LogoutChannels
from idp.model.session import UserSession
from idp.oidc.provider import Provider
from idp.realms.addresses import Reach, reach


def frames(provider: Provider, session: UserSession) -> tuple[str, ...]:
    """Return what the browser loads now that the session has ended: one address for each client that wants it."""
    found = (provider.client(client_id) for client_id in sorted(session.clients))
    return tuple(
        _address(client.logout, issuer=provider.issuer, sid=session.sid)
        for client in found
        if client is not None and reach(client.logout.front_channel_url) is not Reach.NOWHERE
    )


def _address(channels: LogoutChannels, *, issuer: str, sid: str) -> str:
    """§2: `iss` and `sid` come together or not at all; a query that the address has is kept."""
    url = channels.front_channel_url
    if not channels.front_channel_needs_sid:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'iss': issuer, 'sid': sid})}"
