"""The ping (CIBA Core §10.2): the client is told *that* its request was decided, never how.

The client finds out at the token endpoint, where it could have asked all along: a ping that is lost costs time and
nothing else. So it is not kept across a restart.
"""

from __future__ import annotations

import asyncio

import msgspec

from idp.model.pending import PendingAuthorization
from idp.oidc.decoupled.tickets import authentication_request_id
from idp.oidc.provider import Provider
from idp.ports import UnfetchableError

_PAUSES = (1.0, 5.0, 15.0)  # seconds before each further attempt
_SERVER_ERROR = 500
_PURPOSE = "client-notification-token"


def sealed_token(provider: Provider, token: str) -> bytes:
    """Seal a client's notification token: it opens the client's door, so no copy of the store may hold it."""
    return provider.sealer.seal(token.encode(), purpose=f"{_PURPOSE}/{provider.name}")


def notify(provider: Provider, decided: PendingAuthorization) -> None:
    """Begin to tell the client, if it wants to be told. The person's page does not wait for a stranger's server."""
    if decided.notification_token:
        provider.errands.begin(ping(provider, decided))


async def ping(provider: Provider, decided: PendingAuthorization, *, pauses: tuple[float, ...] = _PAUSES) -> None:
    """Post to the client's endpoint until it answers anything but a failure of its own, or the request is over."""
    client = provider.client(decided.client_id)
    if client is None or client.backchannel.delivery != "ping" or provider.outbound is None:
        return
    token = provider.sealer.unseal(decided.notification_token, purpose=f"{_PURPOSE}/{provider.name}").decode()
    body = msgspec.json.encode({"auth_req_id": authentication_request_id(provider, decided.salt)})
    reason = ""
    for pause in (0.0, *pauses):
        await asyncio.sleep(pause)
        if provider.now() >= decided.expires_at:
            break
        try:
            status = await provider.outbound.post(
                client.backchannel.notification_endpoint,
                body=body,
                content_type="application/json",
                headers={"authorization": f"Bearer {token}"},
            )
        except UnfetchableError as error:
            reason = str(error)
            continue
        reason = f"the client answered {status}"
        # A refusal is an answer: to repeat the token to an endpoint that does not know it helps nobody. A redirect is
        # not followed (§10.2), or the token would go where the client never registered.
        if status < _SERVER_ERROR:
            break
    provider.log.info("client notified", client_id=client.client_id, transaction_id=decided.transaction_id, last=reason)
