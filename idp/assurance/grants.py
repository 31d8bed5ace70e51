"""By which grants each client of a realm gets tokens, what each rests on, and the highest acr that its tokens can say.

The evidence of a token is always that of a login by the client's own flow, but for two: a client that speaks for itself
(no customer), and one that another issuer's word suffices for (no evidence).
"""

from __future__ import annotations

from collections.abc import Iterator

from idp.flows.assembly import AssembledRealm
from idp.flows.compiler import CompiledFlow
from idp.flows.strength.levels import acr_of
from idp.flows.tree import leaves
from idp.model.client import Client
from idp.model.flow_kind import FlowKind
from idp.model.struct import Frozen

NOBODY, A_LOGIN, A_SESSION, A_WORD = (
    "no customer",
    "a login by “{flow}”",
    "a session of such a login",
    "an issuer's word",
)
_NO_LEVEL = 0


class Issue(Frozen, frozen=True, kw_only=True):
    """One way in which one client gets tokens: on what they rest, and the highest `acr` that they say (or none)."""

    client: str
    grant: str
    rests_on: str
    acr: str = ""


def issues(assembled: AssembledRealm) -> Iterator[Issue]:
    """Yield every grant of every client that is switched on."""
    for client in assembled.realm.clients.values():
        if client.enabled:
            yield from _of_client(assembled, client)


def _of_client(assembled: AssembledRealm, client: Client) -> Iterator[Issue]:
    flow = assembled.flow_for(FlowKind.BROWSER, client)
    if flow is not None:
        login = A_LOGIN.format(flow=flow.alias)
        highest = acr_of(assembled.realm, assembled.highest_level(flow.alias), client)
        for grant in _by_login(client):
            yield Issue(client=client.client_id, grant=grant, rests_on=login, acr=highest)
        yield from _by_password(assembled, client, assembled.flow_for(FlowKind.DIRECT_GRANT, client) or flow)
        for grant in _by_session(client):
            yield Issue(client=client.client_id, grant=grant, rests_on=A_SESSION, acr=highest)
    if client.assertion_issuers and not client.public and not client.minimum_acr:
        lowest = acr_of(assembled.realm, _NO_LEVEL, client)
        yield Issue(client=client.client_id, grant="jwt-bearer", rests_on=A_WORD, acr=lowest)
    if client.service_account:
        yield Issue(client=client.client_id, grant="client_credentials", rests_on=NOBODY)


def _by_password(assembled: AssembledRealm, client: Client, flow: CompiledFlow) -> Iterator[Issue]:
    """Yield the password grant; a right password must not send messages, so it is refused where the flow sends any."""
    if client.password_grant and not any(assembled.contract(one.id).sends_message for one in leaves(flow.root)):
        highest = acr_of(assembled.realm, assembled.highest_level(flow.alias), client)
        yield Issue(client=client.client_id, grant="password", rests_on=A_LOGIN.format(flow=flow.alias), acr=highest)


def _by_login(client: Client) -> Iterator[str]:
    """Yield the grants for which somebody goes through the client's flow; the last two on another device."""
    if client.standard_flow:
        yield "authorization_code"
    if client.implicit_flow:
        yield "implicit"
    if client.device.enabled:
        yield "device_code"
    if client.backchannel.enabled:
        yield "ciba"


def _by_session(client: Client) -> Iterator[str]:
    """Yield the grants that trade what a login earned; they say its acr, and are refused below the client's minimum."""
    if client.use_refresh_tokens and (client.standard_flow or client.device.enabled or client.backchannel.enabled):
        yield "refresh_token"
    if client.token_exchange:
        yield "token_exchange"
