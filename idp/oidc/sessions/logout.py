"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): what shall happen, as a value; and doing it.

The pages and cookies are the caller's. It calls `logout` with the session that the browser's cookie *proved*; for
`AskPerson` it shows the question and, once the person has said yes (in a form that no other site can post), calls
again with `confirmed=True` and the same parameters, which are then checked again: a form's hidden fields prove nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from idp.crypto.jose import Claims, TokenError
from idp.model.client import Client
from idp.model.session import UserSession
from idp.model.struct import Frozen
from idp.oidc.authorization.target import matches
from idp.oidc.provider import Provider
from idp.oidc.sessions import front_channel
from idp.oidc.sessions.user_sessions import end_session
from idp.oidc.token.tokens import read_id_token_hint


class RedirectTo(Frozen, frozen=True, kw_only=True):
    """Send the browser to the client's registered address. `ends` is the session to end first.

    Where there are `frames` (addresses of clients), a page loads them before it goes on.
    """

    url: str
    client_id: str
    ends: str | None
    frames: tuple[str, ...] = ()


class LoggedOutPage(Frozen, frozen=True, kw_only=True):
    """Show that the person is logged out. `client_id` is the application that asked, where it is known."""

    client_id: str | None
    ends: str | None
    frames: tuple[str, ...] = ()


class AskPerson(Frozen, frozen=True, kw_only=True):
    """Ask whether to log out: nothing proves that this person's application wants it (ASVS V30, §2)."""

    client_id: str | None


class ErrorPage(Frozen, frozen=True, kw_only=True):
    """Show an error; never redirect. `message` is a key of the texts, `detail` is for the log."""

    message: str
    detail: str
    client_id: str | None = None


LogoutDecision = RedirectTo | LoggedOutPage | AskPerson | ErrorPage


async def logout(
    provider: Provider,
    parameters: Mapping[str, str],
    *,
    session: UserSession | None,
    confirmed: bool = False,
    address: str | None = None,
) -> LogoutDecision:
    """Decide, and end the session if that is what was decided."""
    decision = decide(provider, parameters, session=session, confirmed=confirmed)
    match decision:
        case RedirectTo() | LoggedOutPage() if decision.ends is not None:
            ended = await end_session(provider, decision.ends, client_id=decision.client_id, address=address)
            if ended is not None:
                return msgspec.structs.replace(decision, frames=front_channel.frames(provider, ended))
        case ErrorPage():
            await _record_error(provider, decision, session, address)
        case _:
            pass
    return decision


def decide(
    provider: Provider, parameters: Mapping[str, str], *, session: UserSession | None, confirmed: bool = False
) -> LogoutDecision:
    """Decide what a logout request leads to; does nothing."""
    given = {name: value for name, value in parameters.items() if value}
    try:
        hint = _hint(provider, given)
        client = _client(provider, given, hint)
        url = _return_address(client, given)
    except _RefusedError as refused:
        return refused.page
    if session is not None and not confirmed and not _speaks_for(hint, session):
        return AskPerson(client_id=client.client_id if client else None)
    ends = _to_end(session, hint)
    if url is not None and client is not None:
        return RedirectTo(url=url, client_id=client.client_id, ends=ends)
    return LoggedOutPage(client_id=client.client_id if client else None, ends=ends)


class _RefusedError(Exception):
    def __init__(self, message: str, detail: str, *, client_id: str | None = None) -> None:
        super().__init__(detail)
        self.page = ErrorPage(message=message, detail=detail, client_id=client_id)


def _hint(provider: Provider, given: Mapping[str, str]) -> Claims | None:
    """Read the hint; an ID token of ours counts however old it is (§2)."""
    if "id_token_hint" not in given:
        return None
    try:
        return read_id_token_hint(provider, given["id_token_hint"])
    except TokenError as error:
        raise _RefusedError("logout_hint_invalid", f"id_token_hint: {error}") from None


def _client(provider: Provider, given: Mapping[str, str], hint: Claims | None) -> Client | None:
    named = given.get("client_id")
    # Not `aud`: audience mappers may have put others beside the client that the token was made for.
    hinted = hint["azp"] if hint is not None else None
    # §2: "When both client_id and id_token_hint are present, the OP MUST verify that the Client Identifier matches".
    if named is not None and hinted is not None and named != hinted:
        raise _RefusedError("logout_hint_invalid", "client_id is not the client of id_token_hint")
    client_id = named or hinted
    if client_id is None:
        return None
    client = provider.client(client_id)
    if client is None:
        raise _RefusedError("client_not_found", "no such enabled client")
    return client


def _return_address(client: Client | None, given: Mapping[str, str]) -> str | None:
    """Return where to go, if that is one of the client's registered addresses (§3.1), by the rule of all redirects."""
    address = given.get("post_logout_redirect_uri")
    if address is None:
        return None
    if client is None:
        raise _RefusedError("logout_address_invalid", "post_logout_redirect_uri without a client")
    if not any(matches(registered, address) for registered in _registered(client)):
        raise _RefusedError(
            "logout_address_invalid", "post_logout_redirect_uri is not registered", client_id=client.client_id
        )
    if "state" not in given:
        return address
    return f"{address}{'&' if '?' in address else '?'}{urlencode({'state': given['state']})}"


def _registered(client: Client) -> frozenset[str]:
    """Return the addresses the client registered; Keycloak's `+` stands for its redirect addresses."""
    own = frozenset(client.post_logout_redirect_uris)
    return (own | frozenset(client.redirect_uris)) - {"+"} if "+" in own else own


def _speaks_for(hint: Claims | None, session: UserSession) -> bool:
    """Only an ID token of this very session shows that the request comes from where the person logged in."""
    return hint is not None and hint["sid"] == session.sid


def _to_end(session: UserSession | None, hint: Claims | None) -> str | None:
    """The browser's session; and where the browser has none any more, the one that the client's ID token names."""
    if session is not None:
        return session.sid
    sid: str | None = hint["sid"] if hint is not None else None
    return sid


async def _record_error(
    provider: Provider, refused: ErrorPage, session: UserSession | None, address: str | None
) -> None:
    if session is None and refused.client_id is None:
        # Nothing about it is proven, so it is not stored; see `routes`.
        provider.log.info("logout refused", detail=refused.detail, address=address)
        return
    await provider.record(
        "LOGOUT_ERROR",
        transaction_id=session.transaction_id if session else provider.random_text(12),
        user_id=session.user_id if session else None,
        client_id=refused.client_id,
        sid=session.sid if session else None,
        address=address,
        error=refused.message,
        detail={"reason": refused.detail},
    )
