"""A backchannel authentication request: raw parameters → what is asked, or the one error that CIBA names (Core §7.1).

Plain, or as one signed object (§7.1.1). In an object nothing may be left to a sender's taste: it is the proof that the
client wanted exactly this, so all six claims about it must be there, and nothing may stand beside it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

from idp.crypto.digest import digest
from idp.crypto.foreign import is_meant_for, read_foreign, seconds_of
from idp.crypto.jose import Claims, TokenError
from idp.crypto.public_keys import KeyRefusedError
from idp.model.client import Client
from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS
from idp.model.struct import Frozen
from idp.oidc.clients.assertion import Usable
from idp.oidc.clients.keys import check_signature
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.provider import Provider
from idp.oidc.requests.asked import Asked
from idp.oidc.requests.request_object import LARGEST_OBJECT, parameters_of

USED = "backchannel-request"
_AUTHENTICATION = frozenset({"request", "client_id", "client_secret", "client_assertion", "client_assertion_type"})
_HINTS = ("login_hint", "id_token_hint", "login_hint_token")
_TYPES = frozenset({"oauth-authz-req+jwt", "jwt", None})
_AHEAD = 30  # seconds that a client's clock may be ahead, as for its assertions
_HOUR = 3600  # seconds; FAPI-CIBA §5.2.2: `exp` at most an hour after `nbf`, and `nbf` at most an hour ago
_LONGEST_HINT = 4096
_LONGEST_MESSAGE = 100
_LONGEST_TOKEN = 1024  # CIBA Core §7.1
_LONGEST_LIST = 20
_BEARER = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750 §2.1
_WHOLE_NUMBER = re.compile(r"[0-9]{1,6}")
_SPEAKABLE = ("L", "N", "P")
_ALSO_SPEAKABLE = frozenset({"Zs", "Sc", "Sm"})  # space; € and +, for an amount


class BackchannelRequest(Frozen, frozen=True, kw_only=True):
    """What a client asks of a customer. `requested_expiry` is in seconds, None where it leaves that to us."""

    asked: Asked
    hint: Literal["login_hint", "id_token_hint"]
    hinted: str
    scope: str
    binding_message: str = ""
    acr_values: tuple[str, ...] = ()
    requested_expiry: int | None = None
    notification_token: str = ""


async def read_request(
    provider: Provider, client: Client, form: Mapping[str, str], resources: tuple[str, ...]
) -> BackchannelRequest:
    """Read a request; raises `OAuthError`."""
    if "request" in form:
        return checked(client, await _opened(provider, client, form, resources))
    if client.backchannel.algorithm is not None or client.rules.backchannel_request is not None:
        raise _invalid("The request must be signed.")
    return checked(client, Asked(parameters=form, resources=resources))


def checked(client: Client, asked: Asked) -> BackchannelRequest:
    """Check the parameters, wherever they stood; raises `OAuthError`."""
    parameters = asked.parameters
    hint, hinted = _hint(parameters)
    return BackchannelRequest(
        asked=asked,
        hint=hint,
        hinted=hinted,
        scope=_scope(parameters),
        binding_message=_binding_message(client, parameters),
        acr_values=tuple(parameters.get("acr_values", "").split()[:_LONGEST_LIST]) or client.default_acr_values,
        requested_expiry=_requested_expiry(parameters),
        notification_token=_notification_token(client, parameters),
    )


def _hint(parameters: Mapping[str, str]) -> tuple[Literal["login_hint", "id_token_hint"], str]:
    # §7.1: exactly one. We issue no `login_hint_token`, so none can mean anything here.
    given = [name for name in _HINTS if name in parameters]
    if len(given) != 1 or given == ["login_hint_token"]:
        raise _invalid("Exactly one of login_hint and id_token_hint is needed.")
    hint: Literal["login_hint", "id_token_hint"] = "login_hint" if given == ["login_hint"] else "id_token_hint"
    if len(parameters[hint]) > _LONGEST_HINT:
        raise _invalid("The hint is too long.")
    return hint, parameters[hint]


def _scope(parameters: Mapping[str, str]) -> str:
    scope = parameters.get("scope", "")
    if "openid" not in scope.split():
        raise OAuthError(ErrorCode.INVALID_SCOPE, "The scope must contain openid.")
    return scope


def _binding_message(client: Client, parameters: Mapping[str, str]) -> str:
    """Return the message, as it will be shown: one short line of letters, digits and punctuation (§7.1).

    Without the characters that turn, hide or stack text: a message must read the same for the person and in the log.
    """
    message = unicodedata.normalize("NFC", parameters.get("binding_message", ""))
    if not message and client.rules.binding_message and "authorization_details" not in parameters:
        raise OAuthError(ErrorCode.INVALID_BINDING_MESSAGE, "A binding_message is needed.")  # FAPI-CIBA §5.2.2
    if len(message) > _LONGEST_MESSAGE or not all(map(_is_speakable, message)):
        raise OAuthError(ErrorCode.INVALID_BINDING_MESSAGE, "The binding_message cannot be shown.")
    return message


def _is_speakable(letter: str) -> bool:
    category = unicodedata.category(letter)
    # Of the spaces only the plain one: the others look alike and are not what they look like.
    return letter.isprintable() and (category.startswith(_SPEAKABLE) or category in _ALSO_SPEAKABLE)


def _requested_expiry(parameters: Mapping[str, str]) -> int | None:
    written = parameters.get("requested_expiry")
    if written is None:
        return None
    if not _WHOLE_NUMBER.fullmatch(written) or int(written) == 0:
        raise _invalid("The requested_expiry is not a positive number of seconds.")
    return int(written)


def _notification_token(client: Client, parameters: Mapping[str, str]) -> str:
    if client.backchannel.delivery != "ping":
        return ""
    token = parameters.get("client_notification_token", "")
    # It becomes a header of ours: nothing but the letters of a bearer token can stand there.
    if len(token) > _LONGEST_TOKEN or not _BEARER.fullmatch(token):
        raise _invalid("The client_notification_token is missing or not a bearer token.")
    return token


async def _opened(provider: Provider, client: Client, form: Mapping[str, str], resources: tuple[str, ...]) -> Asked:
    if resources or not form.keys() <= _AUTHENTICATION:  # §7.1.1
        raise _invalid("Parameters beside the signed request are not allowed.")
    try:
        claims = await _proven(provider, client, form["request"])
        times = _check_claims(provider, client, claims)
        asked = parameters_of(claims)
    except (TokenError, KeyRefusedError) as error:
        raise _invalid("The signed request is not valid.", detail=f"signed request: {error}") from None
    # Last, so that only what is otherwise right is remembered; once for this client.
    used = digest(f"{client.client_id}\n{claims['jti']}")
    ttl = times.expires_at - provider.now()
    if not await provider.stores.first_use.first_use(USED, used, ttl=ttl, usable_since=times.usable_since):
        raise _invalid("The signed request is not valid.", detail="jti was used before")
    return asked


async def _proven(provider: Provider, client: Client, text: str) -> Claims:
    token = read_foreign(text, largest=LARGEST_OBJECT)
    if token.typ not in _TYPES:
        raise TokenError("wrong typ")  # an assertion or a proof, signed with the same key (RFC 9101 §10.8)
    registered = client.backchannel.algorithm
    if token.algorithm not in PUBLIC_KEY_ALGORITHMS or registered not in {None, token.algorithm}:
        raise TokenError("the algorithm is not the client's")
    if not client.rules.permits(token.algorithm):
        raise TokenError("the client's policy does not permit the algorithm")
    await check_signature(provider, client, token)
    return token.claims


def _check_claims(provider: Provider, client: Client, claims: Claims) -> Usable:
    """Check `aud`, `iss`, `exp`, `iat`, `nbf` and `jti`, all required (§7.1.1); return from when to when it is good."""
    if not is_meant_for(claims, provider.issuer):
        raise TokenError("aud is not the issuer")
    if claims.get("iss") != client.client_id:
        raise TokenError("iss is not the client")
    if claims.get("sub") == client.client_id:
        raise TokenError("it could pass for a client assertion")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise TokenError("jti is missing")
    now, longest = provider.now(), min(client.rules.backchannel_request or _HOUR, _HOUR)
    expires_at, issued_at, not_before = (seconds_of(claims, name) for name in ("exp", "iat", "nbf"))
    if expires_at is None or issued_at is None or not_before is None:
        raise TokenError("exp, iat or nbf is missing")
    if now >= expires_at or expires_at - not_before > longest:
        raise TokenError("expired, or good for too long")
    if max(issued_at, not_before) > now + _AHEAD:
        raise TokenError("not valid yet")
    if now - min(issued_at, not_before) > _HOUR:
        raise TokenError("made too long ago")
    return Usable(max(issued_at, not_before) - _AHEAD, expires_at)


def _invalid(description: str, *, detail: str = "") -> OAuthError:
    return OAuthError(ErrorCode.INVALID_REQUEST, description, detail=detail)
