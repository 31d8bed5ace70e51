"""Rules about the addresses at which a client hears of logouts."""

from __future__ import annotations

from collections.abc import Iterator

from idp.model.client import Client
from idp.model.finding import Finding
from idp.realms.addresses import Reach, reach
from idp.realms.clients.logout import BACK_CHANNEL, FRONT_CHANNEL
from idp.realms.values import error, warning

_NEVER = frozenset({"javascript", "data", "vbscript"})


def logout_findings(client: Client, pointer: str) -> Iterator[Finding]:
    """Yield what is wrong with a client's logout addresses."""
    channels = client.logout
    for attribute, address in ((BACK_CHANNEL, channels.back_channel_url), (FRONT_CHANNEL, channels.front_channel_url)):
        place = f"{pointer}/attributes/{attribute}"
        if address and reach(address) is Reach.LOOPBACK:
            problem = "Logouts are told to a loopback address; that works on a developer's machine only."
            yield warning("C-LOGOUT-ADDRESS", place, problem, "Use https.")
        elif address and reach(address) is Reach.NOWHERE:
            problem = f"“{client.client_id}” cannot be told of logouts at “{address}”."
            yield error("C-LOGOUT-ADDRESS", place, problem, "Write an absolute https address without a fragment.")
    for address in client.post_logout_redirect_uris:
        # The logged-out page may have it as a link.
        if address.partition(":")[0].lower() in _NEVER or ":" not in address:
            problem = f"“{address}” is no place to return to after a logout."
            place = f"{pointer}/attributes/post.logout.redirect.uris"
            yield error("C-LOGOUT-ADDRESS", place, problem, "Write the whole address.")
