"""How a client hears of a logout, and what is still to be told to one."""

from __future__ import annotations

from idp.model.struct import Frozen


class LogoutChannels(Frozen, frozen=True, kw_only=True):
    """Where a client hears that a session has ended; an empty address is a channel that it does not have."""

    back_channel_url: str = ""
    """We post a logout token there (OpenID Connect Back-Channel Logout 1.0 §2.2)."""
    back_channel_needs_sid: bool = False
    """The token names the session; without it, it names only the user, whose every session then ends there."""
    front_channel_url: str = ""
    """The person's browser loads it in a frame (OpenID Connect Front-Channel Logout 1.0 §2)."""
    front_channel_needs_sid: bool = True
    """The address is loaded with `iss` and `sid`."""


class LogoutDelivery(Frozen, frozen=True, kw_only=True):
    """A logout that one client is still to be told of.

    It holds neither token nor address: each attempt makes a new token and looks the client up as it is then, so nothing
    here can be used, and a mended address is called. `id` becomes the `jti`: a client that has heard of it already
    knows it again.
    """

    id: str
    client_id: str
    user_id: str
    sid: str
    transaction_id: str
    created_at: int
    next_at: int
    attempts: int = 0
