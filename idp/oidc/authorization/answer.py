"""(target, parameters) → the answer that a browser carries to the client. Nothing else sends one anywhere.

By redirect in the query or the fragment (Multiple Response Types §2.1), or posted by a page (Form Post Response Mode
§2); in the `.jwt` modes everything is one signed parameter, `response` (JARM §2.1).
"""

from __future__ import annotations

from collections.abc import Mapping

from idp.model.client import Client
from idp.model.struct import Frozen
from idp.oidc.authorization.target import Target, UnsafeRequestError
from idp.oidc.clients.protection import protected
from idp.oidc.errors import OAuthError
from idp.oidc.provider import Provider

JARM_TYPE = "authorization-response+jwt"
"""A type of its own: JARM asks for none, but an answer must never pass for an ID token, whose `aud` it shares."""
_JARM_LIFETIME = 600  # seconds (JARM §2.1: at most ten minutes are recommended)


class Redirect(Frozen, frozen=True, kw_only=True):
    """Send the browser to the client; `cookie` is the user session's, where it is new or renewed."""

    url: str
    sid: str | None = None
    cookie: str | None = None


class FormPost(Frozen, frozen=True, kw_only=True):
    """Let the browser post `fields` to the client's address; the rest as in `Redirect`."""

    action: str
    fields: dict[str, str]
    sid: str | None = None
    cookie: str | None = None


Answer = Redirect | FormPost


async def answered(
    provider: Provider,
    client: Client,
    target: Target,
    parameters: Mapping[str, str],
    *,
    sid: str | None = None,
    cookie: str | None = None,
) -> Answer:
    """Return the answer to the request of that target: success or error, each with `iss` and `state`.

    Raises:
        UnsafeRequestError: the answer is to be encrypted, and the client has no key for it.

    """
    answer = target.answer(parameters)
    if target.response_mode.endswith(".jwt"):
        answer = {"response": await _protected(provider, client, answer)}
    if target.response_mode in {"form_post", "form_post.jwt"}:
        return FormPost(action=target.redirect_uri, fields=answer, sid=sid, cookie=cookie)
    return Redirect(url=target.url(answer), sid=sid, cookie=cookie)


async def _protected(provider: Provider, client: Client, answer: Mapping[str, str]) -> str:
    claims = {**answer, "aud": client.client_id, "exp": provider.now() + _JARM_LIFETIME, "iat": provider.now()}
    try:
        return await protected(provider, client, claims, typ=JARM_TYPE, protection=client.authorization_response)
    except OAuthError as error:
        # Nobody can be told in clear what was to be read by the client alone, not even that it failed.
        raise UnsafeRequestError("invalid_request", f"{error.description} {error.detail}", client=client) from error
