"""How a client of a realm file hears of logouts: Keycloak's `frontchannelLogout` and its attributes → model."""

from __future__ import annotations

from idp.model.clients.logout import LogoutChannels
from idp.realms.representation import realm as file

BACK_CHANNEL = "backchannel.logout.url"
BACK_CHANNEL_SID = "backchannel.logout.session.required"
FRONT_CHANNEL = "frontchannel.logout.url"
FRONT_CHANNEL_SID = "frontchannel.logout.session.required"


def logout_channels(client: file.Client) -> LogoutChannels:
    """Return the channels; an absent switch means what it means to Keycloak."""
    attributes = client.attributes
    return LogoutChannels(
        back_channel_url=attributes.get(BACK_CHANNEL, ""),
        back_channel_needs_sid=attributes.get(BACK_CHANNEL_SID) == "true",
        front_channel_url=attributes.get(FRONT_CHANNEL, "") if client.frontchannel_logout else "",
        front_channel_needs_sid=attributes.get(FRONT_CHANNEL_SID, "true") == "true",
    )
