"""Telling clients that a session has ended, from us to them (OpenID Connect Back-Channel Logout 1.0).

A logout that a client must hear of is kept *before* the session ends and forgotten once the client has said that it
knows: a crash in between tells it twice, never not at all. The first attempt is made at once, and whoever ended the
session waits a moment for it; what fails is tried again, ever more rarely, and given up in the end. Either way there is
an event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from structlog.typing import FilteringBoundLogger

from idp.crypto.digest import digest
from idp.crypto.jose import mint
from idp.model.client import Client
from idp.model.clients.logout import LogoutDelivery
from idp.model.session import UserSession
from idp.oidc.clients.subject import subject_of
from idp.oidc.provider import Provider
from idp.ports import LogoutDeliveries, StoreUnavailableError, UnfetchableError

LOGOUT_TYPE = "logout+jwt"
_EVENT = "http://schemas.openid.net/event/backchannel-logout"  # §2.4: a name, not an address
_TOKEN_LIFE = 120  # seconds; §2.4: "preferably at most two minutes in the future"
_AGAIN_AFTER = (10, 60, 300, 900, 3600)  # seconds after each attempt that failed; then it is given up
_KEPT = 24 * 3600  # seconds: so long may the provider itself be away before a logout is forgotten
_FIRST = 5  # seconds that the one who ended the session has, before the watch makes the first attempt
_MOMENT = 2.0  # seconds that a person's logout waits for the clients
_LOOK_EVERY = 1.0  # seconds
_AT_ONCE = 20  # deliveries of one look
_TAKEN = frozenset({200, 204})  # §2.8; 204 is what many frameworks say for an empty 200


async def owe(provider: Provider, session: UserSession, client_ids: Iterable[str]) -> list[LogoutDelivery]:
    """Keep what these clients of a session must hear; it is durable when this returns."""
    now = provider.now()
    owed = owed_to(provider.client, session, client_ids, now=now, first_at=now + _FIRST)
    await keep(provider.stores.logout_deliveries, owed)
    return owed


def owed_to(
    client_of: Callable[[str], Client | None],
    session: UserSession,
    client_ids: Iterable[str],
    *,
    now: int,
    first_at: int,
) -> list[LogoutDelivery]:
    """Return what those clients that have an address must hear of a session; the watch tells it at `first_at`."""
    return [
        LogoutDelivery(
            id=_id(session.sid, client_id),
            client_id=client_id,
            user_id=session.user_id,
            sid=session.sid,
            transaction_id=session.transaction_id,
            created_at=now,
            next_at=first_at,
        )
        for client_id in client_ids
        if (client := client_of(client_id)) is not None and client.logout.back_channel_url
    ]


async def keep(deliveries: LogoutDeliveries, owed: Iterable[LogoutDelivery]) -> None:
    """Keep deliveries; they are durable when this returns."""
    await asyncio.gather(*(deliveries.put(delivery, expires_at=delivery.created_at + _KEPT) for delivery in owed))


async def tell(provider: Provider, owed: Sequence[LogoutDelivery]) -> None:
    """Make the first attempts, all at once, and wait a moment for them; they go on without us after that."""
    # Past the bound the watch makes the first attempt, a few seconds later.
    attempts = [provider.errands.begin(attempt(provider, delivery)) for delivery in owed[: provider.errands.room]]
    if attempts:
        await asyncio.wait(attempts, timeout=_MOMENT)


async def attempt(provider: Provider, delivery: LogoutDelivery) -> None:
    """Tell one client once, unless somebody else is doing it."""
    wait = _AGAIN_AFTER[min(delivery.attempts, len(_AGAIN_AFTER) - 1)]
    claimed = await provider.stores.logout_deliveries.claim(delivery, next_at=provider.now() + wait)
    if claimed is None:
        return
    problem = await _told(provider, claimed)
    if problem is None:
        await _close(provider, claimed, "LOGOUT_DELIVERED")
    elif claimed.attempts > len(_AGAIN_AFTER):
        await _close(provider, claimed, "LOGOUT_UNDELIVERED", problem)
    else:
        provider.log.info(
            "logout not delivered yet", client_id=claimed.client_id, attempts=claimed.attempts, reason=problem
        )


async def watch_deliveries(providers: Mapping[str, Provider], log: FilteringBoundLogger) -> None:
    """Tell for ever what is due, in every realm; what cannot be told now is due again later."""
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        for name, provider in providers.items():
            try:
                await tell_due(provider)
            except StoreUnavailableError as error:  # a traceback twice a second says nothing more
                log.warning("logouts not delivered", realm=name, reason=str(error))
            except Exception:
                log.exception("logouts not delivered", realm=name)


async def tell_due(provider: Provider) -> None:
    """Look once: attempt what is due. One realm's slow clients do not hold up another's."""
    room = min(_AT_ONCE, provider.errands.room)
    for delivery in await provider.stores.logout_deliveries.due(now=provider.now(), limit=room):
        provider.errands.begin(attempt(provider, delivery))


async def _told(provider: Provider, delivery: LogoutDelivery) -> str | None:
    """Post the token; return what was wrong, in words for the log and without anything of the token."""
    client, address = provider.client(delivery.client_id), _address(provider, delivery.client_id)
    if client is None or not address or provider.outbound is None:
        return "the client has no address any more"
    body = urlencode({"logout_token": logout_token(provider, client, delivery)}).encode()
    try:
        status = await provider.outbound.post(address, body=body, content_type="application/x-www-form-urlencoded")
    except UnfetchableError as error:
        return str(error)
    return None if status in _TAKEN else f"the address answered {status}"


def logout_token(provider: Provider, client: Client, delivery: LogoutDelivery) -> str:
    """Return a logout token (§2.4). It has no nonce, which could make it pass for an ID token."""
    now = provider.now()
    claims: dict[str, Any] = {
        "iss": provider.issuer,
        "sub": subject_of(provider, client, delivery.user_id),
        "aud": client.client_id,
        "iat": now,
        "exp": now + _TOKEN_LIFE,
        "jti": delivery.id,
        "events": {_EVENT: {}},
    }
    if client.logout.back_channel_needs_sid:
        claims["sid"] = delivery.sid
    algorithm = client.id_token_algorithm or provider.realm().default_signature_algorithm
    return mint(provider.keys.signer(algorithm), typ=LOGOUT_TYPE, claims=claims)


async def _close(provider: Provider, delivery: LogoutDelivery, event: str, problem: str | None = None) -> None:
    detail = {"attempts": str(delivery.attempts)} | ({} if problem is None else {"reason": problem})
    await provider.record(
        event,
        transaction_id=delivery.transaction_id,
        user_id=delivery.user_id,
        client_id=delivery.client_id,
        sid=delivery.sid,
        error=None if problem is None else "logout_failed",
        detail=detail,
    )
    await provider.stores.logout_deliveries.done(delivery.id)


def _address(provider: Provider, client_id: str) -> str:
    client = provider.client(client_id)
    return "" if client is None else client.logout.back_channel_url


def _id(sid: str, client_id: str) -> str:
    """Return one id for one client's share of one session: ending it twice, at once, makes one delivery."""
    return digest(f"logout|{sid}|{client_id}")
